"""Reads a project of CrewAI: its two YAML files, and of its ``crew.py`` as text how the agents work together.

Nothing of it is imported or executed. What has no place here is told in notes.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from core.engine.graph import MAX_ID, Graph, read_graph
from core.errors import GraphInvalid
from core.workflows.failures import ImportRefused
from core.workflows.interchange import formats
from core.workflows.interchange.archive import unpack
from core.workflows.interchange.crewai_model import (
    ASKS_FOR,
    BACKSTORY,
    EXPECTED,
    LIMITS,
    PLACEHOLDER,
    PROVIDERS,
    RESULT_PATTERN,
    SETTINGS,
    unliteral,
)
from core.workflows.interchange.document import checked_agent
from core.workflows.interchange.models import Bundle
from core.workflows.models import MAX_NAME

AGENTS, TASKS, CREW = "agents.yaml", "tasks.yaml", "crew.py"
MAX_AGENTS = 50
MAX_TASKS = 100
MOST_BEFORE = 9
STEP_X, STEP_Y = 280.0, 140.0
_KNOWN_OF_AGENT = {"name", "role", "goal", "backstory", "llm", "verbose", "cache", "tools", *SETTINGS.values()}
_KNOWN_OF_TASK = {"name", "description", "expected_output", "agent", "context", "human_input"}


def files_of_zip(data: bytes) -> Mapping[str, bytes]:
    """Return the files of a project that matter, by their names; raises ``ImportRefused``."""
    found = unpack(data, lambda path: path.name in (AGENTS, TASKS, CREW))
    nearest: dict[str, str] = {}
    for path in sorted(found, key=lambda path: (path.count("/"), path)):
        nearest.setdefault(PurePosixPath(path).name, path)
    files = {name: found[path] for name, path in nearest.items()}
    # Named after the folder that has config/, which is the project's package.
    parts = PurePosixPath(nearest.get(AGENTS, "")).parts[:-2]
    return {**files, "name": parts[-1].encode()} if parts else files


def read_project(files: Mapping[str, bytes]) -> Bundle:
    """Return the workflow that does what a project does.

    Args:
        files: ``agents.yaml`` and ``tasks.yaml``, perhaps ``crew.py``; ``name`` is what the project is called.

    Raises:
        ImportRefused: one of them is missing or wrong.
    """
    for name in (AGENTS, TASKS):
        if name not in files:
            raise ImportRefused(f"there is no {name} in it.")
    return _Reader(files).bundle()


class _Reader:
    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._notes: list[str] = []
        self._agents = _section(files[AGENTS], AGENTS, MAX_AGENTS)
        self._tasks = _section(files[TASKS], TASKS, MAX_TASKS)
        self._process, self._manager = _way_of_working(files[CREW]) if CREW in files else ("sequential", "")
        self._name = _title(files.get("name", b"").decode("utf-8", "replace"))
        self._ids = _ids(self._tasks)
        self._keys: dict[str, str] = {}
        self._inputs: dict[str, None] = {}

    def bundle(self) -> Bundle:
        for key, task in self._tasks.items():
            if not isinstance(task.get("description"), str) or not task["description"].strip():
                raise ImportRefused(f"the task {key} has no description.")
            self._note_unknown("task", key, task, _KNOWN_OF_TASK)
            if task.get("human_input") is True:
                self._notes.append(
                    f"The task {key} asked a person. Put an approval behind it, and say who decides."
                )
        expected = {key: self._expected_of(key) for key in self._agents}
        agents = {_local(key): self._agent(key, fields, expected[key]) for key, fields in self._agents.items()}
        graph = self._graph(list(self._nodes(expected)))
        return Bundle(self._name, "", "", graph, agents, self._keys, notes=tuple(dict.fromkeys(self._notes)))

    # --- agents ---

    def _agent(self, key: str, fields: Mapping[str, Any], expected: str) -> Mapping[str, Any]:
        found: dict[str, Any] = {
            "name": _text(fields.get("name")) or _title(key),
            "role": _text(fields.get("role")),
            "goal": _text(fields.get("goal")),
            "backstory": "" if _text(fields.get("backstory")) == BACKSTORY else _text(fields.get("backstory")),
            "expected_output": expected,
            **self._settings(key, fields),
        }
        llm = fields.get("llm")
        provider, model = _model(llm) if isinstance(llm, str) else ("", "")
        local = provider or "key"
        self._keys[local] = provider
        self._note_unknown("agent", key, fields, _KNOWN_OF_AGENT)
        if fields.get("tools"):
            self._notes.append(f"The tools of the agent {key} were left out. Choose some of those that are here.")
        for part in ("role", "goal", "backstory"):
            if PLACEHOLDER.search(str(fields.get(part, ""))):
                self._notes.append(
                    f"The {part} of the agent {key} has a placeholder, which only tasks can have here."
                )
        return checked_agent(
            _local(key), {**found, "key": local, **({"model": model} if model else {})}, self._notes
        )

    def _settings(self, key: str, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        found: dict[str, Any] = {}
        for ours, theirs in SETTINGS.items():
            value = fields.get(theirs)
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ImportRefused(f"{theirs} of the agent {key} is not a number.")
            least, most = LIMITS[ours]
            number = min(max(value, least), most)
            if number != value:
                self._notes.append(f"{theirs} of the agent {key} was {value:g}; here it is {number:g}.")
            found[ours] = number if ours == "temperature" else int(number)
        return found

    def _expected_of(self, agent: str) -> str:
        """Return what all tasks of an agent expect: here an agent says it; what differs is put into the task."""
        found = {
            self._filled(task.get("expected_output"), set())
            for task in self._tasks.values()
            if task.get("agent") == agent
        }
        only = found.pop() if len(found) == 1 else ""
        return "" if only == EXPECTED or "{{" in only else only

    # --- tasks ---

    def _nodes(self, expected: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        is_led = self._process == "hierarchical"
        crew = self._crew() if is_led else {}
        earlier: list[str] = []
        for key, task in self._tasks.items():
            agent = task.get("agent")
            if not is_led and (not isinstance(agent, str) or agent not in self._agents):
                raise ImportRefused(f"the task {key} has no agent of {AGENTS}.")
            yield {
                "id": self._ids[key],
                **_label(task),
                **(crew if is_led else {"kind": "agent", "agent_id": _local(str(agent)), "answer": "text"}),
                "task": self._described(key, task, "" if is_led else expected[str(agent)]),
                "from": self._context(key, task, earlier),
            }
            earlier.append(key)

    def _crew(self) -> Mapping[str, Any]:
        if self._manager and self._manager not in self._agents:
            raise ImportRefused(f"{CREW} names a manager that is not in {AGENTS}.")
        if not self._manager:
            self._notes.append("The crew is led by a manager of CrewAI's own. Choose an agent that leads it.")
        return {
            "kind": "crew",
            "process": "hierarchical",
            "manager_id": _local(self._manager) if self._manager else "",
            "agent_ids": [_local(key) for key in self._agents if key != self._manager],
        }

    def _described(self, key: str, task: Mapping[str, Any], usual: str) -> str:
        known = set(list(self._tasks)[: list(self._tasks).index(key)])
        text = self._filled(task["description"], known)
        expected = self._filled(task.get("expected_output"), known)
        return text if expected in ("", EXPECTED, usual) else f"{text}{ASKS_FOR}{expected}"

    def _context(self, key: str, task: Mapping[str, Any], earlier: Sequence[str]) -> list[str]:
        context = task.get("context")
        if context is None:
            # CrewAI gives a task the results of all tasks before it, unless it says of which.
            return [self._ids[one] for one in earlier[-MOST_BEFORE:]]
        if not isinstance(context, list) or not all(isinstance(one, str) and one in earlier for one in context):
            raise ImportRefused(f"the context of the task {key} is not a list of tasks before it.")
        return [self._ids[one] for one in dict.fromkeys(context)]

    def _filled(self, text: Any, known: set[str]) -> str:
        """Return a text with our placeholders in the place of CrewAI's; its inputs are noted."""

        def value(match: re.Match[str]) -> str:
            self._inputs[match[1]] = None
            return f"{{{{{match[1]}}}}}"

        def result(match: re.Match[str]) -> str:
            return f"{{{{{self._ids[match[1]]}}}}}" if match[1] in known else match[0]

        plain = text.strip() if isinstance(text, str) else ""
        return unliteral(RESULT_PATTERN.sub(result, PLACEHOLDER.sub(value, plain)))

    def _graph(self, nodes: list[dict[str, Any]]) -> Graph:
        """Put an input before the tasks, if they ask for something, and an output behind the last one."""
        edges: list[dict[str, str]] = []
        depth: dict[str, int] = {}
        for node in nodes:
            before = node.pop("from")
            depth[node["id"]] = 1 + max((depth[one] for one in before), default=0)
            edges += [{"source": one, "target": node["id"]} for one in before]
        rows: dict[int, int] = {}
        for node in nodes:
            column = depth[node["id"]]
            node["position"] = {"x": column * STEP_X, "y": rows.get(column, 0) * STEP_Y}
            rows[column] = rows.get(column, 0) + 1
        taken = {*depth, *self._inputs}
        if self._inputs:
            start = _free("input", taken)
            fields = [{"name": name, "type": "text", "is_required": True} for name in self._inputs]
            first = [node["id"] for node in nodes if depth[node["id"]] == 1]
            edges = [*({"source": start, "target": node_id} for node_id in first), *edges]
            nodes.insert(0, {"id": start, "kind": "input", "fields": fields, "position": {"x": 0, "y": 0}})
            taken.add(start)
        last = nodes[-1]["id"]
        end = {"id": _free("output", taken), "kind": "output", "name": "result", "format": "text"}
        place = {"x": (max(depth.values()) + 1) * STEP_X, "y": 0}
        edges.append({"source": last, "target": end["id"]})
        nodes.append({**end, "value": f"{{{{{last}}}}}", "position": place})
        try:
            return read_graph({"nodes": nodes, "edges": edges})
        except GraphInvalid as error:
            raise ImportRefused(f"of its tasks, {error.facts['reason']}") from None

    def _note_unknown(self, what: str, key: str, fields: Mapping[str, Any], known: set[str]) -> None:
        if unknown := sorted(set(fields) - known):
            self._notes.append(f"Of the {what} {key} this was left out: {', '.join(unknown)[:200]}.")


