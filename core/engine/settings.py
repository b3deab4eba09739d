"""Reads a node's settings, which a draft may have in any form: what is not as it should be counts as not set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.engine.graph import LONGEST_TIMEOUT_SECONDS
from core.engine.values import FIELD_TYPES, Field

LARGEST = 10**15


def text(config: Mapping[str, Any], name: str, default: str = "") -> str:
    """Return a text."""
    value = config.get(name)
    return value if isinstance(value, str) else default


def texts(config: Mapping[str, Any], name: str) -> list[str]:
    """Return the texts of a list that are not empty."""
    return [one for one in _list(config.get(name)) if isinstance(one, str) and one]


def switch(config: Mapping[str, Any], name: str, default: bool = False) -> bool:
    """Return whether something is switched on."""
    value = config.get(name)
    return value if isinstance(value, bool) else default


def number(config: Mapping[str, Any], name: str, default: float = 0) -> float:
    """Return a number of a size that makes sense."""
    value = config.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return default
    return value if abs(value) < LARGEST else default


def seconds(config: Mapping[str, Any], name: str, default: float) -> float:
    """Return a time limit that a node can have."""
    value = number(config, name, default)
    return float(value) if 1 <= value <= LONGEST_TIMEOUT_SECONDS else default


def group(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return an object."""
    value = config.get(name)
    return value if isinstance(value, Mapping) else {}


def rows(config: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """Return the objects of a list."""
    return [one for one in _list(config.get(name)) if isinstance(one, Mapping)]


def fields(config: Mapping[str, Any], name: str) -> tuple[Field, ...]:
    """Return the fields of a list, each name once."""
    found: dict[str, Field] = {}
    for row in rows(config, name):
        called, wanted = text(row, "name"), text(row, "type", "text")
        if called and wanted in FIELD_TYPES:
            found.setdefault(
                called, Field(called, wanted, text(row, "help"), switch(row, "is_required", default=True))
            )
    return tuple(found.values())


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()
