"""Fills ``{{name}}`` and ``{{name.field}}`` in a text. Nothing else: no expressions, no code."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
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


def only_path(template: str) -> str | None:
    """Return the path of a text that is one placeholder and nothing else."""
    match = _PLACEHOLDER.fullmatch(template.strip())
    return match[1] if match else None


def fill_value(template: str, values: Mapping[str, Any]) -> Any:
    """Fill a text; one that is a single placeholder becomes the value itself, of whatever type."""
    path = only_path(template)
    if path is None:
        return fill(template, values)
    try:
        return lookup(path, values)
    except KeyError:
        return template


def fill_data(data: Any, values: Mapping[str, Any]) -> Any:
    """Fill every text in JSON data by ``fill_value``; names of an object's fields stay as they are."""
    if isinstance(data, str):
        return fill_value(data, values)
    if isinstance(data, Mapping):
        return {name: fill_data(value, values) for name, value in data.items()}
    if isinstance(data, list | tuple):
        return [fill_data(value, values) for value in data]
    return data


def paths_within(data: Any) -> list[str]:
    """Return the paths that the texts in JSON data ask for, each once."""
    if isinstance(data, str):
        return paths_in(data)
    parts: Iterable[Any] = ()
    if isinstance(data, Mapping):
        parts = data.values()
    elif isinstance(data, list | tuple):
        parts = data
    return list(dict.fromkeys(path for part in parts for path in paths_within(part)))
