"""People run workflows: what they typed is read as its fields want it, and a run keeps what it was begun with."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import select

from core import clock
from core.accounts.models import User
from core.bootstrap import Core
from core.db.tables import audit_log, runs
from core.errors import Conflict, CoreError, Forbidden, Invalid, KeyNotShared, NotFound, RateLimited
from core.keys.models import KeyDraft
from core.llm.pricing import OwnPrice, Tokens
from core.runs import repository
from core.runs.models import Parent, Run
from core.runs.queue import RunQueue
from core.sharing.models import EVERYONE, Grantee
from core.usage.models import CallOrigin
from core.workflows.failures import NotPublished, WorkflowArchived, WorkflowInvalid
from tests.conftest import Cast

Document = dict[str, Any]
FIELDS = [
    {"name": "letter", "type": "text"},
    {"name": "amount", "type": "number"},
    {"name": "day", "type": "date", "is_required": False},
    {"name": "is_urgent", "type": "boolean", "is_required": False},
    {"name": "lines", "type": "list", "is_required": False},
]
INPUTS = {"letter": " Dear all ", "amount": "5,000.50"}


@pytest.fixture(autouse=True)
def no_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is executed here."""
    monkeypatch.setattr(RunQueue, "enqueue", lambda *_: None)


@pytest.fixture
def key_id(core: Core, alice: User) -> str:
    return core.keys.add(alice, KeyDraft("Mine", "openai", "zk-Secret-0123456789")).id


@pytest.fixture
def agent_id(core: Core, alice: User, key_id: str) -> str:
    return core.agents.create(alice, agent(key_id)).id


@pytest.fixture
def workflow_id(core: Core, alice: User, agent_id: str) -> str:
    made = core.workflows.create(alice, "Letters", "hr", graph=drawn(agent_id))
    core.workflows.publish(alice, made.id)
    return made.id


def agent(key_id: str, **changes: object) -> dict[str, object]:
    named = {"name": "Clerk", "department": "sales", "role": "r", "goal": "g", "key_id": key_id, "model": "gpt-4o"}
    return {**named, **changes}


def drawn(agent_id: str, task: str = "Answer {{letter}}") -> Document:
    return {
        "nodes": [
            {"id": "start", "kind": "input", "fields": FIELDS},
            {"id": "clerk", "kind": "agent", "agent_id": agent_id, "task": task},
            {"id": "end", "kind": "output", "name": "answer", "format": "text", "value": "{{clerk}}"},
        ],
        "edges": [{"source": "start", "target": "clerk"}, {"source": "clerk", "target": "end"}],
    }


def graph_of(core: Core, run: Run) -> Document:
    with core.db.read() as connection:
        task = repository.task(connection, run.id)
    assert task is not None
    return dict(task.graph)


def code_of(call: Callable[[], object]) -> str:
    try:
        call()
    except CoreError as error:
        return error.code
    return "ok"


# --- starting -------------------------------------------------------------------------------------


def test_alice_runs_what_is_published(core: Core, alice: User, workflow_id: str, agent_id: str) -> None:
    run = core.runs.start_workflow_run(alice, workflow_id, INPUTS, 7000)
    assert core.runs.get(alice, run.id) == run
    assert (run.title, run.department, run.status, run.agent_id) == ("Letters", "hr", "queued", None)
    assert (run.workflow_id, run.workflow_version, run.is_test, run.budget_micros) == (workflow_id, 1, False, 7000)
    assert run.inputs == {"letter": "Dear all", "amount": 5000.5, "day": None, "is_urgent": None, "lines": None}
    copied = graph_of(core, run)["nodes"][1]["agent"]
    assert copied == core.agents.get(alice, agent_id).definition.model_dump(mode="json")
    with core.db.read() as connection:
        told = connection.execute(select(audit_log.c.detail).where(audit_log.c.action == "run.started")).scalar()
    assert told == {"workflow": workflow_id}


