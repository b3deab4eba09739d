"""The OpenAPI document says everything: like a linter, over every route that there is."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

import core
from app.api.catalogue import catalogue
from app.api.statuses import ELSEWHERE, STATUS

BOUNDS = {"string": {"maxLength"}, "integer": {"minimum", "maximum"}, "number": {"minimum", "maximum"}}
# A value of a known form: its length follows.
CLOSED = ("enum", "const", "$ref")
FORMATS = ("date", "date-time")
CLOSED_PATTERN = re.compile(r"\^[^*+]*\$")
# Whose clients send what they like, and read errors in their own form; the cap of every body holds for it.
FOREIGN = "openai"
# Objects of bodies whose fields somebody else names, as ``POST /path.field``, each with the reason.
NODE = "what a node has depends on its kind; the core checks it"
INPUTS = "whoever drew the workflow names its inputs"
SCHEMA = "a JSON Schema; the core takes a part of it only"
FREE: dict[str, str] = {
    "POST /workflows.graph.nodes[]": NODE,
    "POST /workflows/problems.graph.nodes[]": NODE,
    "PUT /workflows/{workflow_id}/draft.graph.nodes[]": NODE,
    "POST /workflows/{workflow_id}/duplicate.graph.nodes[]": NODE,
    "PATCH /workflows/{workflow_id}.graph.nodes[]": NODE,
    "POST /workflows/{workflow_id}/execute.inputs": INPUTS,
    "POST /schedules.inputs": INPUTS,
    "PATCH /schedules/{schedule_id}.inputs": INPUTS,
    "POST /hooks/{trigger_id}": "the message of another program: it says what it wants",
    "POST /workflows/{workflow_id}/nodes/{node_id}/test.graph.nodes[]": NODE,
    "POST /workflows/{workflow_id}/nodes/{node_id}/test.values": INPUTS,
    "POST /custom-agents.output_schema": SCHEMA,
    "PATCH /custom-agents/{agent_id}.output_schema": SCHEMA,
}

Found = Iterator[tuple[str, dict[str, Any]]]


@pytest.fixture
def document(client: TestClient) -> dict[str, Any]:
    answer = client.get("/api/v1/openapi.json")
    assert answer.headers["content-security-policy"]
    return dict(answer.json())


def operations(document: dict[str, Any]) -> Found:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def resolved(document: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        _, _, kind, name = node["$ref"].split("/")
        node = document["components"][kind][name]
    return node


def parts(
    document: dict[str, Any], where: str, schema: dict[str, Any], seen: frozenset[str] = frozenset()
) -> Found:
    """Yield a schema and everything in it, once."""
    if name := schema.get("$ref"):
        if name in seen:
            return
        seen |= {name}
        schema = resolved(document, schema)
    yield where, schema
    for inner in (*schema.get("anyOf", []), *schema.get("oneOf", []), *schema.get("allOf", [])):
        yield from parts(document, where, inner, seen)
    for field, inner in schema.get("properties", {}).items():
        yield from parts(document, f"{where}.{field}", inner, seen)
    for field in ("items", "additionalProperties"):
        if isinstance(inner := schema.get(field), dict):
            yield from parts(document, f"{where}[]", inner, seen)


def bodies(document: dict[str, Any]) -> Found:
    for name, operation in operations(document):
        if FOREIGN in operation["tags"]:
            continue
        for content in operation.get("requestBody", {}).get("content", {}).values():
            yield from parts(document, name, content["schema"])


def unbounded(schema: dict[str, Any]) -> set[str]:
    """Return which bounds are missing."""
    is_closed = any(key in schema for key in CLOSED) or schema.get("format") in FORMATS
    if is_closed or CLOSED_PATTERN.fullmatch(schema.get("pattern", "")):
        return set()
    kind = schema.get("type")
    if kind == "array":
        return {"maxItems"} - set(schema)
    named = {"exclusiveMinimum": "minimum", "exclusiveMaximum": "maximum"}
    return BOUNDS.get(str(kind), set()) - {named.get(key, key) for key in schema}


def test_the_document_says_what_it_is_about(document: dict[str, Any]) -> None:
    assert {"title", "version", "description", "license"} <= set(document["info"])
    used = {tag for _, operation in operations(document) for tag in operation["tags"]}
    told = {tag["name"]: tag["description"] for tag in document["tags"]}
    assert set(told) == used
    assert [tag for tag, text in told.items() if len(text) < 20] == []


def test_every_operation_is_described_and_says_what_it_answers(document: dict[str, Any]) -> None:
    silent, untyped = [], []
    for name, operation in operations(document):
        if len(operation.get("description", "")) < 10 or not operation.get("summary"):
            silent.append(name)
        for status, answer in operation["responses"].items():
            contents = resolved(document, answer).get("content", {})
            if status[0] == "2" and status != "204":
                kinds = {kind: content.get("schema") for kind, content in contents.items()}
                if not kinds or any(kind == "application/json" and not schema for kind, schema in kinds.items()):
                    untyped.append((name, status))
            # OpenAI's clients read errors in OpenAI's form.
            if (
                status[0] in "45"
                and "openai" not in operation["tags"]
                and set(contents) != {"application/problem+json"}
            ):
                untyped.append((name, status))
    assert (silent, untyped) == ([], [])


def test_every_input_has_bounds(document: dict[str, Any]) -> None:
    found = list(bodies(document))
    for name, operation in operations(document):
        for one in operation.get("parameters", []):
            found += parts(document, f"{name} ?{one['name']}", one["schema"])
    assert {where: missing for where, schema in found if (missing := unbounded(schema))} == {}


def test_no_object_of_a_body_takes_what_nobody_knows(document: dict[str, Any]) -> None:
    objects = [(where, schema) for where, schema in bodies(document) if schema.get("type") == "object"]
    assert objects
    free = {where for where, schema in objects if not _is_closed(schema)}
    assert free - set(FREE) == set()


def _is_closed(schema: dict[str, Any]) -> bool:
    """Whether an object has known fields only, or values of one known form, and a bounded number of them."""
    others = schema.get("additionalProperties")
    return others is False or (isinstance(others, dict) and bool(others) and "maxProperties" in schema)


def test_every_error_has_a_decided_status(client: TestClient) -> None:
    for module in pkgutil.walk_packages(core.__path__, "core."):
        if "migrations" not in module.name and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    undecided = {entry.code for entry in catalogue()} - set(STATUS) - ELSEWHERE
    assert undecided == set()
    assert {entry.code for entry in catalogue()} >= set(STATUS) | ELSEWHERE


def test_the_list_of_errors_is_the_table_of_the_document(client: TestClient, document: dict[str, Any]) -> None:
    listed = client.get("/api/v1/errors", params={"limit": 200}).json()
    assert listed["next"] is None
    errors = {item["code"]: item for item in listed["items"]}
    assert errors["conflict"]["status"] == 409
    assert errors["rate_limited_here"] == {
        "code": "rate_limited_here",
        "status": 429,
        "retryable": True,
        "sentence": "Too many tries. Please wait … s before the next one.",
    }
    assert errors["budget_exceeded"]["status"] is None
    told = document["paths"]["/errors"]["get"]["description"]
    assert all(f"| `{code}` |" in told for code in errors)
    assert "{" not in told


@pytest.mark.parametrize("path", ["docs", "redoc"])
def test_the_reference_comes_from_here_alone(client: TestClient, path: str) -> None:
    page = client.get(f"/api/v1/{path}")
    assert page.headers["content-type"].startswith("text/html")
    files = {name: client.get(name) for name in re.findall(r'(?:src|href)="([^"]+)"', page.text)}
    assert {name: answer.status_code for name, answer in files.items() if answer.status_code != 200} == {}
    assert all(name.startswith("/") for name in files)
    assert not re.search(r"<script(?![^>]*src)|<style", page.text)
    assert [name for name, answer in files.items() if "cdn.redoc.ly" in answer.text] == []
