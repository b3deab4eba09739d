"""One node of each kind, filled in as a person would, and what finds the things that they name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.errors import NotFound

# By kind: settings without any problem. A kind without an example fails its contract.
EXAMPLES: dict[str, dict[str, Any]] = {
    "input": {"fields": [{"name": "invoice", "type": "text", "help": "The whole text.", "is_required": True}]},
    "agent": {
        "agent_id": "agent_1",
        "task": "Read {{invoice}}.",
        "answer": "fields",
        "answer_fields": [{"name": "amount", "type": "number", "help": "The total, in euros."}],
    },
    "crew": {
        "process": "sequential",
        "tasks": [
            {"agent_id": "agent_1", "task": "Research {{topic}}."},
            {"agent_id": "agent_2", "task": "Write it up."},
        ],
    },
    "tool": {"tool": "calculator", "arguments": {"expression": "{{extract.amount}} * 2"}},
    "condition": {"mode": "compare", "left": "extract.amount", "type": "number", "operator": ">", "right": "5,000"},
    "for_each": {
        "items": "orders",
        "parallel": 4,
        "body": {"kind": "template", "format": "text", "text": "{{item.name}} for {{customer}}"},
    },
    "join": {"mode": "all"},
    "approval": {
        "approver": {"kind": "department", "id": "finance"},
        "title": "Pay {{extract.amount}}?",
        "message": "See {{invoice}}.",
        "show": ["extract", "invoice"],
        "edit": "extract.amount",
        "expires_hours": 48,
        "remind_hours": 24,
        "on_expiry": "branch",
    },
    "wait": {"mode": "until", "moment": "2026-12-01T09:00+01:00"},
    "template": {"format": "json", "json": {"amount": "{{extract.amount}}", "words": ["Dear {{name}}"], "n": 1}},
    "transform": {
        "operation": "filter",
        "source": "orders",
        "field": "amount",
        "type": "number",
        "operator": ">=",
        "right": "{{limit}}",
    },
    "workflow": {"workflow_id": "workflow_1", "inputs": {"topic": "About {{topic}}"}},
    "output": {
        "name": "letter",
        "format": "file",
        "value": "{{write}}",
        "file_name": "letter-{{customer}}.md",
    },
}
# Further ways to fill a kind in, by kind.
MORE: dict[str, list[dict[str, Any]]] = {
    "agent": [
        {"agent_id": "agent_1", "task": ""},
        {
            "is_inline": True,
            "agent": {"role": "clerk", "goal": "read invoices", "key_id": "key_1", "model": "m"},
            "task": "Read {{invoice}}.",
            "answer": "schema",
        },
        {"agent": {"role": "r", "goal": "g", "key_id": "k", "model": "m", "name": "n"}, "task": "x"},
    ],
    "crew": [
        {
            "process": "hierarchical",
            "manager_id": "agent_1",
            "agent_ids": ["agent_2", "agent_3"],
            "task": "Write about {{topic}}.",
        }
    ],
    "condition": [
        {"mode": "compare", "left": "a", "type": "text", "operator": "empty"},
        {"mode": "compare", "left": "a", "type": "boolean", "operator": "true"},
        {"mode": "compare", "left": "a.0", "type": "list", "operator": "longer", "right": "3"},
        {
            "mode": "judge",
            "question": "What is {{mail}} about?",
            "classes": [{"name": "invoice", "description": "asks for money"}, {"name": "complaint"}],
            "agent_id": "agent_1",
        },
    ],
    "wait": [{"mode": "for", "minutes": 0.5}, {"mode": "value", "value": "due"}],
    "template": [{"format": "text", "text": "Dear {{name}}"}, {"text": "Hello"}],
    "transform": [
        {"operation": "pick", "source": "a", "fields": [{"name": "x"}]},
        {"operation": "rename", "source": "a", "names": [{"old": "x", "new": "y"}]},
        {"operation": "sort", "source": "a", "field": "x", "is_descending": True},
        {"operation": "join", "source": "a", "separator": ", "},
        {"operation": "to_number", "source": "a.b"},
    ],
    "output": [
        {"name": "result", "format": "text", "value": "{{a}} and {{b}}"},
        {"name": "result", "value": "{{a}}"},
        {"name": "r", "format": "json", "value": "{{a}}", "fields": [{"name": "x", "type": "number"}]},
    ],
    "join": [{}],
}


class Resolver:
    """Finds everything; what is called "gone" is not there."""

    def agent(self, agent_id: str) -> dict[str, Any]:
        if agent_id == "gone":
            raise NotFound(what="agent")
        return {"name": agent_id, "key_id": f"key of {agent_id}", "time_limit_seconds": 30}

    def inline_agent(self, fields: Mapping[str, Any], title: str) -> dict[str, Any]:
        return {"name": title, **fields}

    def workflow(self, workflow_id: str) -> int:
        return 3
