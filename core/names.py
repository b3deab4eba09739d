"""The one rule for names that people give: one printable line."""

from __future__ import annotations

from core.errors import Invalid


def clean_name(name: str, longest: int, wish: str = "Enter a name", field: str = "name") -> str:
    """Return a name of 1 to ``longest`` characters without needless spaces.

    Raises:
        Invalid: it is empty, too long or cannot be shown; the sentence begins with ``wish`` and is about ``field``.
    """
    cleaned = " ".join(name.split())
    if not cleaned or len(cleaned) > longest or not cleaned.isprintable():
        raise Invalid(f"{wish} of 1 to {longest} characters.", field)
    return cleaned
