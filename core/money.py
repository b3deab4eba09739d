"""Micro-dollars in words, exactly; where fewer digits are enough, pages round by themselves."""

from __future__ import annotations


def dollars(micros: int) -> str:
    """Show an amount with two digits at least and as many as it has: $5.00, $1,250.00, $0.0125, −$0.25."""
    whole, rest = divmod(abs(micros), 1_000_000)
    return f"{'−' if micros < 0 else ''}${whole:,}.{f'{rest:06}'.rstrip('0'):0<2}"
