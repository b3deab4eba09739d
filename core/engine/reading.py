"""How a node takes values from others at run time: what is missing or of another type is said by its name."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from core.engine.values import Field, ValueType, as_text, lookup, read_value
from core.errors import CoreError, Invalid

MAX_SHOWN = 80
WORDS: Mapping[ValueType, str] = {
    "text": "text",
    "number": "a number",
    "boolean": "yes or no",
    "date": "a date",
    "list": "a list",
    "object": "an object",
    "file": "a file",
    "any": "a value",
}


class ValueMissing(CoreError):
    """There is no value at {path}. Did the step that gives it run?"""

    code = "value_missing"


class ValueWrong(CoreError):
    """“{shown}” is not {wanted}, which {called} should be."""

    code = "value_wrong"


def value_at(path: str, values: Mapping[str, Any]) -> Any:
    """Return the value at a path; raises ``ValueMissing``."""
    try:
        return lookup(path, values)
    except KeyError:
        raise ValueMissing(path=path) from None


def read_as(given: Any, wanted: ValueType, called: str) -> Any:
    """Return a value as one of a type: "5,000" is the number 5000; raises ``ValueWrong``."""
    try:
        return read_value(given, wanted)
    except ValueError:
        raise wrong_value(given, WORDS[wanted], called) from None


def read_moment(given: Any, called: str) -> datetime:
    """Return the moment of a date, in UTC: one without offset is UTC, a day its midnight; raises ``ValueWrong``."""
    moment = datetime.fromisoformat(read_as(given, "date", called))
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def read_inputs(fields: Sequence[Field], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the value of each input by its name, None for one that may be left out and was.

    What it has returned is read as the same again.

    Raises:
        Invalid: one sentence about the first field that is missing, wrong or not asked for, with its name.
    """
    known = {field.name for field in fields}
    for name in given:
        if name not in known:
            raise Invalid(f"There is no input called {name[:MAX_SHOWN]}.", name[:MAX_SHOWN])
    return {field.name: _input(field, given.get(field.name)) for field in fields}


def _input(field: Field, given: Any) -> Any:
    if given is None or (isinstance(given, str) and not given.strip()):
        if field.is_required:
            raise Invalid(f"{field.name} is missing. Enter it.", field.name)
        return None
    try:
        return read_value(given.strip() if isinstance(given, str) else given, field.type)
    except ValueError as error:
        raise Invalid(f"{field.name}: {error}", field.name) from None


def wrong_value(given: Any, wanted: str, called: str) -> ValueWrong:
    """Return the error about a value that cannot be used."""
    text = " ".join(as_text(given).split())
    shown = text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]} …"
    return ValueWrong(called=called, shown=shown, wanted=wanted)


def read_json(given: Any, called: str) -> Any:
    """Return data as it is, and text as the JSON that it should be; raises ``ValueWrong``."""
    if not isinstance(given, str):
        return given
    try:
        return json.loads(given, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise wrong_value(given, "JSON", called) from None


def checked_fields(given: Any, fields: Sequence[Field], called: str) -> dict[str, Any]:
    """Return an object of exactly these fields, each read as its type; None for one that may be left out and is.

    Raises:
        ValueMissing: a field is not there.
        ValueWrong: it is no object, or a field is of another type.
    """
    data = read_as(given, "object", called)
    found: dict[str, Any] = {}
    for field in fields:
        value = data.get(field.name)
        if value is None or value == "":
            if field.is_required and (value is None or field.type != "text"):
                raise ValueMissing(path=f"{field.name} in {called}")
            found[field.name] = value
        else:
            found[field.name] = read_as(value, field.type, field.name)
    return found


def _refuse(constant: str) -> Any:
    raise ValueError(constant)