def test_a_run_keeps_the_version_and_the_agents_that_it_was_started_with(
    core: Core, alice: User, workflow_id: str, agent_id: str, key_id: str
) -> None:
    run = core.runs.start_workflow_run(alice, workflow_id, INPUTS)
    before = graph_of(core, run)
    core.workflows.save_draft(alice, workflow_id, drawn(agent_id, "Another task"), 1)
    core.workflows.publish(alice, workflow_id)
    core.agents.update(alice, agent_id, agent(key_id, goal="another"), 1)
    assert graph_of(core, run) == before
    again = core.runs.start_workflow_run(alice, workflow_id, INPUTS, version=1)
    assert (again.workflow_version, graph_of(core, again)["nodes"][1]["task"]) == (1, "Answer {{letter}}")
    assert core.runs.start_workflow_run(alice, workflow_id, INPUTS).workflow_version == 2


def test_who_edits_tries_the_draft_out(core: Core, cast: Cast, workflow_id: str, agent_id: str) -> None:
    alice, bob = cast.alice, cast.bob
    core.workflows.save_draft(alice, workflow_id, drawn(agent_id, "Newer"), 1)
    run = core.runs.start_workflow_run(alice, workflow_id, INPUTS, is_test=True)
    assert (run.is_test, run.workflow_version) == (True, None)
    assert graph_of(core, run)["nodes"][1]["task"] == "Newer"
    core.sharing.grant(alice, "workflow", workflow_id, Grantee("person", bob.id), "run")
    with pytest.raises(Forbidden):
        core.runs.start_workflow_run(bob, workflow_id, INPUTS, is_test=True)
    core.workflows.save_draft(alice, workflow_id, drawn("agent_made_up"), 2)
    with pytest.raises(WorkflowInvalid, match="clerk"):
        core.runs.start_workflow_run(alice, workflow_id, INPUTS, is_test=True)


def test_an_agent_that_stands_in_the_graph_runs_on_the_key_of_whoever_runs_it(
    core: Core, cast: Cast, key_id: str
) -> None:
    own = {"role": "r", "goal": "g", "key_id": key_id, "model": "gpt-4o"}
    graph = {"nodes": [{"id": "a", "kind": "agent", "is_inline": True, "agent": own, "task": "Go"}], "edges": []}
    made = core.workflows.create(cast.alice, "Inline", "hr", graph=graph)
    core.workflows.publish(cast.alice, made.id)
    run = core.runs.start_workflow_run(cast.alice, made.id, {})
    copied = graph_of(core, run)["nodes"][0]["agent"]
    assert (copied["name"], copied["department"], copied["key_id"]) == ("a", "hr", key_id)
    core.sharing.grant(cast.alice, "workflow", made.id, EVERYONE, "run")
    with pytest.raises(NotFound, match="key"):
        core.runs.start_workflow_run(cast.bob, made.id, {})
    (problem,) = core.workflows.problems(cast.bob, graph)
    assert (problem.code, problem.node_id) == ("key_not_usable", "a")


def test_bob_runs_what_is_shared_with_him_when_its_agents_are_too(
    core: Core, cast: Cast, workflow_id: str, agent_id: str, key_id: str
) -> None:
    alice, bob = cast.alice, cast.bob

    def start() -> Run:
        return core.runs.start_workflow_run(bob, workflow_id, INPUTS)

    with pytest.raises(NotFound, match="workflow"):
        start()
    core.sharing.grant(alice, "workflow", workflow_id, EVERYONE, "view")
    with pytest.raises(Forbidden):
        start()
    core.sharing.grant(alice, "workflow", workflow_id, EVERYONE, "run")
    with pytest.raises(NotFound, match="agent"):
        start()
    core.sharing.grant(alice, "agent", agent_id, EVERYONE, "run")
    with pytest.raises(KeyNotShared):
        start()
    core.sharing.grant(alice, "key", key_id, Grantee("agent", agent_id), "run")
    run = start()
    assert (run.owner_id, run.workflow_id) == (bob.id, workflow_id)
    with pytest.raises(NotFound):
        core.runs.get(alice, run.id)


