"""Micro-dollars in words of sentences, exactly; how pages show them is theirs."""

from __future__ import annotations


def dollars(micros: int) -> str:
    """Show an amount with two digits at least and as many as it has: $5.00, $0.0125."""
    whole, rest = divmod(micros, 1_000_000)
    return f"${whole:,}.{f'{rest:06}'.rstrip('0'):0<2}"
