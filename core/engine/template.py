"""Fills ``{{name}}`` in a text. Nothing else: no expressions, no code."""

from __future__ import annotations

import re
from collections.abc import Mapping

_PLACEHOLDER = re.compile(r"\{\{\s*([\w-]+)\s*\}\}")


def fill(template: str, values: Mapping[str, str]) -> str:
    """Replace each ``{{name}}`` that is known; values are not searched again."""
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), template)


def names_in(template: str) -> set[str]:
    """Return the names a template asks for."""
    return set(_PLACEHOLDER.findall(template))
