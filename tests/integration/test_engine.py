"""The engine in this process, without the queue: what a node writes down, retries, counts and obeys."""

from __future__ import annotations

import json
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import update

from core import clock
from core.accounts.models import User
from core.bootstrap import Core
from core.db.tables import keys
from core.engine import execution
from core.engine.control import Controls, Reason
from core.engine.execution import NodeRunner, Outcome
from core.engine.graph import parse_graph
from core.engine.nodes.base import Scope, Services
from core.engine.startup import prepare_process
from core.keys.models import KeyDraft, OpenKey
from core.llm.base import Endpoint
from core.llm.pricing import OwnPrice
from core.llm.registry import provider_named
from core.prices.models import OverrideDraft
from core.quotas.models import EVERY, Allowance
from core.runs.models import Run, RunEvent
from core.runs.queue import RunQueue
from core.security.egress import EgressPolicy, connections_opened
from core.tools.base import ToolServices
from core.usage.models import CallOrigin, ModelCall
from tests.fakes.model_server import FakeModelServer
from tests.fakes.request_log import RequestRecord
from tests.support.worker import wait_until

SECRET = "zk-engine-key-0123456789abcdef"
# $2 and $8 per million tokens: one call of the fake (100 in, 20 out) costs 360 micro-dollars.
OWN_PRICE = OwnPrice(2_000_000, 8_000_000)
CALL_MICROS = 360

# What takes its time and has nothing to do with the database.
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture(scope="module", autouse=True)
def prepared_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """As the worker does it, before anything here imports crewai."""
    before = dict(os.environ)
    prepare_process(tmp_path_factory.mktemp("crewai"))
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(autouse=True)
def nothing_is_queued(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RunQueue, "enqueue", lambda *_: None)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution, "FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(execution, "POLL_SECONDS", 0.01)


@pytest.fixture(autouse=True)
def guarded_only(fake: FakeModelServer) -> Iterator[None]:
    """Every connection that the fake saw went through the guard."""
    before = connections_opened()
    yield
    assert fake.accepted_connections == connections_opened() - before


class PlainEndpoints:
    """Leases what the key says; there is no built-in model here."""

    def __init__(self, policy: EgressPolicy) -> None:
        self._policy = policy

    @contextmanager
    def lease(self, key: OpenKey) -> Iterator[tuple[Endpoint, EgressPolicy]]:
        yield key.endpoint, self._policy


class Stage:
    """Alice, her key and an engine."""

    def __init__(self, core: Core, alice: User, fake: FakeModelServer) -> None:
        self.core = core
        self.alice = alice
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
        self.key = core.keys.add(
            alice,
            KeyDraft(
                "fake",
                "openai_compatible",
                SECRET,
                fake.openai_url,
                OWN_PRICE.input_micros_per_million,
                OWN_PRICE.output_micros_per_million,
            ),
        )

    def queued(self, model: str = "fake-1", text: str = "Please look at MARK-1.", **fields: Any) -> Run:
        """Let Alice start a run that nobody executes yet."""
        given = {
            "name": "Helper",
            "department": "support",
            "role": "assistant",
            "goal": "answer",
            "key_id": self.key.id,
            "model": model,
        }
        agent = self.core.agents.create(self.alice, {**given, **fields})
        return self.core.runs.start_agent_run(self.alice, agent.id, text)

    def execute(self, run: Run) -> Outcome:
        """Execute the run's only node."""
        self.core.journal.begin(run.id)
        task = self.core.journal.task(run.id)
        assert task is not None
        graph = parse_graph(task.graph)
        runner = NodeRunner(self.services, self.core.accounts, self.controls)
        return runner.run(task, graph, graph.nodes[0], Scope(task.run.inputs))

    def events(self, run: Run) -> list[RunEvent]:
        return self.core.runs.events(self.alice, run.id)

    def kinds(self, run: Run) -> list[str]:
        return [event.kind for event in self.events(run)]

    def data(self, run: Run, kind: str) -> list[Mapping[str, Any]]:
        return [event.data for event in self.events(run) if event.kind == kind]

    def calls(self, run: Run) -> list[ModelCall]:
        return self.core.runs.model_calls(self.alice, run.id)


@pytest.fixture
def stage(core: Core, alice: User, fake: FakeModelServer) -> Stage:
    return Stage(core, alice, fake)


@dataclass
class Background:
    """An execution in a thread of its own."""

    outcome: Outcome | None = None
    ended_at: float = 0.0


@contextmanager
def in_background(work: Callable[[], Outcome]) -> Iterator[Background]:
    result = Background()

    def run() -> None:
        result.outcome = work()
        result.ended_at = time.monotonic()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield result
    finally:
        thread.join(60)
        assert not thread.is_alive()