def test_what_is_not_published_or_archived_does_not_start(core: Core, alice: User, workflow_id: str) -> None:
    draft = core.workflows.create(alice, "New", "hr")
    with pytest.raises(NotPublished):
        core.runs.start_workflow_run(alice, draft.id, {"text": "x"})
    core.workflows.archive(alice, workflow_id)
    with pytest.raises(WorkflowArchived):
        core.runs.start_workflow_run(alice, workflow_id, INPUTS)
    with pytest.raises(NotFound, match="version"):
        core.runs.start_workflow_run(alice, core.workflows.unarchive(alice, workflow_id).id, INPUTS, version=2)


# --- inputs -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("inputs", "field", "sentence"),
    [
        ({"amount": 1}, "letter", "letter is missing. Enter it."),
        ({"letter": " \n", "amount": 1}, "letter", "letter is missing. Enter it."),
        ({**INPUTS, "amount": "a lot"}, "amount", "amount: Enter a number"),
        ({**INPUTS, "amount": True}, "amount", "amount: Enter a number"),
        ({**INPUTS, "amount": float("nan")}, "amount", "amount is missing. Enter it."),
        ({**INPUTS, "day": "tomorrow"}, "day", "day: Enter a date"),
        ({**INPUTS, "is_urgent": "maybe"}, "is_urgent", "is_urgent: Enter yes or no"),
        ({**INPUTS, "lines": "{}"}, "lines", "lines: Enter a list"),
        ({**INPUTS, "other": 1}, "other", "There is no input called other."),
        ({**INPUTS, "letter": "x" * 200_001}, "letter", "The input is longer"),
        ({**INPUTS, "lines": ["x" * 200_001]}, "lines", "The input is longer"),
    ],
)
def test_an_input_that_is_not_right_is_named(
    core: Core, alice: User, workflow_id: str, inputs: Document, field: str, sentence: str
) -> None:
    with pytest.raises(Invalid) as caught:
        core.runs.start_workflow_run(alice, workflow_id, inputs)
    assert caught.value.field == field
    assert caught.value.sentence.startswith(sentence)
    assert core.runs.list(alice) == []


def test_inputs_are_read_as_the_types_of_their_fields(core: Core, alice: User, workflow_id: str) -> None:
    given = {"letter": "a\x00b", "amount": 3, "day": "2026-11-30", "is_urgent": "yes", "lines": '["a", {"b": 1}]'}
    read = core.runs.start_workflow_run(alice, workflow_id, given).inputs
    expected = {"letter": "ab", "amount": 3, "day": "2026-11-30", "is_urgent": True, "lines": ["a", {"b": 1}]}
    assert read == expected
    assert core.runs.list(alice)[0].inputs == expected


# --- started for somebody ---------------------------------------------------------------------------


def test_a_firing_that_asks_again_is_given_its_run(core: Core, alice: User, workflow_id: str) -> None:
    source_id = clock.new_id("firing")

    def start(_: int) -> str:
        return core.runs.start_workflow_run(alice, workflow_id, INPUTS, source_id=source_id).id

    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(start, range(4)))
    core.runs.cancel(alice, next(iter(found)))
    assert {start(0)} == found
    assert len(core.runs.list(alice)) == 1


def test_a_node_that_asks_again_is_given_its_run_until_that_goes_wrong(
    core: Core, alice: User, workflow_id: str
) -> None:
    outer = core.runs.start_workflow_run(alice, workflow_id, INPUTS)
    core.journal.begin(outer.id)

    def start(item: int = -1) -> Run:
        return core.runs.start_workflow_run(alice, workflow_id, INPUTS, parent=Parent(outer.id, "inner", item))

    first, of_round = start(), start(0)
    assert first.parent == Parent(outer.id, "inner", -1)
    assert start().id == first.id != of_round.id == start(0).id
    core.journal.begin(first.id)
    core.journal.fail(first.id, RateLimited())
    second = start()
    assert second.id != first.id
    assert start().id == second.id


