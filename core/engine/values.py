"""What nodes hand each other: plain JSON data with a name and a type, and how it is read and written as text."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, get_args

# ``file`` is {"name", "media_type", "text"}; ``any`` is what nobody knows before it is there.
ValueType = Literal["text", "number", "boolean", "date", "list", "object", "file", "any"]
VALUE_TYPES: tuple[ValueType, ...] = get_args(ValueType)
# What people choose from; a file and anything come from nodes only.
FIELD_TYPES: tuple[ValueType, ...] = ("text", "number", "boolean", "date", "list", "object")

_PATH = re.compile(r"[\w-]+(?:\.[\w-]+)*")
_NUMBER = re.compile(r"[+-]?(?:\d+|\d{1,3}(?:,\d{3})+)(?:\.\d+)?(?:[eE][+-]?\d{1,3})?")
_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})


@dataclass(frozen=True)
class Field:
    """A named value of an object, or an input of a workflow."""

    name: str
    type: ValueType = "text"
    help: str = ""
    is_required: bool = True


@dataclass(frozen=True)
class Shape:
    """What is known of a value before it is there: its type, and the fields of an object or of a list's objects."""

    type: ValueType = "text"
    fields: tuple[Field, ...] = ()


def lookup(path: str, values: Mapping[str, Any]) -> Any:
    """Return the value at ``name`` or ``name.field.2``: keys of objects and numbers of lists, nothing else.

    Raises:
        KeyError: there is none.
    """
    if not _PATH.fullmatch(path):
        raise KeyError(path)
    found: Any = values
    for part in path.split("."):
        if isinstance(found, Mapping) and part in found:
            found = found[part]
        elif isinstance(found, Sequence) and not isinstance(found, str) and part.isdecimal():
            if int(part) >= len(found):
                raise KeyError(path)
            found = found[int(part)]
        else:
            raise KeyError(path)
    return found


def as_text(value: Any) -> str:
    """Return a value as people and models read it: text as it is, an empty text for nothing, JSON for the rest."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping) and set(value) == {"name", "media_type", "text"}:
        return str(value["text"])
    return json.dumps(value, ensure_ascii=False, indent=2 if isinstance(value, list | Mapping) else None)


def read_value(given: Any, wanted: ValueType) -> Any:
    """Return what was typed, sent or answered as a value of a type: "5,000" is the number 5000.

    Raises:
        ValueError: a sentence that says what it should be.
    """
    readers: dict[str, Callable[[Any], Any]] = {
        "text": as_text,
        "number": read_number,
        "boolean": _boolean,
        "date": _date,
        "list": lambda value: _json(value, list, "a list, such as [1, 2]"),
        "object": lambda value: _json(value, dict, 'an object, such as {"name": "value"}'),
    }
    return readers[wanted](given) if wanted in readers else given


def read_number(given: Any) -> int | float:
    """Return a number; text may group thousands by commas, and only properly.

    Raises:
        ValueError: it is none, or not finite.
    """
    if isinstance(given, bool) or given is None:
        raise ValueError("Enter a number.")
    if isinstance(given, int):
        return given
    if isinstance(given, str):
        text = given.strip()
        if len(text) > 40 or not _NUMBER.fullmatch(text):
            raise ValueError("Enter a number, such as 5000 or 12.5.")
        plain = text.replace(",", "")
        given = int(plain) if re.fullmatch(r"[+-]?\d+", plain) else float(plain)
    if isinstance(given, int):
        return given
    if not isinstance(given, float) or not math.isfinite(given):
        raise ValueError("Enter a number.")
    return int(given) if given.is_integer() and abs(given) < 2**53 else given


def _boolean(given: Any) -> bool:
    if isinstance(given, bool):
        return given
    word = str(given).strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError("Enter yes or no.")


def _date(given: Any) -> str:
    text = str(given).strip()
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(text).isoformat()
    except ValueError:
        raise ValueError("Enter a date, such as 2026-11-30.") from None


def _json(given: Any, wanted: type, sentence: str) -> Any:
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except (ValueError, RecursionError):
            raise ValueError(f"Enter {sentence}.") from None
    if not isinstance(given, wanted):
        raise ValueError(f"Enter {sentence}.")
    return given