def arrived(count: int) -> Callable[[list[RequestRecord]], bool]:
    return lambda records: len(records) >= count


# --- what is written down -----------------------------------------------------------------------


def test_a_node_writes_its_events_in_order(stage: Stage, fake: FakeModelServer) -> None:
    run = stage.queued()
    outcome = stage.execute(run)
    assert outcome == Outcome("succeeded", "Fake answer 1. MARK-1")
    # Text comes in one piece or more, as fast as the model speaks.
    kinds = list(dict.fromkeys(stage.kinds(run)))
    assert kinds == [
        "run_queued",
        "run_started",
        "node_started",
        "model_call_started",
        "model_text",
        "model_call_finished",
        "node_finished",
    ]
    assert [event.seq for event in stage.events(run)] == list(range(1, len(stage.events(run)) + 1))
    assert "".join(data["text"] for data in stage.data(run, "model_text")) == outcome.output
    assert stage.data(run, "node_finished") == [{"output": outcome.output}]
    assert [record.key for record in fake.chats] == [SECRET]


def test_a_call_is_booked_with_the_providers_own_count(stage: Stage, fake: FakeModelServer) -> None:
    run = stage.queued("fake-1@pt=137@ct=41@cached=17")
    stage.execute(run)
    (call,) = stage.calls(run)
    assert (call.status, call.input_tokens, call.output_tokens, call.cached_tokens) == ("answered", 137, 41, 17)
    assert call.cost_micros == 137 * 2 + 41 * 8
    assert (call.node_id, call.provider, call.model) == ("agent", "openai_compatible", run_model(stage, run))
    assert fake.totals() == (1, 137, 41)


def run_model(stage: Stage, run: Run) -> str:
    return str(stage.data(run, "model_call_started")[0]["model"])


@pytest.mark.parametrize("tools", [(), ("calculator",)], ids=["without tools", "with tools"])
def test_braces_of_alice_reach_the_model_unchanged(
    stage: Stage, fake: FakeModelServer, tools: tuple[str, ...]
) -> None:
    """CrewAI has placeholders of its own: {input}, {role}, {goal}, {backstory}, {tools}, {tool_names}."""
    text = "Keep {this}, {{that}}, {{input}}, {input}, {tools}, {tool_names}, {0}, %s and {."
    said = {
        "role": "clerk {role} {goal} {tools}",
        "goal": "fill {input} for {{name}} and {role} with {backstory}",
        "backstory": "likes {} and {goal} and {tool_names}",
    }
    run = stage.queued(text=text, tools=tools, **said)
    assert stage.execute(run).code is None
    sent = "\n".join(message["content"] for message in json.loads(fake.chats[0].body)["messages"])
    assert [words for words in (text, *said.values()) if words not in sent] == []
    assert sent.isascii()


def test_a_tool_call_appears_with_its_result(stage: Stage, fake: FakeModelServer) -> None:
    arguments = '{"expression":"(1200 %2B 85.50) * 0.19"}'
    run = stage.queued(f"fake-1@tool=1@toolname=calculator@args={arguments}", tools=("calculator",))
    assert stage.execute(run).output == "Fake answer 2. MARK-1"
    started, finished = stage.data(run, "tool_started"), stage.data(run, "tool_finished")
    assert started == [{"tool": "calculator", "arguments": {"expression": "(1200 + 85.50) * 0.19"}}]
    assert [(data["tool"], data["ok"], data["result"]) for data in finished] == [("calculator", True, "244.245")]
    kinds = stage.kinds(run)
    assert kinds.index("model_call_finished") < kinds.index("tool_started") < kinds.index("tool_finished")
    assert "244.245" in fake.chats[1].body
    assert stage.core.runs.get(stage.alice, run.id).totals.cost_micros == 2 * CALL_MICROS


