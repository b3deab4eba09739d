"""The smallest value a JSON schema allows: what the fake model says when asked for structured output, and the
arguments of its tool calls."""

from typing import Any

Schema = dict[str, Any]

# A schema that contains itself ends here, with null where null is allowed.
DEEP = 6

TEXT_OF_FORMAT = {
    "date-time": "2026-01-01T00:00:00Z",
    "date": "2026-01-01",
    "time": "00:00:00Z",
    "email": "fake@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


def minimal_instance(schema: Schema) -> Any:
    """Only required properties are filled in; all of them when the schema does not say which are required."""
    return _instance(schema, schema, 0)


def _instance(schema: Schema, root: Schema, depth: int) -> Any:
    if "$ref" in schema:
        return _instance(_referred(schema["$ref"], root), root, depth + 1)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        is_null_best = depth > DEEP and {"type": "null"} in choices
        return None if is_null_best else _instance(choices[0], root, depth + 1)
    if "allOf" in schema:
        parts = [_instance(part, root, depth + 1) for part in schema["allOf"]]
        is_object = all(isinstance(part, dict) for part in parts)
        return {key: value for part in parts for key, value in part.items()} if is_object else parts[0]
    match _kind(schema):
        case "object":
            properties: dict[str, Schema] = schema.get("properties", {})
            names = schema.get("required", list(properties))
            return {name: _instance(properties.get(name, {}), root, depth + 1) for name in names}
        case "array":
            return [_instance(schema.get("items", {}), root, depth + 1) for _ in range(schema.get("minItems", 0))]
        case "integer":
            return int(_number(schema))
        case "number":
            return _number(schema)
        case "boolean":
            return True
        case "null":
            return None
        case _:
            return TEXT_OF_FORMAT.get(schema.get("format", ""), "x" * max(1, schema.get("minLength", 1)))


def _kind(schema: Schema) -> str:
    kind = schema.get("type") or ("object" if "properties" in schema else "string")
    return str(next((one for one in kind if one != "null"), "null") if isinstance(kind, list) else kind)


def _number(schema: Schema) -> float:
    if "minimum" in schema:
        return float(schema["minimum"])
    if "exclusiveMinimum" in schema:
        return float(schema["exclusiveMinimum"]) + 1
    return min(1.0, float(schema.get("maximum", 1)))


def _referred(pointer: str, root: Schema) -> Schema:
    found: Any = root
    for part in pointer.removeprefix("#/").split("/"):
        found = found[part] if part != "#" else found
    return dict(found)
