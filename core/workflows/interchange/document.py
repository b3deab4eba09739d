"""Our own form of a workflow as a file: ``{"zoark": "workflow/1", name, …, graph, agents, …}``. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from core.agents.models import AgentDefinition
from core.agents.service import parse_definition
from core.engine.graph import MAX_ID, Node, read_graph
from core.errors import GraphInvalid, Invalid
from core.names import clean_name
from core.tools.registry import all_tools
from core.workflows.failures import ImportRefused
from core.workflows.interchange.models import Bundle
from core.workflows.interchange.places import Thing, exchanged, unknown_kinds
from core.workflows.models import MAX_DESCRIPTION, MAX_NAME

FORM = "workflow/1"
MAX_THINGS = 200
_PARTS = ("zoark", "name", "description", "department", "graph", "agents", "keys", "workflows", "people")
_NAME = re.compile(r"[\w-]+")
_FIELDS = frozenset({*AgentDefinition.model_fields, "key"} - {"key_id"})


def write(bundle: Bundle) -> dict[str, Any]:
    """Return a workflow as plain data; parts without anything in them are left out."""
    parts: dict[str, Any] = {
        "zoark": FORM,
        "name": bundle.name,
        "description": bundle.description,
        "department": bundle.department,
        "graph": bundle.graph.document(),
        "agents": {name: dict(agent) if agent is not None else None for name, agent in bundle.agents.items()},
        "keys": {name: {"provider": provider} for name, provider in bundle.keys.items()},
        "workflows": {name: {"name": title} for name, title in bundle.workflows.items()},
        "people": list(bundle.people),
    }
    return {name: part for name, part in parts.items() if part}


def read(data: Any) -> Bundle:
    """Return the workflow in plain data; raises ``ImportRefused``."""
    if not isinstance(data, Mapping) or "zoark" not in data:
        raise ImportRefused("it is no workflow of Zoark.")
    if data["zoark"] != FORM:
        raise ImportRefused(f"it is of the form {str(data['zoark'])[:40]}, and only {FORM} is known here.")
    if unknown := sorted(set(data) - set(_PARTS)):
        raise ImportRefused(f"it has a part called {unknown[0][:MAX_ID]}, which is not known here.")
    notes: list[str] = []
    bundle = Bundle(
        name=_name(data.get("name")),
        description=_text(data, "description", MAX_DESCRIPTION),
        department=_text(data, "department", MAX_ID),
        graph=_graph(data.get("graph")),
        agents={
            name: None if agent is None else checked_agent(name, agent, notes)
            for name, agent in _things(data, "agents").items()
        },
        keys={name: _text(key, "provider", MAX_ID) for name, key in _things(data, "keys").items()},
        workflows={name: _text(one, "name", MAX_NAME) for name, one in _things(data, "workflows").items()},
        people=_people(data.get("people", [])),
    )
    return _checked(bundle, notes)


def checked_agent(name: str, fields: Any, notes: list[str]) -> Mapping[str, Any]:
    """Return the fields of an agent in a file, without tools that are not here: ``notes`` says which.

    Raises:
        ImportRefused: a field is wrong.
    """
    if not isinstance(fields, Mapping):
        raise ImportRefused(f"the agent {name} is not an object.")
    if unknown := sorted(set(fields) - _FIELDS):
        raise ImportRefused(f"the agent {name} has a field called {unknown[0][:MAX_ID]}, which is not known here.")
    found = dict(fields)
    tools = found.get("tools", [])
    if isinstance(tools, list) and all(isinstance(tool, str) for tool in tools):
        missing = [tool for tool in tools if tool not in all_tools()]
        notes += [f"{name} uses the tool {tool[:MAX_ID]}, which is not here. It was left out." for tool in missing]
        found = {**found, "tools": [tool for tool in tools if tool in all_tools()]} if tools else found
    if not isinstance(found.get("key", ""), str):
        raise ImportRefused(f"the key of the agent {name} is not text.")
    try:
        parse_definition(as_fields(found, key_id="key"))
    except Invalid as error:
        raise ImportRefused(f"of the agent {name}: {error.sentence}") from None
    return found


def as_fields(agent: Mapping[str, Any], *, key_id: str, model: str = "", department: str = "") -> dict[str, Any]:
    """Return an agent of a file as fields of ``AgentDefinition``, with what the file does not say."""
    fields = {name: value for name, value in agent.items() if name != "key"}
    fields.setdefault("model", model or "unknown")
    fields.setdefault("department", department or "unknown")
    return {**fields, "key_id": key_id}


def _checked(bundle: Bundle, notes: list[str]) -> Bundle:
    """Refuse names of things that the file does not describe: they could be anybody's."""
    if unknown := unknown_kinds(bundle.graph):
        raise ImportRefused(f"{unknown[0]} is of a kind that is not known here.")
    known: Mapping[Thing, Any] = {
        "agent": bundle.agents,
        "key": bundle.keys,
        "workflow": bundle.workflows,
        "person": bundle.people,
    }

    def check(node: Node, thing: Thing, name: str) -> str:
        if name not in known[thing]:
            raise ImportRefused(
                f"{node.title} names the {thing} {name[:MAX_ID]}, which the file does not describe."
            )
        return name

    graph = exchanged(bundle.graph, check)
    for name, agent in bundle.agents.items():
        if agent and agent.get("key") and agent["key"] not in bundle.keys:
            raise ImportRefused(f"the agent {name} names a key that the file does not describe.")
    return Bundle(**{**vars(bundle), "graph": graph, "notes": tuple(notes)})


def _graph(document: Any) -> Any:
    try:
        return read_graph(document)
    except GraphInvalid as error:
        raise ImportRefused(f"of its graph, {error.facts['reason']}") from None


def _name(value: Any) -> str:
    try:
        return clean_name(value if isinstance(value, str) else "", MAX_NAME)
    except Invalid:
        raise ImportRefused(f"its name is not one line of 1 to {MAX_NAME} characters.") from None


def _text(part: Any, name: str, longest: int) -> str:
    value = part.get(name, "") if isinstance(part, Mapping) else None
    if not isinstance(value, str) or len(value) > longest:
        raise ImportRefused(f"its {name} is not text of at most {longest:,} characters.")
    return value.strip()


def _things(data: Mapping[str, Any], part: str) -> Mapping[str, Any]:
    found = data.get(part, {})
    if not isinstance(found, Mapping) or len(found) > MAX_THINGS:
        raise ImportRefused(f"its {part} are not an object, or more than {MAX_THINGS}.")
    for name in found:
        _check_local(name)
    return found


def _people(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > MAX_THINGS or not all(isinstance(one, str) for one in value):
        raise ImportRefused(f"its people are not a list of names, or more than {MAX_THINGS}.")
    for name in value:
        _check_local(name)
    return tuple(dict.fromkeys(value))


def _check_local(name: str) -> None:
    if len(name) > MAX_ID or not _NAME.fullmatch(name):
        raise ImportRefused(f"{name[:MAX_ID]} is no proper name: letters, digits, _ and - only.")
