"""The OpenAPI document: what FastAPI knows, and what the routes have around them."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from app.api.openai.errors import ErrorBody
from app.api.problems import Problem, problems

IDEMPOTENCY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A repeated request with the same key gets the first answer, for a day, and does nothing twice.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[ -~]+$"},
}


def described(api: FastAPI) -> dict[str, Any]:
    """Return the document, made once."""
    if api.openapi_schema is None:
        document = get_openapi(
            title=api.title,
            version=api.version,
            description=api.description,
            routes=api.routes,
            servers=[{"url": "/api/v1"}],
        )
        for path in document["paths"].values():
            for method, operation in path.items():
                _complete(method, operation)
        schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        components = document.setdefault("components", {}).setdefault("schemas", {})
        components.update({**schema.pop("$defs"), "Problem": schema})
        for name in ("HTTPValidationError", "ValidationError"):
            components.pop(name, None)
        api.openapi_schema = document
    return api.openapi_schema


def _complete(method: str, operation: dict[str, Any]) -> None:
    """Add what ``app.api.route`` and ``app.api.bodies`` do to every request."""
    responses, tags = operation["responses"], operation["tags"]
    if "requestBody" in operation:
        responses.update(_documented(413, 415))
    if "public" in tags:
        tags.remove("public")
    elif method == "post":
        operation.setdefault("parameters", []).append(IDEMPOTENCY)
        responses.update({key: value for key, value in _documented(409).items() if key not in responses})
    if "openai" in tags:
        content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{ErrorBody.__name__}"}}}
        for status, told in responses.items():
            if int(status) >= 400:
                told["content"] = content


def _documented(*statuses: int) -> dict[str, Any]:
    return {str(status): told for status, told in problems(*statuses).items()}
