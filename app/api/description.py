"""The OpenAPI document: what FastAPI knows, and what the routes have around them."""

from __future__ import annotations

import pkgutil
import sys
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from app.api import routes
from app.api.catalogue import catalogue, table
from app.api.openai.errors import ErrorBody
from app.api.problems import Problem, problems

IDEMPOTENCY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A repeated request with the same key gets the first answer, for a day, and does nothing twice.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[ -~]+$"},
}
LICENSE = {"name": "MIT", "identifier": "MIT"}


def described(api: FastAPI) -> dict[str, Any]:
    """Return the document, made once."""
    if api.openapi_schema is None:
        document = get_openapi(
            title=api.title,
            version=api.version,
            description=api.description,
            routes=api.routes,
            servers=[{"url": "/api/v1"}],
            license_info=LICENSE,
        )
        components = document.setdefault("components", {})
        schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas = components.setdefault("schemas", {})
        schemas.update({**schema.pop("$defs"), "Problem": schema})
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        answers = components.setdefault("responses", {})
        for path in document["paths"].values():
            for method, operation in path.items():
                _complete(method, operation)
                _share_problems(operation["responses"], answers)
        document["paths"]["/errors"]["get"]["description"] += f"\n\n{table()}"
        document["tags"] = _tags(document)
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
    for required in operation.get("security", []):
        if scopes := [f"`{scope}`" for scope in required.get("bearer", [])]:
            operation["description"] += f"\n\nA personal token needs the scope {' and '.join(scopes)}."


def _documented(*statuses: int) -> dict[str, Any]:
    return {str(status): told for status, told in problems(*statuses).items()}


def _share_problems(responses: dict[str, Any], answers: dict[str, Any]) -> None:
    """Have operations point to the problems that they may answer, which stand once in the document."""
    for status, told in responses.items():
        if told == _documented(int(status))[status]:
            name = "".join(word.title() for word in HTTPStatus(int(status)).phrase.split())
            if name not in answers:
                codes = ", ".join(f"`{entry.code}`" for entry in catalogue() if entry.status == int(status))
                answers[name] = {**told, "description": f"{told['description']}: {codes}."}
            responses[status] = {"$ref": f"#/components/responses/{name}"}


def _tags(document: dict[str, Any]) -> list[dict[str, str]]:
    """Return the tags as their modules tell about them; what several modules say after a colon is joined."""
    used = {tag for path in document["paths"].values() for operation in path.values() for tag in operation["tags"]}
    found: dict[str, str] = {}
    for module in pkgutil.iter_modules(routes.__path__, f"{routes.__name__}."):
        loaded = sys.modules[module.name]
        told = " ".join((loaded.__doc__ or "").split())
        tag = next(iter(loaded.router.tags), "")
        if tag in found:
            found[tag] = f"{found[tag].removesuffix('.')}; {told.partition(': ')[2] or told}"
        else:
            found[tag] = told
    return [{"name": tag, "description": told} for tag, told in found.items() if tag in used]
