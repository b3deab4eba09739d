"""One node of any kind at work in this process, without the queue: Alice's agents, her key, the fake model."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from core import clock
from core.accounts.models import User
from core.agents.service import parse_definition
from core.bootstrap import Core
from core.engine.control import Controls
from core.engine.execution import NodeRunner, Outcome
from core.engine.graph import parse_graph
from core.engine.nodes.base import Scope, Services
from core.engine.nodes.registry import kind_of
from core.engine.startup import prepare_process
from core.keys.models import Key, KeyDraft, OpenKey
from core.llm.base import Endpoint
from core.runs import repository
from core.runs.models import Run
from core.security.egress import EgressPolicy
from core.tools.base import ToolServices
from core.usage.models import ModelCall
from tests.fakes.model_server import FakeModelServer

SECRET = "zk-engine-key-0123456789abcdef"
# At $2 and $8 per million tokens one call of the fake (100 in, 20 out) costs so much.
CALL_MICROS = 360


@contextmanager
def worker_like_process(folder: Path) -> Iterator[None]:
    """Prepare this process as a worker does, before anything imports crewai."""
    before = dict(os.environ)
    prepare_process(folder)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


class PlainEndpoints:
    """Leases what the key says; there is no built-in model here."""

    def __init__(self, policy: EgressPolicy) -> None:
        self._policy = policy

    @contextmanager
    def lease(self, key: OpenKey) -> Iterator[tuple[Endpoint, EgressPolicy]]:
        yield key.endpoint, self._policy


class Finder:
    """Finds what a graph names, for Alice."""

    def __init__(self, core: Core, actor: User) -> None:
        self._core = core
        self._actor = actor

    def agent(self, agent_id: str) -> Mapping[str, Any]:
        return self._core.agents.to_run(self._actor, agent_id).definition.model_dump(mode="json")

    def inline_agent(self, fields: Mapping[str, Any], title: str) -> Mapping[str, Any]:
        self._core.keys.require_usable(self._actor, str(fields["key_id"]))
        return parse_definition({"name": title, "department": "support", **fields}).model_dump(mode="json")

    def workflow(self, workflow_id: str) -> int:
        return self._core.workflows.to_run(self._actor, workflow_id).version or 0


class NodeStage:
    """Alice, her key and a runner of nodes."""

    def __init__(self, core: Core, alice: User, fake: FakeModelServer) -> None:
        self.core = core
        self.alice = alice
        self.fake = fake
        self.controls = Controls()
        self.services = Services(
            core.keys,
            core.usage,
            core.journal,
            PlainEndpoints(core.policy),
            core.settings.data_dir,
            core.rates,
            core.runs,
            core.approvals,
            ToolServices(core.keys, core.tool_mail),
        )
        self.runner = NodeRunner(self.services, core.accounts, self.controls)
        self.key = self.add_key(SECRET)

    def add_key(self, secret: str, input_micros: int = 2_000_000, output_micros: int = 8_000_000) -> Key:
        """Store a key for the fake model; prices are for a million tokens."""
        draft = KeyDraft(secret[:8], "openai_compatible", secret, self.fake.openai_url, input_micros, output_micros)
        return self.core.keys.add(self.alice, draft)

    def agent(self, model: str = "fake-1", **fields: Any) -> str:
        """Make an agent and return its id."""
        given = {
            "name": "Helper",
            "department": "support",
            "role": "assistant",
            "goal": "answer",
            "key_id": self.key.id,
            "model": model,
        }
        return self.core.agents.create(self.alice, {**given, **fields}).id

    def queued(self, kind: str, config: Mapping[str, Any], **inputs: Any) -> Run:
        """Let Alice start a run of one node, called ``n``, that nobody executes yet."""
        graph = parse_graph({"nodes": [{"id": "n", "kind": kind, **config}]})
        node = graph.nodes[0]
        assert list(kind_of(node).problems(node)) == []
        prepared = replace(node, config=kind_of(node).prepare(node, Finder(self.core, self.alice)))
        run = Run(
            id=clock.new_id("run"),
            owner_id=self.alice.id,
            agent_id=None,
            department="support",
            title="Node",
            status="queued",
            inputs=inputs,
            output=None,
            error=None,
            created_at=clock.now(),
            started_at=None,
            cancel_requested_at=None,
            ended_at=None,
        )
        with self.core.db.transaction() as connection:
            repository.insert_run(connection, run, {"nodes": [prepared.document()], "edges": []})
        return run

    def execute(self, run: Run, sources: tuple[str, ...] = (), **values: Any) -> Outcome:
        """Execute the node of a run, with more values than its inputs if there are any."""
        self.core.journal.begin(run.id)
        task = self.core.journal.task(run.id)
        assert task is not None
        graph = parse_graph(task.graph)
        return self.runner.run(task, graph, graph.nodes[0], Scope({**task.run.inputs, **values}, sources))

    def run(self, kind: str, config: Mapping[str, Any], **inputs: Any) -> tuple[Run, Outcome]:
        """Start and execute a run of one node."""
        run = self.queued(kind, config, **inputs)
        return run, self.execute(run)

    def data(self, run: Run, kind: str) -> list[Mapping[str, Any]]:
        """Return what the events of a kind say."""
        return [event.data for event in self.core.runs.events(self.alice, run.id) if event.kind == kind]

    def calls(self, run: Run) -> list[ModelCall]:
        """Return the run's model calls."""
        return list(self.core.runs.model_calls(self.alice, run.id))

    def sent(self, number: int) -> str:
        """Return everything that stood in one request to the fake, as text."""
        messages = json.loads(self.fake.chats[number].body)["messages"]
        return "\n".join(str(message["content"]) for message in messages)
