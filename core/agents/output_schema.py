"""The form that an agent's answers have to have: a part of JSON Schema that is safe to check answers with.

Refused is what could load something ("$ref") or take for ever ("pattern", "anyOf" and the like).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from core.errors import Invalid

FIELD = "output_schema"
MAX_CHARACTERS = 20_000
MAX_DEPTH = 12
KEYWORDS = frozenset(
    {
        "$schema",
        "additionalProperties",
        "const",
        "default",
        "description",
        "enum",
        "examples",
        "exclusiveMaximum",
        "exclusiveMinimum",
        "items",
        "maxItems",
        "maxLength",
        "maximum",
        "minItems",
        "minLength",
        "minimum",
        "properties",
        "required",
        "title",
        "type",
    }
)


def read_output_schema(given: object) -> dict[str, Any] | None:
    """Return the schema in a text or an object; None for nothing.

    Raises:
        Invalid: one sentence about what is wrong with it.
    """
    if isinstance(given, str):
        given = _parsed(given) if given.strip() else None
    if given is None:
        return None
    if not isinstance(given, Mapping) or given.get("type") != "object":
        raise _wrong('it has to be a JSON object with "type": "object".')
    schema = dict(given)
    if len(json.dumps(schema, ensure_ascii=False)) > MAX_CHARACTERS:
        raise _wrong(f"it is longer than {MAX_CHARACTERS:,} characters.")
    for part in _parts(schema, 0):
        if unknown := sorted(set(part) - KEYWORDS):
            raise _wrong(f"“{unknown[0][:40]}” is not supported.")
        if not isinstance(part.get("additionalProperties", True), bool):
            raise _wrong("“additionalProperties” can only be true or false.")
    _check(schema)
    return schema


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise _wrong("it is not JSON.") from None


def _parts(schema: object, depth: int) -> Iterator[Mapping[str, Any]]:
    """Yield a schema and those of its properties and items."""
    if depth > MAX_DEPTH:
        raise _wrong(f"it is nested more than {MAX_DEPTH} levels deep.")
    if not isinstance(schema, Mapping):
        raise _wrong("each property and “items” have to be objects.")
    yield schema
    properties = schema.get("properties", {})
    if not isinstance(properties, Mapping):
        raise _wrong("“properties” has to be an object.")
    for inner in properties.values():
        yield from _parts(inner, depth + 1)
    if "items" in schema:
        yield from _parts(schema["items"], depth + 1)


def _check(schema: Mapping[str, Any]) -> None:
    from jsonschema import Draft202012Validator, SchemaError  # not paid for by who has no schemas

    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        place = ".".join(map(str, error.absolute_path)) or "it"
        raise _wrong(f"{place[:80]} is not valid JSON Schema ({error.message[:120]}).") from None


def _wrong(reason: str) -> Invalid:
    return Invalid(f"Output schema: {reason}", FIELD)
