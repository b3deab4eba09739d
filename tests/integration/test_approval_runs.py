"""A run asks, gives up its place, and goes on the way that somebody has decided."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from core.accounts.models import User
from core.approvals.models import Approval, Filter
from core.bootstrap import Core
from core.engine.course import StoredFailure
from core.runs.models import Run
from tests.conftest import Cast
from tests.support.courses import Walks, walks
from tests.support.stopped_clock import StoppedClock

EDGES = ("start > ask", "ask approved > paid", "ask rejected > refused")
FIELDS = [{"name": "amount", "type": "number"}, {"name": "vendor", "type": "text"}]


@pytest.fixture
def walk(core: Core, alice: User, monkeypatch: pytest.MonkeyPatch) -> Iterator[Walks]:
    with walks(core, alice, monkeypatch) as made:
        yield made


def start(walk: Walks, approver: User, *more: str, **settings: Any) -> Run:
    """Start Alice's run of input, approval and a way on for each decision, and let it come to the approval."""
    asks = {
        "kind": "approval",
        "title": "Pay {{start.vendor}}?",
        "show": ["start.vendor"],
        "edit": "start.amount",
        "approver": {"kind": "person", "id": approver.id},
        **settings,
    }
    nodes = {"start": {"kind": "input", "fields": FIELDS}, "ask": asks, "paid": {}, "refused": {}}
    run = walk.start(nodes, *EDGES, *more, amount="7000", vendor="ACME")
    assert walk.follow(run) is None
    assert walk.get(run).status == "waiting"
    return run


def the_one(core: Core, user: User) -> Approval:
    (item,) = core.approvals.list(user, Filter()).items
    return core.approvals.get(user, item.id)


def test_a_run_waits_and_goes_on_with_the_edited_value(core: Core, cast: Cast, walk: Walks) -> None:
    run = start(walk, cast.bob, message="{{start.amount}} is much.")
    asked = the_one(core, cast.bob)
    assert (asked.title, asked.message, asked.run_id) == ("Pay ACME?", "7000 is much.", run.id)
    assert [(shown.name, shown.value) for shown in asked.data] == [("start.vendor", "ACME")]
    assert not core.work_is_waiting()
    core.approvals.decide(cast.bob, asked.id, "approve", "Less.", 6000)
    assert walk.get(run).status == "queued"
    assert walk.outcome(run) is not None
    assert walk.statuses(run) == {
        "start": "succeeded",
        "ask": "succeeded",
        "paid": "succeeded",
        "refused": "skipped",
    }
    assert walk.states(run)["ask"].output == {
        "decision": "approved",
        "comment": "Less.",
        "value": 6000,
        "decided_by": "Bob",
    }


def test_a_rejected_run_goes_the_other_way(core: Core, cast: Cast, walk: Walks) -> None:
    run = start(walk, cast.bob)
    core.approvals.decide(cast.bob, the_one(core, cast.bob).id, "reject")
    walk.outcome(run)
    assert walk.statuses(run)["refused"] == "succeeded"
    assert walk.states(run)["ask"].output["value"] == 7000


def test_a_decision_while_the_run_is_still_at_work_is_not_missed(
    core: Core, cast: Cast, walk: Walks, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = core.approvals.ask

    def ask_and_decide(*given: Any) -> Approval:
        asked = ask(*given)
        if asked.is_open:
            core.approvals.decide(cast.bob, asked.id, "approve")
        return asked

    monkeypatch.setattr(core.approvals, "ask", ask_and_decide)
    asks = {"kind": "approval", "title": "Go on?", "approver": {"kind": "person", "id": cast.bob.id}}
    walk.walk({"start": {}, "ask": asks, "paid": {}}, "start > ask", "ask approved > paid")


@pytest.mark.parametrize(("on_expiry", "way"), [("reject", "refused"), ("branch", "late")])
def test_a_run_that_nobody_answers_goes_on_as_its_workflow_says(
    core: Core, cast: Cast, walk: Walks, monkeypatch: pytest.MonkeyPatch, on_expiry: str, way: str
) -> None:
    time = StoppedClock(monkeypatch)
    asks = {
        "kind": "approval",
        "title": "Go on?",
        "approver": {"kind": "person", "id": cast.bob.id},
        "expires_hours": 1,
        "on_expiry": on_expiry,
    }
    edges = ["start > ask", "ask approved > paid", "ask rejected > refused"]
    if on_expiry == "branch":
        edges.append("ask expired > late")
    run = walk.start({"start": {}, "ask": asks, "paid": {}, "refused": {}, "late": {}}, *edges)
    assert walk.follow(run) is None
    time.advance(hours=1)
    assert core.work_is_waiting()
    assert core.approvals.sweep() == 1
    walk.outcome(run)
    assert walk.states(run)["ask"].output["decision"] == "expired"
    assert walk.statuses(run)[way] == "succeeded"


def test_a_run_fails_when_nobody_answers_and_asks_anew_when_it_goes_on(
    core: Core, cast: Cast, walk: Walks, monkeypatch: pytest.MonkeyPatch
) -> None:
    time = StoppedClock(monkeypatch)
    run = start(walk, cast.bob, expires_hours=1, on_expiry="fail")
    time.advance(hours=1)
    core.approvals.sweep()
    with pytest.raises(StoredFailure) as failure:
        walk.follow(run)
    assert failure.value.code == "approval_expired"
    core.journal.fail(run.id, failure.value)
    assert the_one(core, cast.bob).status == "closed"
    core.runs.resume(cast.alice, run.id)
    assert walk.follow(run) is None
    asked = the_one(core, cast.bob)
    assert asked.may_decide
    core.approvals.decide(cast.bob, asked.id, "approve")
    walk.outcome(run)
    assert walk.statuses(run)["paid"] == "succeeded"


def test_a_run_without_anybody_to_ask_fails_with_a_sentence(
    core: Core, cast: Cast, root: User, walk: Walks
) -> None:
    core.people.suspend(root, cast.bob.id)
    asks = {"kind": "approval", "title": "Go on?", "approver": {"kind": "person", "id": cast.bob.id}}
    with pytest.raises(StoredFailure, match="Bob") as failure:
        walk.walk({"start": {}, "ask": asks}, "start > ask")
    assert failure.value.code == "no_approver"


def test_a_cancelled_run_asks_nobody_any_more(core: Core, cast: Cast, walk: Walks) -> None:
    run = start(walk, cast.bob)
    core.runs.cancel(cast.alice, run.id)
    assert the_one(core, cast.bob).status == "closed"
    assert core.approvals.waiting_count(cast.bob) == 0