def test_workflows_do_not_run_each_other_without_end(core: Core, alice: User, workflow_id: str) -> None:
    run = core.runs.start_workflow_run(alice, workflow_id, INPUTS)
    for _ in range(9):
        core.journal.begin(run.id)
        run = core.runs.start_workflow_run(alice, workflow_id, INPUTS, parent=Parent(run.id, "inner", -1))
    core.journal.begin(run.id)
    with pytest.raises(Conflict, match="more than 10 levels deep"):
        core.runs.start_workflow_run(alice, workflow_id, INPUTS, parent=Parent(run.id, "inner", -1))


# --- money ------------------------------------------------------------------------------------------


def call(core: Core, run: Run, key_id: str, micros: int) -> None:
    """Let a run make a call that costs so much."""
    origin = CallOrigin(run.id, "clerk", None, run.owner_id, run.department, key_id, "openai", "gpt-4o")
    call_id = core.usage.open_call(origin, Tokens(micros, 0), OwnPrice(1_000_000, 0))
    core.usage.settle(call_id, origin, Tokens(micros, 0), 10)


def test_a_run_pays_for_the_workflows_inside_it(core: Core, alice: User, workflow_id: str, key_id: str) -> None:
    outer = core.runs.start_workflow_run(alice, workflow_id, INPUTS, 1000)
    core.journal.begin(outer.id)
    inner = core.runs.start_workflow_run(alice, workflow_id, INPUTS, parent=Parent(outer.id, "inner", -1))
    core.journal.begin(inner.id)
    deeper = core.runs.start_workflow_run(alice, workflow_id, INPUTS, parent=Parent(inner.id, "inner", -1))
    other = core.runs.start_workflow_run(alice, workflow_id, INPUTS)
    call(core, outer, key_id, 100)
    call(core, inner, key_id, 200)
    call(core, deeper, key_id, 400)
    call(core, other, key_id, 5000)
    costs = {run.id: run.totals.cost_micros for run in core.runs.list(alice)}
    assert costs == {outer.id: 700, inner.id: 600, deeper.id: 400, other.id: 5000}
    assert core.runs.get(alice, outer.id).totals.calls == 3
    with pytest.raises(CoreError, match="this run's budget") as caught:
        call(core, deeper, key_id, 400)
    assert caught.value.code == "budget_exceeded"
    call(core, inner, key_id, 300)


def test_an_estimate_adds_up_agents_until_runs_have_succeeded(
    core: Core, cast: Cast, workflow_id: str, agent_id: str, key_id: str
) -> None:
    alice = cast.alice
    one = core.estimates.of_agent_run(alice, agent_id)
    assert one.micros is not None
    graph = drawn(agent_id)
    graph["nodes"].insert(2, {"id": "second", "kind": "agent", "agent_id": agent_id, "task": "{{clerk}}"})
    inner = {
        "id": "inner",
        "kind": "workflow",
        "workflow_id": workflow_id,
        "inputs": {"letter": "x", "amount": "1"},
    }
    graph["nodes"].insert(3, inner)
    graph["edges"] += [{"source": "clerk", "target": "second"}, {"source": "second", "target": "inner"}]
    outer = core.workflows.create(alice, "Outer", "hr", graph=graph)
    core.workflows.publish(alice, outer.id)
    found = core.estimates.of_workflow_run(alice, outer.id)
    assert (found.micros, found.runs) == (3 * one.micros, 0)
    for micros in (100, 300, 200):
        run = core.runs.start_workflow_run(alice, workflow_id, INPUTS)
        call(core, run, key_id, micros)
        core.journal.begin(run.id)
        core.journal.succeed(run.id, "Done.")
    found = core.estimates.of_workflow_run(alice, workflow_id)
    assert (found.micros, found.most_micros, found.runs) == (200, 300, 3)
    with pytest.raises(NotFound):
        core.estimates.of_workflow_run(cast.charlie, workflow_id)


# --- again ------------------------------------------------------------------------------------------