@on_sqlite
@pytest.mark.parametrize(
    ("provider", "path", "model", "micros"),
    [
        # 90 tokens of input, 10 from the cache, 20 of output; dollars per million are micro-dollars per token
        ("anthropic", "", "claude-sonnet-4-5", 90 * 3 + 10 * 0.3 + 20 * 15),
        ("gemini", "", "gemini-2.5-flash", 90 * 0.3 + 10 * 0.03 + 20 * 2.5),
        ("groq", "/openai/v1", "llama-3.3-70b-versatile", 100 * 0.59 + 20 * 0.79),
        ("mistral", "/mistral/v1", "mistral-small-latest", 90 * 0.15 + 10 * 0.015 + 20 * 0.6),
        ("openai", "/v1", "gpt-4o", 90 * 2.5 + 10 * 1.25 + 20 * 10),
    ],
)
def test_an_agent_with_a_tool_runs_on_every_published_provider(
    stage: Stage,
    fake: FakeModelServer,
    monkeypatch: pytest.MonkeyPatch,
    provider: str,
    path: str,
    model: str,
    micros: float,
) -> None:
    monkeypatch.setattr(type(provider_named(provider)), "default_base_url", fake.base_url + path)
    fake.options.tool = 1
    key = stage.core.keys.add(stage.alice, KeyDraft("Published", provider, SECRET))
    assert stage.core.keys.test(stage.alice, key.id).code == "ok"
    run = stage.queued(model, key_id=key.id, tools=("calculator",))
    assert stage.execute(run).output == "Fake answer 3. MARK-1"
    calls = stage.calls(run)
    assert [(call.input_tokens, call.output_tokens, call.cached_tokens) for call in calls] == [(100, 20, 10)] * 2
    assert {call.cost_micros for call in calls} == {round(micros)}
    assert {call.provider for call in calls} == {provider}
    assert [data["tool"] for data in stage.data(run, "tool_finished")] == ["calculator"]
    assert {record.key for record in fake.requests} == {SECRET}


def test_a_tool_that_fails_is_told_to_the_model(stage: Stage, fake: FakeModelServer) -> None:
    run = stage.queued('fake-1@tool=1@toolname=calculator@args={"expression":"open(1)"}', tools=("calculator",))
    assert stage.execute(run).code is None
    (finished,) = stage.data(run, "tool_finished")
    assert not finished["ok"]
    assert finished["result"].startswith("Error: ")
    assert "Only numbers" in fake.chats[1].body


# --- what is tried again ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "code"), [("500", "provider_error"), ("429", "rate_limited"), ("close", "unreachable")]
)
def test_a_passing_trouble_is_tried_three_times(stage: Stage, fake: FakeModelServer, fault: str, code: str) -> None:
    run = stage.queued(f"fake-1@fault={fault}")
    assert stage.execute(run).code == code
    assert len(fake.chats) == execution.MAX_ATTEMPTS == 3
    retries = stage.data(run, "node_retry")
    assert [(data["code"], data["attempt"], data["pause_seconds"]) for data in retries] == [
        (code, 1, 0.01),
        (code, 2, 0.02),
    ]
    assert [data["code"] for data in stage.data(run, "node_failed")] == [code]
    assert Counter(call.status for call in stage.calls(run)) == {"failed": 3}
    assert stage.core.runs.get(stage.alice, run.id).totals.cost_micros == 0


def test_a_trouble_that_passes_is_forgotten(stage: Stage, fake: FakeModelServer) -> None:
    run = stage.queued("fake-1@fail_first=2")
    assert stage.execute(run).code is None
    assert [call.status for call in stage.calls(run)] == ["failed", "failed", "answered"]
    assert stage.core.runs.get(stage.alice, run.id).totals.calls == fake.totals().calls == 1


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("401", "bad_key"),
        ("403", "key_forbidden"),
        ("404", "no_model"),
        ("quota", "quota"),
        ("ctx", "context_too_long"),
        ("badjson", "bad_response"),
    ],
)
def test_what_trying_again_cannot_mend_is_asked_once(
    stage: Stage, fake: FakeModelServer, fault: str, code: str
) -> None:
    run = stage.queued(f"fake-1@fault={fault}")
    outcome = stage.execute(run)
    assert outcome.code == code
    assert outcome.message
    assert len(fake.requests) == 1
    assert "node_retry" not in stage.kinds(run)
    # What was answered and cannot be read may be billed.
    booked = ("interrupted", None) if code == "bad_response" else ("failed", code)
    assert [(call.status, call.error_code) for call in stage.calls(run)] == [booked]


def test_an_answer_that_broke_off_is_booked_at_its_upper_bound(stage: Stage, fake: FakeModelServer) -> None:
    run = stage.queued("fake-1@fault=half@gap=30", max_output_tokens=50)
    assert stage.execute(run).code == "unreachable"
    calls = stage.calls(run)
    assert [(call.status, call.output_tokens) for call in calls] == [("interrupted", 50)] * 3
    assert all(call.cost_micros and call.cost_micros > CALL_MICROS for call in calls)


# --- what is counted ----------------------------------------------------------------------------


