"""Fills ``{{name}}`` and ``{{name.field}}`` in a text. Nothing else: no expressions, no code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from core.engine.values import as_text, lookup

_PLACEHOLDER = re.compile(r"\{\{\s*([\w-]+(?:\.[\w-]+)*)\s*\}\}")


def fill(template: str, values: Mapping[str, Any]) -> str:
    """Replace each path that is known by its value as text; values are not searched again."""

    def found(match: re.Match[str]) -> str:
        try:
            return as_text(lookup(match[1], values))
        except KeyError:
            return match[0]

    return _PLACEHOLDER.sub(found, template)


def paths_in(template: str) -> list[str]:
    """Return the paths a template asks for, each once, in their order."""
    return list(dict.fromkeys(_PLACEHOLDER.findall(template)))


def names_in(template: str) -> set[str]:
    """Return the names that these paths begin with."""
    return {path.split(".")[0] for path in paths_in(template)}