def test_alice_retries_a_run_of_a_workflow_as_it_was(
    core: Core, alice: User, workflow_id: str, agent_id: str
) -> None:
    run = core.runs.cancel(alice, core.runs.start_workflow_run(alice, workflow_id, INPUTS, 900).id)
    core.workflows.save_draft(alice, workflow_id, drawn(agent_id, "Newer"), 1)
    core.workflows.publish(alice, workflow_id)
    again = core.runs.retry(alice, run.id)
    assert (again.workflow_id, again.workflow_version, again.inputs) == (workflow_id, 1, run.inputs)
    assert (again.budget_micros, again.department, again.title) == (900, "hr", "Letters")
    assert graph_of(core, again) == graph_of(core, run)


def test_a_retry_asks_again_for_the_right_to_everything(
    core: Core, cast: Cast, workflow_id: str, agent_id: str
) -> None:
    alice, bob = cast.alice, cast.bob
    key_id = core.agents.get(alice, agent_id).definition.key_id
    core.sharing.grant(alice, "workflow", workflow_id, EVERYONE, "run")
    core.sharing.grant(alice, "agent", agent_id, EVERYONE, "run")
    core.sharing.grant(alice, "key", key_id, Grantee("agent", agent_id), "run")
    run = core.runs.cancel(bob, core.runs.start_workflow_run(bob, workflow_id, INPUTS).id)
    core.sharing.revoke(alice, "agent", agent_id, EVERYONE)
    with pytest.raises(NotFound, match="agent"):
        core.runs.retry(bob, run.id)
    core.sharing.grant(alice, "agent", agent_id, EVERYONE, "run")
    core.sharing.revoke(alice, "workflow", workflow_id, EVERYONE)
    with pytest.raises(NotFound, match="workflow"):
        core.runs.retry(bob, run.id)
    with pytest.raises(NotFound, match="run"):
        core.runs.retry(alice, run.id)


# --- shared by a link -------------------------------------------------------------------------------


def test_who_has_the_link_of_a_shared_run_looks_at_it_and_changes_nothing(
    core: Core, cast: Cast, workflow_id: str
) -> None:
    alice, charlie = cast.alice, cast.charlie
    run = core.runs.start_workflow_run(alice, workflow_id, INPUTS)
    looks: list[Callable[[], object]] = [
        lambda: core.runs.get(charlie, run.id).inputs,
        lambda: core.runs.events(charlie, run.id),
        lambda: core.runs.model_calls(charlie, run.id),
        lambda: core.runs.node_states(charlie, run.id),
        lambda: core.runs.place(charlie, run.id),
    ]
    changes: list[Callable[[], object]] = [
        lambda: core.runs.cancel(charlie, run.id),
        lambda: core.runs.retry(charlie, run.id),
        lambda: core.runs.resume(charlie, run.id),
        lambda: core.runs.run_again_from(charlie, run.id, "clerk"),
        lambda: core.runs.settle_doubt(charlie, run.id, "clerk", -1, True),
        lambda: core.runs.share(charlie, run.id),
        lambda: core.runs.unshare(charlie, run.id),
    ]
    assert [code_of(call) for call in looks + changes] == ["not_found"] * 12
    assert core.runs.share(alice, run.id).shared_at is not None
    assert [code_of(call) for call in looks] == ["ok"] * 5
    assert [code_of(call) for call in changes] == ["not_found"] * 7
    assert core.runs.list(charlie) == []
    assert core.runs.get(charlie, run.id) == core.runs.get(alice, run.id)
    assert core.runs.unshare(alice, run.id).shared_at is None
    assert [code_of(call) for call in looks] == ["not_found"] * 5


# --- strangers --------------------------------------------------------------------------------------


def test_charlie_cannot_run_alices_workflow(core: Core, cast: Cast, workflow_id: str) -> None:
    for named in (workflow_id, "workflow_made_up", "", "a\x00", "\ud800"):
        for options in ({}, {"is_test": True}, {"version": 1}):
            with pytest.raises(NotFound, match="workflow"):
                core.runs.start_workflow_run(cast.charlie, named, INPUTS, **options)
    with core.db.read() as connection:
        assert connection.execute(select(runs.c.id)).all() == []
