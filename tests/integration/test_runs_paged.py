"""Runs in pages, newest first, and runs that are tried again."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from core import clock
from core.accounts.models import User
from core.agents.models import Agent
from core.bootstrap import Core
from core.db.tables import runs as runs_table
from core.errors import Conflict, Forbidden, KeyNotShared, NotFound, RateLimited
from core.keys.models import KeyDraft
from core.runs import repository
from core.runs.models import Run, RunFilter
from core.runs.service import Runs
from core.sharing.models import Grantee
from tests.conftest import Cast
from tests.support.stub_queue import StubQueue, runs_with


@pytest.fixture
def runs(core: Core) -> Runs:
    return runs_with(core, StubQueue())


@pytest.fixture
def agent(core: Core, alice: User) -> Agent:
    key = core.keys.add(alice, KeyDraft("Mine", "openai", "zk-Secret-0123456789"))
    fields = {"name": "Helper", "department": "hr", "role": "r", "goal": "g", "key_id": key.id, "model": "m"}
    return core.agents.create(alice, fields)


def _all(runs: Runs, actor: User, wanted: RunFilter, limit: int) -> list[Run]:
    found: list[Run] = []
    before = None
    while True:
        page = runs.page(actor, wanted, before, limit)
        found += page.items
        if not page.has_more:
            return found
        before = (found[-1].created_at, found[-1].id)


def test_no_run_is_lost_or_shown_twice_even_of_one_moment(
    core: Core, runs: Runs, alice: User, agent: Agent, charlie: User
) -> None:
    made = [runs.start_agent_run(alice, agent.id, f"text {number}") for number in range(7)]
    with core.db.transaction() as connection:
        at_once = [run.id for run in made[2:6]]
        connection.execute(
            update(runs_table).where(runs_table.c.id.in_(at_once)).values(created_at=made[2].created_at)
        )
    expected = [run.id for run in reversed(made)]
    for limit in (1, 2, 3, 7, 50):
        assert [run.id for run in _all(runs, alice, RunFilter(), limit)] == expected
    assert runs.page(charlie, RunFilter()).items == ()


def test_runs_are_filtered_by_state_agent_and_time(core: Core, runs: Runs, alice: User, agent: Agent) -> None:
    first, second, third = (runs.start_agent_run(alice, agent.id, text, 5) for text in ("a", "b", "c"))
    core.journal.begin(second.id)
    runs.cancel(alice, first.id)

    def found(**wanted: object) -> list[str]:
        return [run.inputs["input"] for run in runs.page(alice, RunFilter(**wanted)).items]  # type: ignore[arg-type]

    assert found(statuses=frozenset({"running", "cancelled"})) == ["b", "a"]
    assert found(agent_id=agent.id) == ["c", "b", "a"]
    assert found(agent_id="agent_0") == []
    assert found(created_after=second.created_at) == ["c", "b"]
    assert found(created_before=second.created_at) == ["a"]
    (shown,) = runs.page(alice, RunFilter(statuses=frozenset({"queued"}))).items
    assert (shown.id, shown.budget_micros) == (third.id, 5)


def test_a_page_of_long_texts_ends_early(
    runs: Runs, alice: User, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repository, "PAGE_CHARACTERS", 15)
    made = [runs.start_agent_run(alice, agent.id, "ten letter") for _ in range(5)]
    assert len(runs.page(alice, RunFilter()).items) == 2
    assert [run.id for run in _all(runs, alice, RunFilter(), 50)] == [run.id for run in reversed(made)]


def test_a_run_that_failed_starts_again_as_it_was(core: Core, runs: Runs, alice: User, agent: Agent) -> None:
    first = runs.start_agent_run(alice, agent.id, "text", 700)
    core.journal.begin(first.id)
    core.journal.fail(first.id, RateLimited())
    core.agents.update(alice, agent.id, {**agent.definition.model_dump(), "goal": "another"}, 1)
    second = runs.retry(alice, first.id)
    shown = runs.get(alice, second.id)
    assert second.id != first.id
    assert (shown.status, shown.title, shown.agent_id, shown.department) == ("queued", "Helper", agent.id, "hr")
    assert (shown.inputs, shown.budget_micros) == ({"input": "text"}, 700)
    before, after = core.journal.task(first.id), core.journal.task(second.id)
    assert before is not None
    assert after is not None
    assert after.graph == before.graph
    assert runs.get(alice, first.id).status == "failed"


def test_a_retry_is_in_the_audit_log(core: Core, runs: Runs, alice: User, agent: Agent, root: User) -> None:
    first = runs.cancel(alice, runs.start_agent_run(alice, agent.id, "text").id)
    second = runs.retry(alice, first.id)
    (entry,) = core.audit.search(root, first.created_at, clock.now(), action="run.retried")
    assert (entry.object_id, entry.detail) == (second.id, {"of": first.id})


def test_only_what_went_wrong_is_retried(core: Core, runs: Runs, alice: User, agent: Agent) -> None:
    run = runs.start_agent_run(alice, agent.id, "text")
    for step in (lambda: None, lambda: core.journal.begin(run.id), lambda: core.journal.succeed(run.id, "x")):
        step()
        with pytest.raises(Conflict, match="failed or was cancelled"):
            runs.retry(alice, run.id)


def test_a_retry_needs_the_rights_of_now(
    core: Core, runs: Runs, alice: User, cast: Cast, charlie: User, agent: Agent
) -> None:
    bob = cast.bob
    to_bob = Grantee("person", bob.id)
    core.sharing.grant(alice, "agent", agent.id, to_bob, "run")
    core.sharing.grant(alice, "key", agent.definition.key_id, Grantee("agent", agent.id), "run")
    run = runs.cancel(bob, runs.start_agent_run(bob, agent.id, "text").id)
    with pytest.raises(NotFound):
        runs.retry(charlie, run.id)
    runs.cancel(bob, runs.retry(bob, run.id).id)
    core.sharing.revoke(alice, "key", agent.definition.key_id, Grantee("agent", agent.id))
    with pytest.raises(KeyNotShared):
        runs.retry(bob, run.id)
    core.sharing.grant(alice, "agent", agent.id, to_bob, "view")
    with pytest.raises(Forbidden):
        runs.retry(bob, run.id)
    core.sharing.revoke(alice, "agent", agent.id, to_bob)
    with pytest.raises(NotFound):
        runs.retry(bob, run.id)
    assert len(runs.page(bob, RunFilter()).items) == 2


def test_the_feed_says_how_far_runs_have_come(core: Core, runs: Runs, alice: User, agent: Agent) -> None:
    one, other = (runs.start_agent_run(alice, agent.id, "text") for _ in range(2))
    core.journal.begin(one.id)
    core.journal.succeed(one.id, "x")
    heads = core.run_feed.heads([one.id, other.id, "run_0"])
    assert {run_id: (head.status, head.last_seq, head.is_active) for run_id, head in heads.items()} == {
        one.id: ("succeeded", 3, False),
        other.id: ("queued", 1, True),
    }
    assert [event.seq for event in core.run_feed.events(one.id, 1, 1)] == [2]