def _section(data: bytes, name: str, most: int) -> Mapping[str, Mapping[str, Any]]:
    found = formats.read_yaml(formats.text_of(data))
    if not isinstance(found, dict) or not found or not all(isinstance(one, dict) for one in found.values()):
        raise ImportRefused(f"{name} is not a list of names with their settings.")
    if len(found) > most:
        raise ImportRefused(f"{name} has more than {most} entries.")
    return found


def _way_of_working(data: bytes) -> tuple[str, str]:
    """Return the process and the manager that ``crew.py`` names, from its text."""
    try:
        tree = ast.parse(formats.text_of(data))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ImportRefused(f"{CREW} is not proper Python.") from None
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Crew":
            given = {one.arg: one.value for one in call.keywords}
            process, manager = given.get("process"), given.get("manager_agent")
            is_led = isinstance(process, ast.Attribute) and process.attr == "hierarchical"
            named = manager.func if isinstance(manager, ast.Call) else None
            return "hierarchical" if is_led else "sequential", named.attr if isinstance(
                named, ast.Attribute
            ) else ""
    return "sequential", ""


def _ids(tasks: Mapping[str, Any]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for key in tasks:
        found[key] = _free(_local(key), set(found.values()))
    return found


def _local(key: str) -> str:
    return re.sub(r"[^\w-]+", "_", key)[:60] or "one"


def _free(name: str, taken: set[str]) -> str:
    found, count = name, 1
    while found in taken or found in ("item", "constructor", "prototype", "__proto__"):
        count += 1
        found = f"{name}_{count}"
    return found


def _label(task: Mapping[str, Any]) -> Mapping[str, str]:
    label = _line(task.get("name"))[:MAX_ID].strip()
    return {"label": label} if label else {}


def _model(llm: str) -> tuple[str, str]:
    """Return the provider and the model in "provider/model"; the provider is empty if it is not known here."""
    first, slash, rest = llm.strip().partition("/")
    return (PROVIDERS.get(first, ""), rest) if slash else ("", first)


def _title(name: str) -> str:
    words = re.sub(r"[\W_]+", " ", name).strip()
    words = re.sub(r" crew$", "", words)
    return (words[:1].upper() + words[1:])[:MAX_NAME] or "Imported crew"


def _line(value: Any) -> str:
    return " ".join(_text(value).split())


def _text(value: Any) -> str:
    return unliteral(value.strip()) if isinstance(value, str) else ""
