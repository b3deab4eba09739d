"""Follows graphs in this process, without the queue: a node of kind "probe" does what its settings say."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from core import clock
from core.accounts.models import User
from core.bootstrap import Core
from core.engine import crash_points
from core.engine.control import Controls
from core.engine.course import Course, Finished
from core.engine.execution import NodeRunner
from core.engine.failures import ChildFailed
from core.engine.graph import Node
from core.engine.nodes.base import Done, NodeContext, NodeKind, Outcome, Result, Scope, Services, Waiting
from core.engine.nodes.registry import all_kinds
from core.engine.template import fill
from core.errors import BadKey, CoreError, Unreachable
from core.keys.models import OpenKey
from core.llm.base import Endpoint
from core.runs.models import Run, RunEvent
from core.runs.nodes.models import NODE, NodeState
from core.runs.queue import RunQueue
from core.security.egress import EgressPolicy
from core.tools.base import ToolServices

FAILURES: Mapping[str, type[CoreError]] = {"bad_key": BadKey, "unreachable": Unreachable}


class Crash(BaseException):
    """Stands for the end of the process."""


class Probe(NodeKind):
    """``{gives?, text?, way?, fails?: code, fails_times?, seconds?, items?, acts?, word?, minutes?, child?}``."""

    name, label, group = "probe", "Probe", "Data"

    def __init__(self) -> None:
        self.begun: Counter[str] = Counter()
        self.seen: dict[str, Scope] = {}
        self.words: set[str] = set()
        self.acts: list[str] = []
        self.on_run: Callable[[str], None] = lambda _: None

    def outcomes(self, node: Node) -> tuple[Outcome, ...]:
        return tuple(Outcome(way) for way in node.config.get("ways", [""]))

    def run(self, context: NodeContext, node: Node, scope: Scope) -> Result:
        config = node.config
        self.seen[node.id] = scope
        if "items" in config and context.item == NODE:
            return context.rounds(
                config["items"],
                config.get("parallel", 1),
                lambda inner, item: self.run(inner, node, Scope({**scope.values, "item": item})),
            )
        name = node.id if context.item == NODE else f"{node.id}{context.item}"
        self.begun[name] += 1
        self.on_run(name)
        if "seconds" in config:
            self._work(context, config["seconds"])
        if config.get("word") and name not in self.words:
            return Waiting()
        if "minutes" in config:
            state = context.services.journal.nodes.state(context.run_id, node.id, context.item)
            assert state is not None
            assert state.started_at is not None
            due_at = state.started_at + timedelta(minutes=config["minutes"])
            if clock.now() < due_at:
                return Waiting(due_at)
        if "child" in config:
            return self._of_child(context.child(config["child"], {"input": name}, None))
        fails = config.get("fails")
        if fails and config.get("fails_on", name) == name and self.begun[name] <= config.get("fails_times", 99):
            raise FAILURES[fails]()
        if config.get("acts"):
            return Done(context.act_once(self._act, is_repeatable=bool(config.get("repeatable"))))
        given = fill(config["text"], scope.values) if "text" in config else config.get("gives", name)
        return Done(given, config.get("way", ""))

    @staticmethod
    def _of_child(child: Run) -> Result:
        if child.is_active:
            return Waiting()
        if child.status != "succeeded":
            raise ChildFailed(reason=child.error.message if child.error else "it was cancelled.")
        return Done(child.output)

    def _act(self, key: str) -> str:
        self.acts.append(key)
        return f"acted {len(self.acts)}"

    @staticmethod
    def _work(context: NodeContext, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            context.control.check()
            time.sleep(0.01)


@dataclass
class NoEndpoints:
    """Nothing is called."""

    policy: EgressPolicy

    @contextmanager
    def lease(self, key: OpenKey) -> Iterator[tuple[Endpoint, EgressPolicy]]:
        yield key.endpoint, self.policy


@dataclass
class Walks:
    """Alice's runs of graphs of probes."""

    core: Core
    alice: User
    probe: Probe = field(default_factory=Probe)
    controls: Controls = field(default_factory=Controls)

    def start(self, nodes: Mapping[str, Mapping[str, Any]], *edges: str, **inputs: str) -> Run:
        """Start a graph of ``{id: settings}``, probes unless they say it; edges are "a > b" or "a way > b"."""
        document = document_of(nodes, *edges)
        return self.core.runs.start_graph_run(self.alice, "Walk", document, inputs or {"input": "x"})

    def follow(self, run: Run) -> Finished | None:
        """Follow a segment of a run, as the worker does."""
        run = self.get(run)
        beginning = self.core.journal.begin(run.id, run.segment)
        task = self.core.journal.task(run.id)
        assert task is not None
        assert beginning is not None
        core = self.core
        services = Services(
            core.keys,
            core.usage,
            core.journal,
            NoEndpoints(core.policy),
            core.settings.data_dir,
            core.rates,
            core.runs,
            core.approvals,
            ToolServices(core.keys, core.tool_mail),
        )
        runner = NodeRunner(services, core.accounts, self.controls)
        course = Course(core.journal, runner, self.controls, task, lambda _, go: go())
        return course.follow(is_taken_up=beginning == "taken_up")

    def outcome(self, run: Run) -> Finished:
        """Follow a run to its end."""
        finished = self.follow(run)
        assert finished is not None
        return finished

    def walk(self, nodes: Mapping[str, Mapping[str, Any]], *edges: str, **inputs: str) -> Finished:
        """Start a graph and follow it to its end."""
        return self.outcome(self.start(nodes, *edges, **inputs))

    def wake(self, run: Run) -> None:
        with self.core.db.transaction() as connection:
            self.core.runs.waking.wake(connection, run.id)

    def workflow(self, nodes: Mapping[str, Mapping[str, Any]], *edges: str) -> str:
        """Publish a workflow with one text input called "input", and return its id."""
        begin = {"kind": "input", "fields": [{"name": "input", "type": "text"}]}
        sources = {edge.split(">")[1].strip() for edge in edges}
        edges = (*edges, *(f"begin > {node_id}" for node_id in nodes if node_id not in sources))
        graph = document_of({"begin": begin, **nodes}, *edges)
        made = self.core.workflows.create(self.alice, "Inside", "hr", graph=graph)
        self.core.workflows.publish(self.alice, made.id)
        return made.id

    def children(self, run: Run) -> list[Run]:
        """Return the runs that its nodes have started, the first one first."""
        found = self.core.runs.list(self.alice)
        return [one for one in reversed(found) if one.parent is not None and one.parent.run_id == run.id]

    def end(self, run: Run) -> None:
        """Follow a run to its end, as the worker does."""
        try:
            done = self.outcome(run)
        except CoreError as error:
            self.core.journal.fail(run.id, error)
        else:
            self.core.journal.succeed(run.id, done.output, done.outputs)

    def get(self, run: Run) -> Run:
        return self.core.runs.get(self.alice, run.id)

    def states(self, run: Run) -> dict[str, NodeState]:
        """Return what is remembered: a node by its id, its rounds as ``a0``, ``a1``, …"""
        found = self.core.journal.nodes.states(run.id)
        return {state.node_id + ("" if state.item == NODE else str(state.item)): state for state in found}

    def statuses(self, run: Run) -> dict[str, str]:
        return {name: state.status for name, state in self.states(run).items()}

    def events(self, run: Run, kind: str) -> list[RunEvent]:
        return [event for event in self.core.runs.events(self.alice, run.id) if event.kind == kind]

    def crash_at(self, point: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let the process end, so to speak, when it comes to a place the next time."""

        def listen(reached: str) -> None:
            if reached == point:
                monkeypatch.setattr(crash_points, "_listener", None)
                raise Crash

        monkeypatch.setattr(crash_points, "_listener", listen)


def document_of(nodes: Mapping[str, Mapping[str, Any]], *edges: str) -> dict[str, Any]:
    """Return the graph of ``{id: settings}`` and edges like "a > b" or "a way > b"."""
    lines = []
    for edge in edges:
        source, target = (part.strip() for part in edge.split(">"))
        source, _, when = source.partition(" ")
        lines.append({"source": source, "target": target, **({"when": when} if when else {})})
    return {"nodes": [{"id": name, "kind": "probe", **config} for name, config in nodes.items()], "edges": lines}


@contextmanager
def walks(core: Core, alice: User, monkeypatch: pytest.MonkeyPatch) -> Iterator[Walks]:
    """Set the stage: probes are a kind of node, and nothing goes to a queue."""
    monkeypatch.setattr(RunQueue, "enqueue", lambda *_: None)
    made = Walks(core, alice)
    monkeypatch.setitem(all_kinds(), "probe", made.probe)
    yield made
