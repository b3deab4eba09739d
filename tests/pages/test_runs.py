"""Runs: what happened, what came out, what it cost; live, afterwards and when it went wrong."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app import navigation, runtime
from core import clock
from core.accounts.models import User
from core.agents.models import Agent
from core.bootstrap import Core
from core.errors import RateLimited
from core.keys.models import Key
from core.llm.pricing import OwnPrice, Tokens
from core.runs.models import Run, WorkerInfo
from core.usage.models import CallOrigin
from core.worker.supervisor import SupervisorState
from tests.pages.conftest import PRICES, Visit

Visitor = Callable[..., Visit]
ANSWER = "**Billing** - see [the docs](http://evil.example) ![x](http://evil.example/x.png), it costs $5 or $6."


class Worker:
    """Writes what a worker writes."""

    def __init__(self, core: Core, run: Run, key: Key) -> None:
        self.core = core
        self.run = run
        self.origin = CallOrigin(
            run.id, "agent", run.agent_id, run.owner_id, run.department, key.id, key.provider, "fake-1"
        )

    def event(self, kind: str, node_id: str | None = "agent", **data: object) -> None:
        self.core.journal.event(self.run.id, kind, node_id, data)

    def call(self, text: str, *, priced: bool = True) -> None:
        """Make a call of 1,200 tokens in and 20 out: $0.00256."""
        tokens, own = Tokens(1200, 20), OwnPrice(*PRICES) if priced else None
        call_id = self.core.usage.open_call(self.origin, Tokens(2000, 100), own)
        self.event("model_call_started", call_id=call_id, model="fake-1")
        if text:
            self.event("model_text", call_id=call_id, text=text)
        cost = self.core.usage.settle(call_id, self.origin, tokens, 1500)
        self.event(
            "model_call_finished",
            call_id=call_id,
            input_tokens=tokens.input,
            output_tokens=tokens.output,
            cached_tokens=0,
            cost_micros=cost.micros,
            duration_ms=1500,
        )

    def begin(self) -> None:
        self.core.journal.begin(self.run.id)
        self.event("node_started")

    def succeed(self, answer: str) -> None:
        self.event("node_finished", output=answer)
        self.core.journal.succeed(self.run.id, answer)


@pytest.fixture
def worker(page_core: Core, run: Run, key: Key) -> Worker:
    return Worker(page_core, run, key)


@pytest.fixture
def seen(visit: Visitor, alice: User, run: Run) -> Callable[[], Visit]:
    """Let Alice look at her run."""
    return lambda: visit(alice).open(navigation.RUN, id=run.id)


def trace_titles(page: Visit) -> list[str]:
    """Return the lines of the trace without their icons."""
    shown = [markdown.value for markdown in page.app.markdown if "** " in f"{markdown.value} "]
    return [value.split("**")[1] for value in shown if value.startswith(":material/")]


def test_a_run_that_succeeded_shows_answer_numbers_and_trace(seen: Callable[[], Visit], worker: Worker) -> None:
    worker.begin()
    worker.call("")
    worker.event("tool_started", tool="calculator", arguments={"expression": "2 * 3"})
    worker.event("tool_finished", tool="calculator", ok=True, result="6", duration_ms=1)
    worker.call("Billing.")
    worker.succeed("Billing.")
    page = seen()
    assert page.title == "Classifier"
    assert page.metrics["Model calls"] == "2"
    assert page.metrics["Tokens in"] == "2.4 k"
    assert page.metrics["Tokens out"] == "40"
    assert page.metrics["Cost"] == "$0.00512"
    assert "Succeeded" in page.text
    assert [subheader.value for subheader in page.app.subheader] == ["Answer", "Trace"]
    assert "Billing." in [markdown.value for markdown in page.app.markdown]
    assert trace_titles(page) == ["fake-1", "calculator", "fake-1"]
    assert "expression = 2 * 3" in page.captions
    assert {"Asks for a tool.", "6", "Billing."} <= {text.value for text in page.app.text}
    assert "I was charged twice." in [text.value for text in page.app.text]
    assert "Cancel run" not in page.buttons
    assert not page.app.exception


def test_every_kind_of_event_is_drawn(seen: Callable[[], Visit], worker: Worker) -> None:
    worker.begin()
    call_id = worker.core.usage.open_call(worker.origin, Tokens(10, 10))
    worker.event("model_call_started", call_id=call_id, model="fake-1")
    worker.event("model_text", call_id=call_id, text="Bil")
    worker.core.journal.begin(worker.run.id)  # after a crash
    worker.event("model_calls_interrupted", calls=1)
    worker.event("node_started")
    worker.event("model_call_started", call_id="call_2", model="fake-1")
    worker.event("model_call_failed", call_id="call_2", code="rate_limited", message="Slow down.")
    worker.event("node_retry", code="rate_limited", message="Slow down.", pause_seconds=2.0, attempt=1)
    worker.event("tool_started", tool="calculator", arguments={})
    worker.event("tool_finished", tool="calculator", ok=False, result="Error: no number", duration_ms=1)
    worker.event("something_new", detail="unknown")
    worker.event("node_failed", code="rate_limited", message="Slow down.")
    worker.core.journal.fail(worker.run.id, RateLimited())
    page = seen()
    assert not page.app.exception
    assert any("went on after its worker was interrupted" in caption for caption in page.captions)
    assert trace_titles(page) == [
        "fake-1",
        "The worker was interrupted in a call; it is made again.",
        "fake-1",
        "Slow down. Next try in 2.0 s.",
        "calculator",
        "Slow down.",
    ]
    assert {"cut off", "Slow down."} <= set(page.captions)
    assert "Error: no number" in [text.value for text in page.app.text]
    assert [status.state for status in page.app.status] == ["error"]


def test_a_run_that_failed_shows_the_sentence_and_its_code(seen: Callable[[], Visit], worker: Worker) -> None:
    worker.begin()
    worker.core.journal.fail(worker.run.id, RateLimited())
    page = seen()
    assert page.errors == ["The provider asks us to slow down. Please try again in a minute."]
    assert "Code: `rate_limited`" in page.captions
    assert "Failed" in page.text


def test_a_run_under_way_shows_what_has_come_and_can_be_cancelled(
    seen: Callable[[], Visit], worker: Worker, page_core: Core, alice: User
) -> None:
    worker.begin()
    worker.event("model_call_started", call_id="call_1", model="fake-1")
    worker.event("model_text", call_id="call_1", text="Bil")
    page = seen()
    assert "Running" in page.text
    assert "Bil" in [text.value for text in page.app.text]
    assert "thinking …" in page.captions
    assert [status.state for status in page.app.status] == ["running"]
    page.press("run_cancel")
    assert page_core.runs.get(alice, worker.run.id).is_stopping
    assert "Stopping" in page.text
    assert page.app.button(key="run_cancel").disabled


def test_a_queued_run_is_cancelled_at_once(seen: Callable[[], Visit], worker: Worker) -> None:
    page = seen().press("run_cancel")
    assert [info.value for info in page.app.info] == [
        "This run was cancelled. What it used until then is in the costs."
    ]
    assert "Cancelled" in page.text
    assert "Cancel run" not in page.buttons
    assert page.errors == []


def test_a_run_that_went_wrong_is_retried(
    seen: Callable[[], Visit], worker: Worker, page_core: Core, alice: User, agent: Agent
) -> None:
    worker.begin()
    assert "Retry" not in seen().buttons
    worker.core.journal.fail(worker.run.id, RateLimited())
    page = seen().press("run_retry")
    (again, first) = page_core.runs.list(alice)
    assert (first.id, first.status) == (worker.run.id, "failed")
    assert (again.inputs, again.status) == (first.inputs, "queued")
    assert "Queued" in page.text
    assert "Retry" not in page.buttons
    page_core.runs.cancel(alice, again.id)
    page_core.agents.delete(alice, agent.id)
    page = seen().press("run_retry")
    assert page.errors[0] == "This agent does not exist, or it is not yours."
    assert len(page_core.runs.list(alice)) == 2


@pytest.mark.parametrize(
    ("state", "note"),
    [
        (None, "No worker is running. Start one: python -m core.worker"),
        ("asleep", "Starting the worker; the first run after a pause takes a few seconds."),
        ("starting", "Starting the worker; the first run after a pause takes a few seconds."),
        ("running", "Next in line."),
    ],
)
def test_a_queued_run_says_what_it_waits_for(
    seen: Callable[[], Visit], monkeypatch: pytest.MonkeyPatch, state: str | None, note: str
) -> None:
    supervised = SupervisorState(state) if state else None  # type: ignore[arg-type]
    monkeypatch.setattr(runtime, "worker_state", lambda: supervised)
    assert [info.value for info in seen().app.info] == [note]


def test_a_queued_run_waits_for_a_worker_that_is_busy(seen: Callable[[], Visit], page_core: Core) -> None:
    at = clock.now()
    page_core.journal.worker_started(WorkerInfo("w1", "host", 1, False, at, at, None))
    assert [info.value for info in seen().app.info] == ["Waiting for a free worker."]


def test_an_unknown_price_is_not_shown_as_zero(seen: Callable[[], Visit], worker: Worker) -> None:
    worker.begin()
    worker.call("Billing.", priced=False)
    worker.succeed("Billing.")
    page = seen()
    assert page.metrics["Cost"] == "unknown"
    assert "The price of 1 call(s) is unknown; they are not in the cost." in page.captions


def test_an_answer_cannot_link_or_load_anything(seen: Callable[[], Visit], worker: Worker) -> None:
    worker.begin()
    worker.call(ANSWER)
    worker.succeed(ANSWER)
    shown = [markdown.value for markdown in seen().app.markdown if "Billing" in markdown.value]
    assert shown == ["**Billing** - see the docs (`http://evil.example`) (image: x), it costs \\$5 or \\$6."]


def test_an_answer_in_json_is_a_tree(seen: Callable[[], Visit], worker: Worker) -> None:
    worker.begin()
    worker.succeed('```json\n{"team": "Billing"}\n```')
    assert [json.value for json in seen().app.json] == ['{"team": "Billing"}']


def test_a_long_answer_folds(seen: Callable[[], Visit], worker: Worker) -> None:
    worker.begin()
    worker.succeed("word " * 3000)
    page = seen()
    assert "The whole answer (15,000 characters)" in [expander.label for expander in page.app.expander]
    assert max(len(markdown.value) for markdown in page.app.markdown) < 6100


def test_hostile_tool_arguments_are_only_text(seen: Callable[[], Visit], worker: Worker) -> None:
    worker.begin()
    worker.event("tool_started", tool="calculator", arguments={"x": "![i](http://evil.example/i.png)"})
    worker.event("tool_finished", tool="calculator", ok=True, result="<img src=x> ![i](http://e.de)", duration_ms=1)
    page = seen()
    assert "x = (image: i)" in page.captions
    assert "<img src=x> ![i](http://e.de)" in [text.value for text in page.app.text]


def test_a_run_of_an_agent_that_is_gone_is_still_there(
    seen: Callable[[], Visit], page_core: Core, alice: User, agent: Agent, worker: Worker
) -> None:
    worker.begin()
    worker.succeed("Billing.")
    page_core.agents.delete(alice, agent.id)
    assert seen().title == "Classifier"


# --- the list -----------------------------------------------------------------------------------


def test_without_runs_alice_is_led_to_her_agents(visit: Visitor, alice: User) -> None:
    page = visit(alice).open(navigation.RUNS)
    assert "No runs yet" in [subheader.value for subheader in page.app.subheader]
    assert page.press("runs_first").title == "Agents"


def test_runs_are_filtered_by_their_state(
    visit: Visitor, page_core: Core, alice: User, agent: Agent, key: Key
) -> None:
    runs = {
        name: page_core.runs.start_agent_run(alice, agent.id, f"{name} input")
        for name in ("waits", "works", "went well", "went wrong", "was stopped")
    }
    for name in ("works", "went well", "went wrong"):
        page_core.journal.begin(runs[name].id)
    page_core.journal.succeed(runs["went well"].id, "x")
    page_core.journal.fail(runs["went wrong"].id, RateLimited())
    page_core.runs.cancel(alice, runs["was stopped"].id)
    page = visit(alice).open(navigation.RUNS)
    wanted = {
        "All": set(runs),
        "Active": {"waits", "works"},
        "Succeeded": {"went well"},
        "Failed": {"went wrong"},
        "Cancelled": {"was stopped"},
    }
    for state, names in wanted.items():
        page.fill(runs_status=state).rerun()
        shown = {c.removesuffix(" input") for c in page.captions if c.endswith(" input")}
        assert shown == names, state


def test_a_state_without_runs_says_so(visit: Visitor, alice: User, run: Run) -> None:
    page = visit(alice).open(navigation.RUNS).fill(runs_status="Failed").rerun()
    assert "No run is in this state." in page.captions


def test_a_row_shows_hostile_input_as_text(visit: Visitor, page_core: Core, alice: User, agent: Agent) -> None:
    page_core.runs.start_agent_run(alice, agent.id, "![i](http://evil.example/i.png)\n\n# $5 :red[x]")
    assert "(image: i) # \\$5 \\:red\\[x\\]" in visit(alice).open(navigation.RUNS).captions


# --- somebody else ------------------------------------------------------------------------------


@pytest.mark.parametrize("id_", ["", "run_0", "' or 1=1 --"])
def test_a_run_that_is_not_there_does_not_exist(visit: Visitor, alice: User, id_: str) -> None:
    page = visit(alice).open(navigation.RUN, id=id_)
    assert page.errors == ["This run does not exist, or it is not yours."]


def test_charlie_cannot_tell_that_alices_run_exists(visit: Visitor, charlie: User, run: Run) -> None:
    page = visit(charlie).open(navigation.RUN, id=run.id)
    assert page.errors == ["This run does not exist, or it is not yours."]
    assert "All runs" in page.links
    for entry in (navigation.RUNS, navigation.HOME, navigation.USAGE):
        assert "charged" not in visit(charlie).open(entry).text
