"""Reads what somebody has made of a value: it keeps its type, and an object its fields, for what comes after."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

from core.approvals.models import MAX_VALUE
from core.engine.values import ValueType, as_text, read_value
from core.errors import Invalid

_FILE = frozenset({"name", "media_type", "text"})


def type_of(value: Any) -> ValueType:
    """Return the type of a value as it stands; nothing may become anything."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "date" if _is_date(value) else "text"
    if isinstance(value, Mapping):
        return "file" if set(value) == _FILE else "object"
    return "list" if isinstance(value, list | tuple) else "any"


def edited(given: Any, original: Any) -> Any:
    """Return ``given`` as a value of the type of ``original``.

    Raises:
        Invalid: a sentence that says what it should be, about field "value".
    """
    try:
        found = _read(given, original, "")
        length = len(json.dumps(found, allow_nan=False))
    except RecursionError:
        raise Invalid("The value is nested too deep.", "value") from None
    except (TypeError, ValueError):
        raise Invalid("The value is not plain data.", "value") from None
    if length > MAX_VALUE:
        raise Invalid(f"The value is longer than {MAX_VALUE:,} characters. Shorten it.", "value")
    return found


def _read(given: Any, original: Any, path: str) -> Any:
    wanted = type_of(original)
    if wanted == "file":
        text = given.get("text") if isinstance(given, Mapping) else given
        return {**original, "text": as_text(text)}
    try:
        found = read_value(given, wanted)
    except ValueError as error:
        raise Invalid(f"{path}: {error}" if path else str(error), "value") from None
    if wanted == "object":
        return _fields(found, original, path)
    if wanted == "list" and original:
        # One kind of item: what comes after may count on it.
        kinds = {type_of(item) for item in original}
        if len(kinds) == 1 and not kinds & {"object", "list", "file", "any"}:
            return [_read(item, original[0], f"{path} {n}".strip()) for n, item in enumerate(found, start=1)]
    return found


def _fields(found: Mapping[str, Any], original: Mapping[str, Any], path: str) -> dict[str, Any]:
    prefix = f"{path}." if path else ""
    for name in original:
        if name not in found:
            raise Invalid(f"The field {prefix}{name} is missing.", "value")
    for name in found:
        if name not in original:
            raise Invalid(f"There is no field {prefix}{str(name)[:80]}.", "value")
    return {name: _read(found[name], value, f"{prefix}{name}") for name, value in original.items()}


def _is_date(text: str) -> bool:
    try:
        return len(text) == 10 and date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
