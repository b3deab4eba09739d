"""Cells of CSV files that a spreadsheet shows and never computes."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

# OWASP, CSV injection: a cell that begins like this is a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def harmless(cell: str) -> str:
    """Return text with an apostrophe in front where it begins like a formula: spreadsheets then read it as text."""
    return "'" + cell if cell.lstrip(" ").startswith(_FORMULA_STARTS) else cell


def as_csv(rows: Iterable[Iterable[object]]) -> str:
    """Return lines with every cell quoted; the cells are harmless already."""
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows(rows)
    return text.getvalue()
