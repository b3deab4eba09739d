"""Reads a tool's arguments from values of a workflow: by the tool's schema, as everything here reads them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from core.engine.values import as_text, read_number
from core.errors import ToolFailed
from core.tools.base import Tool


def read_arguments(tool: Tool, given: Mapping[str, Any]) -> BaseModel:
    """Return a tool's arguments; what is empty counts as left out.

    Raises:
        ToolFailed: one is missing or not as it should be; the sentence names it.
    """
    properties = tool.arguments.model_json_schema().get("properties", {})
    values = {
        name: _read(value, properties.get(name, {})) for name, value in given.items() if value not in (None, "")
    }
    try:
        return tool.arguments.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = ".".join(map(str, first["loc"])) or "its arguments"
        raise ToolFailed(tool=tool.label, reason=f"{name}: {first['msg'].lower()}.") from None


def _read(value: Any, schema: Mapping[str, Any]) -> Any:
    types = {schema.get("type"), *(part.get("type") for part in schema.get("anyOf", ()))}
    if "string" in types:
        return as_text(value)
    if not isinstance(value, str):
        return value
    try:
        if types & {"number", "integer"}:
            return read_number(value)
        if types & {"object", "array"}:
            return json.loads(value)
    except (ValueError, RecursionError):
        return value  # the tool's own check says what it should be
    return value
