"""Says a workflow in the words of CrewAI: agents, and tasks that are done one after the other. Pure.

Inputs become placeholders, results of other tasks context, texts are written out where they are used, joins are
what they join, an approval asks in the terminal. What is left has no word in CrewAI, and is refused or noted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from core.engine import settings
from core.engine.graph import Graph, Node, in_order
from core.engine.nodes.agent import is_inline
from core.engine.nodes.registry import all_kinds
from core.workflows.failures import ExportRefused
from core.workflows.interchange.crewai_model import (
    ASKS_FOR,
    BACKSTORY,
    EXPECTED,
    PART,
    RESULT,
    SETTINGS,
    CrewAgent,
    CrewProject,
    CrewTask,
    identifier,
    literal,
)
from core.workflows.interchange.models import Bundle

_PATH = re.compile(r"\{\{\s*([\w-]+(?:\.[\w-]+)*)\s*\}\}")
_MAX_TEXT = 200_000


def as_project(bundle: Bundle) -> CrewProject:
    """Return a workflow as a project of CrewAI.

    Raises:
        ExportRefused: CrewAI has no word for something in it; says for what.
    """
    return _Writer(bundle).project()


class _Writer:
    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._graph = bundle.graph
        self._ordered = in_order(self._graph)
        self._agents: dict[str, CrewAgent] = {}
        # Of an agent: whether it stands in a node itself, and its name there.
        self._agent_keys: dict[tuple[str, str], str] = {}
        self._tasks: dict[str, CrewTask] = {}
        # By node: the task that has its result. Other nodes hand on those before them.
        self._task_of: dict[str, str] = {}
        self._results: dict[str, tuple[str, ...]] = {}
        # Templates, written out.
        self._texts: dict[str, str] = {}
        self._notes: dict[str, None] = {}
        self._inputs: dict[str, str] = {}
        self._expected: dict[str, str] = {}
        self._led: Node | None = None

    def project(self) -> CrewProject:
        self._refuse_what_has_no_word()
        for node in self._ordered:
            for field in settings.fields(node.config, "fields") if node.kind == "input" else ():
                self._inputs[field.name] = identifier(field.name, self._inputs.values())
        for node in self._ordered:
            self._add(node)
        if not self._tasks:
            raise ExportRefused("no agent in it has a task, and a crew needs one.")
        manager = self._key_of(self._led, settings.text(self._led.config, "manager_id")) if self._led else ""
        return CrewProject(
            name=identifier(f"{self._bundle.name} crew"),
            title=self._bundle.name,
            agents=tuple(self._agents.values()),
            tasks=tuple(self._tasks.values()),
            inputs=tuple(self._inputs.values()),
            process="hierarchical" if self._led else "sequential",
            manager=manager,
            notes=tuple(self._notes),
        )

    def _refuse_what_has_no_word(self) -> None:
        if len(self._ordered) < len(self._graph.nodes):
            raise ExportRefused("its nodes wait for each other in a circle.")
        without = [node for node in self._ordered if not _has_word(self._graph, node)]
        if without:
            named = ", ".join(f"{node.title} ({all_kinds()[node.kind].label})" for node in without)
            raise ExportRefused(f"CrewAI has no word for {named}.")
        led = [node for node in self._ordered if _is_led(node)]
        working = [node for node in self._ordered if node.kind in ("agent", "crew")]
        if led and len(working) > 1:
            raise ExportRefused(f"{led[0].title} is led by a manager, and in CrewAI a manager leads all tasks.")
        self._led = led[0] if led else None

    def _add(self, node: Node) -> None:
        self._notes.update(dict.fromkeys(_notes(self._graph, node)))
        before = self._results_before(node)
        match node.kind:
            case "agent":
                agent = "" if is_inline(node) else settings.text(node.config, "agent_id")
                if not agent and not is_inline(node):
                    raise ExportRefused(f"{node.title} has no agent yet.")
                self._task(node, node.id, self._key_of(node, agent), settings.text(node.config, "task"), before)
            case "crew" if _is_led(node):
                for name in settings.texts(node.config, "agent_ids"):
                    self._key_of(node, name)
                self._task(node, node.id, "", settings.text(node.config, "task"), before)
            case "crew":
                for number, row in enumerate(settings.rows(node.config, "tasks"), 1):
                    agent = self._key_of(node, settings.text(row, "agent_id"))
                    self._task(node, f"{node.id}_{number}", agent, settings.text(row, "task"), before)
                    before = (*before, self._task_of[node.id])
            case "approval":
                for key in before:
                    self._tasks[key] = replace(self._tasks[key], asks_person=True)
            case "template":
                self._texts[node.id] = self._said(settings.text(node.config, "text"), node)
        self._results[node.id] = (self._task_of[node.id],) if node.id in self._task_of else before

    def _task(self, node: Node, name: str, agent: str, text: str, before: tuple[str, ...]) -> None:
        key = identifier(name, {*self._tasks, *self._agents})
        text, _, asked = text.partition(ASKS_FOR)
        expected = self._said(asked, node).strip() or self._expected.get(agent, "") or EXPECTED
        description = self._said(text, node).strip() or "Do your work."
        self._tasks[key] = CrewTask(key, node.label, description, expected, agent, before)
        self._task_of[node.id] = key

    def _results_before(self, node: Node) -> tuple[str, ...]:
        """Return the tasks whose results lead to a node, through nodes that have no result of their own."""
        sources = self._graph.sources_of(node.id)
        return tuple(dict.fromkeys(key for source in sources for key in self._results[source]))

    # --- agents ---

    def _key_of(self, node: Node, name: str) -> str:
        fields: Mapping[str, Any] | None = self._bundle.agents.get(name)
        if not name:
            fields = {"name": node.title, **settings.group(node.config, "agent")}
        if fields is None:
            raise ExportRefused(f"an agent of {node.title} is not shared with you, or was not chosen yet.")
        if not fields.get("role") or not fields.get("goal"):
            raise ExportRefused(f"{node.title} has no agent yet.")
        known = ("stored", name) if name else ("inline", node.id)
        if known not in self._agent_keys:
            key = identifier(str(fields["name"]), {*self._agents, *self._tasks})
            self._agent_keys[known] = key
            self._expected[key] = literal(str(fields.get("expected_output") or "").strip())
            self._agents[key] = CrewAgent(key, self._agent_fields(fields))
        return self._agent_keys[known]

    def _agent_fields(self, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        if tools := fields.get("tools"):
            self._notes[f"{fields['name']} used these tools, which CrewAI does not have: {', '.join(tools)}."] = (
                None
            )
        if fields.get("output_schema"):
            self._notes[f"{fields['name']} answered as its output schema said. Here it answers with text."] = None
        provider = self._bundle.keys.get(str(fields.get("key") or fields.get("key_id") or ""), "")
        return {
            "name": fields["name"],
            "role": literal(str(fields["role"])),
            "goal": literal(str(fields["goal"])),
            "backstory": literal(str(fields.get("backstory") or BACKSTORY)),
            "llm": f"{provider or 'openai'}/{fields.get('model') or 'gpt-4o-mini'}",
            **{theirs: fields[ours] for ours, theirs in SETTINGS.items() if fields.get(ours) is not None},
        }

    # --- texts ---

    def _said(self, template: str, node: Node) -> str:
        """Return a template as CrewAI reads it; templates that it uses are written out."""
        found: list[str] = []
        end = 0
        for match in _PATH.finditer(template):
            found += [literal(template[end : match.start()]), self._value(match[1], node)]
            end = match.end()
        text = "".join([*found, literal(template[end:])])
        if len(text) > _MAX_TEXT:
            raise ExportRefused(f"the task of {node.title} becomes too long when its texts are written out.")
        return text

    def _value(self, path: str, node: Node) -> str:
        name, *parts = path.split(".")
        if name in self._inputs:
            return f"{{{self._inputs[name]}}}"
        source = self._graph.by_id.get(name)
        if source is None or name not in self._graph.upstream[node.id]:
            return literal(f"[{path}]")
        if source.kind == "input":
            fields = [parts[0]] if parts else [field.name for field in settings.fields(source.config, "fields")]
            return ", ".join(f"{{{self._inputs[one]}}}" for one in fields if one in self._inputs)
        if name in self._task_of:
            key = self._task_of[name]
            return PART.format(part=".".join(parts), key=key) if parts else RESULT.format(key=key)
        if source.kind == "template":
            return self._texts[name]
        return ", ".join(RESULT.format(key=key) for key in self._results[name])


def _is_led(node: Node) -> bool:
    return node.kind == "crew" and settings.text(node.config, "process") == "hierarchical"


def _has_word(graph: Graph, node: Node) -> bool:
    match node.kind:
        case "input" | "agent" | "crew" | "join" | "output" | "wait":
            return True
        case "template":
            return settings.text(node.config, "format", "text") == "text"
        case "approval":
            return all(edge.when == "approved" for edge in graph.outgoing[node.id])
    return False


def _notes(graph: Graph, node: Node) -> Iterator[str]:
    title = node.title
    if node.handling.on_error != "stop" or node.handling.attempts or node.handling.timeout_seconds:
        yield f"{title} said what becomes of its failures: attempts, time limit, another way. This was left out."
    match node.kind:
        case "agent" if settings.text(node.config, "answer", "text") != "text":
            yield f"{title} answered with fields. Here it answers with text: its expected_output can ask for them."
        case "wait":
            yield f"{title} waited for a time. Here the work goes on at once."
        case "approval":
            yield f"{title} asked somebody in Zoark. Here the crew asks in the terminal, and cannot be rejected."
        case "join" if settings.text(node.config, "mode") == "any":
            yield f"{title} went on with the first result. Here all of them are there."
        case "output" if settings.text(node.config, "format", "text") != "text":
            form = settings.text(node.config, "format")
            yield f"{title} gave {form}. Here the result is the text of the last task."
    if len(graph.outgoing[node.id]) > 1 and node.kind in ("agent", "crew"):
        yield f"What followed {title} ran at the same time. Here one task is done after the other."