def test_usage_that_was_not_reported_is_unknown_not_zero(stage: Stage, fake: FakeModelServer) -> None:
    run = stage.queued("fake-1@usage=none")
    assert stage.execute(run).code is None
    (call,) = stage.calls(run)
    assert (call.status, call.input_tokens, call.output_tokens, call.cost_micros) == (
        "answered",
        None,
        None,
        None,
    )
    totals = stage.core.runs.get(stage.alice, run.id).totals
    assert (totals.calls, totals.unpriced_calls, totals.known_cost_micros) == (1, 1, None)
    assert stage.data(run, "model_call_finished")[0]["cost_micros"] is None


def test_a_server_that_refuses_stream_options_is_asked_without(stage: Stage, fake: FakeModelServer) -> None:
    run = stage.queued(
        "fake-1@reject_stream_options=1@tool=1@toolname=current_date@args={}", tools=("current_date",)
    )
    assert stage.execute(run).code is None
    # The refusal is remembered: the second call of the agent does not ask for it again.
    assert ["stream_options" in json.loads(record.body) for record in fake.chats] == [True, False, False]
    assert [call.status for call in stage.calls(run)] == ["answered", "answered"]
    assert stage.core.runs.get(stage.alice, run.id).totals.unpriced_calls == 2


def test_two_agents_on_one_model_object_are_counted_exactly(stage: Stage, fake: FakeModelServer) -> None:
    """CrewAI's own count is cumulative per model object; ours must not be."""
    from crewai import Agent

    from core.engine.metering import NodeMeter
    from core.llm.base import ChatOptions
    from core.llm.bridge import MeteredLLM
    from core.llm.registry import provider_named
    from core.security.egress import guarded_client

    run = stage.queued()
    model = "fake-1@pt=137@ct=41@gap=20"
    opened = stage.core.keys.open(stage.alice, stage.key.id)
    origin = CallOrigin(run.id, "agent", None, stage.alice.id, None, stage.key.id, "openai_compatible", model)
    with (
        stage.controls.node(run.id, 60) as control,
        guarded_client(stage.core.policy, total_seconds=30, max_bytes=1_000_000) as http,
    ):
        meter = NodeMeter(stage.core.usage, stage.core.journal, origin, OWN_PRICE, control)
        chat = provider_named("openai_compatible").chat_model(
            opened.endpoint, ChatOptions(model, 0.2, 100, 30.0), http
        )
        llm = MeteredLLM(model, lambda _stream_usage: chat, meter, max_output_tokens=100)
        agents = [Agent(role=f"r{n}", goal="g", backstory="b", llm=llm) for n in range(2)]
        threads = [
            threading.Thread(target=lambda agent=agent: [agent.kickoff(f"MARK-{n}") for n in range(3)])
            for agent in agents
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    totals = stage.core.runs.get(stage.alice, run.id).totals
    assert (totals.calls, totals.input_tokens, totals.output_tokens) == fake.totals()
    assert fake.totals() == (6, 6 * 137, 6 * 41)
    assert all(record.stream for record in fake.chats)


def test_the_agent_stops_at_its_most_steps(stage: Stage, fake: FakeModelServer) -> None:
    run = stage.queued(
        'fake-1@tool=99@toolname=calculator@args={"expression":"1"}', tools=("calculator",), max_iterations=3
    )
    assert stage.execute(run).code is None
    # CrewAI then asks once more for a final answer.
    assert len(fake.chats) == 3 + 1
    assert fake.totals().calls == stage.core.runs.get(stage.alice, run.id).totals.calls


# --- what is obeyed -----------------------------------------------------------------------------


@on_sqlite
def test_the_time_limit_ends_a_hanging_call(stage: Stage, fake: FakeModelServer) -> None:
    run = stage.queued("fake-1@fault=hang", time_limit_seconds=5)
    began = time.monotonic()
    outcome = stage.execute(run)
    assert outcome.code == "timeout"
    assert 4.9 < time.monotonic() - began < 30  # no answer would ever have come
    assert len(fake.chats) == 1
    # The provider may have worked on it, and may bill it.
    assert [call.status for call in stage.calls(run)] == ["interrupted"]


@on_sqlite
def test_the_time_limit_ends_an_endless_stream(stage: Stage, fake: FakeModelServer) -> None:
    run = stage.queued("fake-1@chunks=20@gap=2000", time_limit_seconds=5)
    began = time.monotonic()
    assert stage.execute(run).code == "timeout"
    assert 4.9 < time.monotonic() - began < 30  # of 40
    assert [call.status for call in stage.calls(run)] == ["interrupted"]


@pytest.mark.parametrize("model", ["fake-1@fault=hang", "fake-1@chunks=20@gap=2000", "fake-1@latency=40000"])
def test_alices_cancel_ends_a_call_that_is_under_way(stage: Stage, fake: FakeModelServer, model: str) -> None:
    run = stage.queued(model)
    with in_background(lambda: stage.execute(run)) as background:
        fake.wait_until(arrived(1), 60)
        time.sleep(0.3)
        cancelled_at = time.monotonic()
        assert stage.controls.run_ids() == [run.id]
        stage.controls.stop_run(run.id, "cancelled")
    assert background.outcome is not None
    assert background.outcome.code == "cancelled"
    assert background.ended_at - cancelled_at < 15
    assert len(fake.chats) == 1
    assert fake.wait_until(lambda records: records[0].outcome != "pending", 30)[0].outcome == "client_gone"
    (call,) = stage.calls(run)
    assert call.status in ("interrupted", "failed")
    assert "node_retry" not in stage.kinds(run)
    assert stage.controls.run_ids() == []


def _is_stopped(stage: Stage, run_id: str, background: Background) -> bool:
    stage.controls.stop_run(run_id, "cancelled")
    return background.outcome is not None


def test_alices_cancel_ends_the_pause_before_a_retry(
    stage: Stage, fake: FakeModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution, "FIRST_PAUSE_SECONDS", 30.0)
    run = stage.queued("fake-1@fault=503")
    with in_background(lambda: stage.execute(run)) as background:
        fake.wait_for(1, 60, finished=True)
        wait_until(lambda: "node_retry" in stage.kinds(run), 60, "the pause")
        cancelled_at = time.monotonic()
        # Again and again, as the worker does: the attempt may not have given way to its pause yet.
        wait_until(lambda: _is_stopped(stage, run.id, background), 20, "the stop")
    assert background.outcome is not None
    assert background.outcome.code == "cancelled"
    assert background.ended_at - cancelled_at < 15
    assert len(fake.chats) == 1


def test_a_node_of_a_deleted_key_fails_with_a_sentence(stage: Stage, fake: FakeModelServer) -> None:
    run = stage.queued()
    stage.core.keys.delete(stage.alice, stage.key.id)
    outcome = stage.execute(run)
    assert outcome.code == "key_deleted"
    assert "Choose another key" in (outcome.message or "")
    assert fake.requests == []


@on_sqlite
def test_on_the_organisations_key_a_model_of_unknown_price_is_refused_before_anything_is_sent(
    stage: Stage, fake: FakeModelServer, root: User
) -> None:
    stage.key = stage.core.keys.add(stage.alice, KeyDraft("pool", "openai_compatible", SECRET, fake.openai_url))
    with stage.core.db.transaction() as connection:
        connection.execute(update(keys).where(keys.c.id == stage.key.id).values(is_pool=True))
    refused = stage.queued()
    outcome = stage.execute(refused)
    assert (outcome.output, outcome.code) == (None, "price_unknown")
    assert "An administrator can set a price for it on the page Prices" in str(outcome.message)
    assert fake.requests == []
    assert stage.calls(refused) == []
    assert "node_retry" not in stage.kinds(refused)

    today = clock.now().date()
    stage.core.prices.set(root, OverrideDraft("openai_compatible", "fake-*", 2_000_000, 8_000_000, today))
    priced = stage.queued(name="Priced")
    assert stage.execute(priced).code is None
    assert [call.cost_micros for call in stage.calls(priced)] == [CALL_MICROS]


# --- limits a minute ----------------------------------------------------------------------------


@on_sqlite
def test_a_call_that_never_fits_its_limit_ends_the_node_unsent(
    stage: Stage, root: User, fake: FakeModelServer
) -> None:
    stage.core.quotas.put(root, "key", stage.key.id, Allowance(tokens_per_minute=10))
    outcome = stage.execute(stage.queued())
    assert outcome.code == "rate_limit_too_small"
    assert outcome.message is not None
    assert "this key's limit of 10 tokens a minute" in outcome.message
    assert fake.chats == []


@on_sqlite
@pytest.mark.parametrize(("why", "code"), [("cancelled", "cancelled"), ("timeout", "rate_limit_timeout")])
def test_a_node_that_waits_for_its_limit_stops_when_told_and_says_why(
    stage: Stage, root: User, fake: FakeModelServer, why: Reason, code: str
) -> None:
    stage.core.quotas.put(root, "person", EVERY, Allowance(requests_per_minute=1))
    assert stage.execute(stage.queued()).code is None
    run = stage.queued()
    with in_background(lambda: stage.execute(run)) as result:
        wait_until(lambda: "model_call_waiting" in stage.kinds(run), 60, "the call to wait")
        stage.controls.stop_run(run.id, why)
    assert result.outcome is not None
    assert result.outcome.code == code
    assert len(fake.chats) == 1
    assert stage.calls(run) == []
