"""A run asks; whoever is asked decides, once, and nobody else sees it."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from core import clock
from core.accounts.models import User
from core.approvals.failures import NoApprover
from core.approvals.models import Approval, Approver, Editable, Filter, Request
from core.bootstrap import Core
from core.errors import Conflict, CoreError, Forbidden, Invalid, NotFound, RunCancelled
from core.keys.models import KeyDraft
from core.runs import repository
from tests.conftest import Cast
from tests.support.asking import NODE, a_waiting_run, ask, person
from tests.support.stopped_clock import StoppedClock

ASKED = Filter(asked=True)
ANY = Filter()


def has_gone_on(core: Core, approval: Approval) -> bool:
    """Whether the run was woken, once."""
    task = core.journal.task(approval.run_id)
    assert task is not None
    return (task.run.status, task.run.segment) == ("queued", 2)


@pytest.fixture
def approval(core: Core, cast: Cast) -> Approval:
    return ask(core, cast.alice, person(cast.bob))


def ids(core: Core, actor: User, wanted: Filter) -> list[str]:
    return [item.id for item in core.approvals.list(actor, wanted).items]


def in_department(core: Core, root: User, user: User, slug: str) -> User:
    core.people.set_department(root, user.id, slug)
    return replace(user, department=slug)


def test_bob_who_is_asked_approves_and_the_run_is_woken(core: Core, cast: Cast, approval: Approval) -> None:
    seen = core.approvals.get(cast.bob, approval.id)
    assert (seen.status, seen.may_decide, seen.asker, seen.run_title) == ("open", True, "Alice", "Invoices")
    decided = core.approvals.decide(cast.bob, approval.id, "approve", "  Looks right. ")
    assert (decided.status, decided.decider, decided.comment) == ("approved", "Bob", "Looks right.")
    assert not decided.may_decide
    assert has_gone_on(core, approval)
    assert core.approvals.state(approval.run_id, NODE) == replace(decided, may_decide=False)


def test_bob_rejects(core: Core, cast: Cast, approval: Approval) -> None:
    assert core.approvals.decide(cast.bob, approval.id, "reject").status == "rejected"
    assert has_gone_on(core, approval)


def test_a_decision_is_in_the_audit_log(core: Core, cast: Cast, root: User, approval: Approval) -> None:
    core.approvals.decide(cast.bob, approval.id, "approve")
    (entry,) = core.audit.search(root, cast.bob.created_at, clock.now(), action="approval.approved")
    assert (entry.actor_id, entry.object_id, entry.detail) == (
        cast.bob.id,
        approval.id,
        {"run_id": approval.run_id},
    )


def test_asking_again_gives_the_same_approval(core: Core, cast: Cast, approval: Approval) -> None:
    run = replace(a_waiting_run(core, cast.alice), id=approval.run_id)
    request = Request("Another title", person(cast.charlie))
    assert core.approvals.ask(run, NODE, request) == approval
    core.approvals.decide(cast.bob, approval.id, "reject", "No.")
    again = core.approvals.ask(run, NODE, request)
    assert (again.id, again.status, again.comment) == (approval.id, "rejected", "No.")


def test_a_stranger_neither_sees_nor_decides(core: Core, cast: Cast, root: User, approval: Approval) -> None:
    for stranger in (cast.charlie, root):
        with pytest.raises(NotFound):
            core.approvals.get(stranger, approval.id)
        with pytest.raises(NotFound):
            core.approvals.decide(stranger, approval.id, "approve")
    with pytest.raises(NotFound):
        core.approvals.get(cast.bob, "approval_none")
    assert not has_gone_on(core, approval)


def test_lists_show_nothing_of_strangers(core: Core, cast: Cast, root: User, approval: Approval) -> None:
    for stranger in (cast.charlie, root):
        assert ids(core, stranger, ANY) == ids(core, stranger, ASKED) == []
        assert core.approvals.waiting_count(stranger) == 0
    assert ids(core, cast.bob, ANY) == [approval.id]
    assert ids(core, cast.bob, ASKED) == []
    assert ids(core, cast.alice, ASKED) == [approval.id]
    assert ids(core, cast.alice, ANY) == []
    assert (core.approvals.waiting_count(cast.bob), core.approvals.waiting_count(cast.alice)) == (1, 0)


def test_alice_who_started_the_run_sees_it_and_may_not_decide(core: Core, cast: Cast, approval: Approval) -> None:
    assert not core.approvals.get(cast.alice, approval.id).may_decide
    with pytest.raises(Forbidden):
        core.approvals.decide(cast.alice, approval.id, "approve")


def test_alice_may_decide_what_she_asks_herself_unless_four_eyes_are_wanted(core: Core, cast: Cast) -> None:
    own = ask(core, cast.alice, person(cast.alice))
    assert core.approvals.decide(cast.alice, own.id, "approve").decider == "Alice"
    four_eyes = ask(core, cast.alice, Approver("role", "member"), is_other_person=True)
    assert four_eyes.id not in ids(core, cast.alice, ANY)
    assert not core.approvals.get(cast.alice, four_eyes.id).may_decide
    with pytest.raises(Forbidden):
        core.approvals.decide(cast.alice, four_eyes.id, "approve")
    assert core.approvals.decide(cast.charlie, four_eyes.id, "approve").status == "approved"


def test_a_department_decides_but_not_its_viewers(core: Core, cast: Cast, root: User) -> None:
    bob = in_department(core, root, cast.bob, "finance")
    charlie = in_department(core, root, cast.charlie, "finance")
    core.people.set_role(root, charlie.id, "viewer")
    viewer = replace(charlie, role="viewer")
    asked = ask(core, cast.alice, Approver("department", "finance"))
    assert asked.approver_name == "Finance"
    with pytest.raises(NotFound):
        core.approvals.decide(viewer, asked.id, "approve")
    assert ids(core, viewer, ANY) == []
    assert ids(core, bob, ANY) == [asked.id]
    # Their page may be older than their new department.
    core.people.set_department(root, bob.id, "hr")
    with pytest.raises(NotFound):
        core.approvals.decide(bob, asked.id, "approve")


def test_a_role_decides(core: Core, cast: Cast, root: User) -> None:
    asked = ask(core, cast.alice, Approver("role", "admin"))
    assert ids(core, root, ANY) == [asked.id]
    assert ids(core, cast.bob, ANY) == []
    assert core.approvals.decide(root, asked.id, "approve").decider == "Root"


def test_a_viewer_who_is_asked_by_name_may_decide(core: Core, cast: Cast, root: User, approval: Approval) -> None:
    core.people.set_role(root, cast.bob.id, "viewer")
    assert core.approvals.decide(replace(cast.bob, role="viewer"), approval.id, "approve").status == "approved"


def test_who_was_suspended_decides_nothing(core: Core, cast: Cast, root: User, approval: Approval) -> None:
    core.people.suspend(root, cast.bob.id)
    with pytest.raises(Forbidden):
        core.approvals.decide(cast.bob, approval.id, "approve")
    assert not has_gone_on(core, approval)


def test_a_run_does_not_wait_for_nobody(core: Core, cast: Cast, root: User) -> None:
    core.people.suspend(root, cast.bob.id)
    for approver in (person(cast.bob), Approver("department", "finance"), Approver("role", "viewer")):
        with pytest.raises(NoApprover):
            ask(core, cast.alice, approver)
    with pytest.raises(NoApprover):
        ask(core, cast.alice, person(cast.alice), is_other_person=True)
    assert ids(core, cast.alice, ASKED) == []


def test_the_second_of_two_reads_who_was_first(core: Core, cast: Cast) -> None:
    asked = ask(core, cast.alice, Approver("role", "member"))
    core.approvals.decide(cast.bob, asked.id, "reject")
    with pytest.raises(Conflict, match=r"Bob rejected this\."):
        core.approvals.decide(cast.charlie, asked.id, "approve")
    assert has_gone_on(core, asked)


def test_of_many_who_decide_at_once_one_does(core: Core, cast: Cast) -> None:
    asked = ask(core, cast.alice, Approver("role", "member"))
    start, outcomes = threading.Barrier(6), []

    def decide(actor: User, approves: bool) -> None:
        start.wait()
        try:
            core.approvals.decide(actor, asked.id, "approve" if approves else "reject")
            outcomes.append(actor.name)
        except CoreError as error:
            outcomes.append(error.code)

    people = (cast.alice, cast.bob, cast.charlie)
    threads = [threading.Thread(target=decide, args=(actor, flag)) for actor in people for flag in (True, False)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes)[1:] == ["conflict"] * 5
    assert outcomes.count(core.approvals.get(cast.alice, asked.id).decider) == 1
    assert has_gone_on(core, asked)


def test_an_approval_that_nobody_decides_expires(core: Core, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    time = StoppedClock(monkeypatch)
    asked = ask(core, cast.alice, person(cast.bob), expires_hours=2)
    assert core.approvals.next_due_at() == asked.expires_at
    assert core.approvals.sweep() == 0
    assert not core.work_is_waiting()
    time.advance(seconds=2 * 3600)
    assert core.work_is_waiting()
    assert not core.approvals.get(cast.bob, asked.id).may_decide
    with pytest.raises(Conflict, match="Nobody decided in time"):
        core.approvals.decide(cast.bob, asked.id, "approve")
    assert core.approvals.sweep() == 1
    assert core.approvals.get(cast.bob, asked.id).status == "expired"
    assert has_gone_on(core, asked)
    assert core.approvals.sweep() == 0
    assert core.approvals.next_due_at() is None


@pytest.mark.parametrize("ending", ["succeed", "cancelled"])
def test_the_end_of_a_run_closes_what_it_has_asked(core: Core, cast: Cast, approval: Approval, ending: str) -> None:
    getattr(core.journal, ending)(approval.run_id, *(["done"] if ending == "succeed" else []))
    assert core.approvals.get(cast.bob, approval.id).status == "closed"
    with pytest.raises(Conflict, match="The run ended before anybody decided"):
        core.approvals.decide(cast.bob, approval.id, "approve")
    assert not has_gone_on(core, approval)
    assert core.approvals.waiting_count(cast.bob) == 0


def test_a_run_that_goes_on_after_its_failure_asks_anew(core: Core, cast: Cast, approval: Approval) -> None:
    run = replace(a_waiting_run(core, cast.alice), id=approval.run_id)
    request = Request("Pay invoice 7?", person(cast.bob))
    core.journal.cancelled(run.id)
    with pytest.raises(RunCancelled):
        core.approvals.ask(run, NODE, request)
    with core.db.transaction() as connection:
        repository.change_status(connection, run.id, ("cancelled",), status="queued")
    again = core.approvals.ask(run, NODE, request)
    assert (again.id, again.status) == (approval.id, "open")
    assert core.approvals.decide(cast.bob, approval.id, "approve").status == "approved"


def test_bob_edits_the_value_and_the_run_gets_the_edited_one(core: Core, cast: Cast) -> None:
    asked = ask(core, cast.alice, person(cast.bob), edit=Editable("amount", 5000))
    assert asked.result == 5000
    with pytest.raises(Invalid, match="Enter a number"):
        core.approvals.decide(cast.bob, asked.id, "approve", value="a lot")
    decided = core.approvals.decide(cast.bob, asked.id, "approve", value="4,800")
    assert (decided.value, decided.result) == (4800, 4800)
    plain = ask(core, cast.alice, person(cast.bob))
    with pytest.raises(Invalid, match="no value to edit"):
        core.approvals.decide(cast.bob, plain.id, "approve", value=1)


def test_nobody_decides_with_another_word_or_a_novel(core: Core, cast: Cast, approval: Approval) -> None:
    with pytest.raises(Invalid, match="approve or reject"):
        core.approvals.decide(cast.bob, approval.id, "maybe")  # type: ignore[arg-type]
    with pytest.raises(Invalid, match="comment is longer"):
        core.approvals.decide(cast.bob, approval.id, "approve", "x" * 2001)


def test_what_is_shown_keeps_its_order(core: Core, cast: Cast) -> None:
    shown = {"zebra": 1, "b": {"c": None}, "apple": [True, "x"]}
    asked = ask(core, cast.alice, person(cast.bob), show=shown, message=" Please look. ")
    assert [(item.name, item.value) for item in asked.data] == list(shown.items())
    assert asked.message == "Please look."


def test_a_page_of_approvals_ends_and_the_next_one_begins(core: Core, cast: Cast) -> None:
    made = [ask(core, cast.alice, person(cast.bob)).id for _ in range(3)]
    first = core.approvals.list(cast.bob, ANY, limit=2)
    last = first.items[-1]
    second = core.approvals.list(cast.bob, ANY, before=(last.created_at, last.id), limit=2)
    assert [item.id for item in (*first.items, *second.items)] == made[::-1]
    assert (first.has_more, second.has_more) == (True, False)


def test_bob_reads_what_the_run_has_cost_and_what_may_follow(core: Core, cast: Cast) -> None:
    key = core.keys.add(cast.alice, KeyDraft("Mine", "openai", "zk-Secret-0123456789"))
    fields = {"name": "n", "department": "hr", "role": "r", "goal": "g", "key_id": key.id, "model": "gpt-4o-mini"}
    agent = core.agents.create(cast.alice, fields)
    definition = agent.definition.model_dump(mode="json")
    nodes = [
        {"id": "before", "kind": "agent", "agent": definition},
        {"id": NODE, "kind": "approval"},
        {"id": "after", "kind": "agent", "agent_id": agent.id, "agent": definition},
        {"id": "each", "kind": "for_each", "body": {"kind": "agent", "agent": definition}},
    ]
    edges = [{"source": a, "target": b} for a, b in (("before", NODE), (NODE, "after"), (NODE, "each"))]
    run = a_waiting_run(core, cast.alice, {"nodes": nodes, "edges": edges})
    asked = core.approvals.ask(run, NODE, Request("Go on?", person(cast.bob)))
    once = core.estimates.of_agent_run(cast.alice, agent.id).micros
    assert once
    assert (asked.cost_micros, asked.estimate_micros) == (0, 2 * once)
    assert ask(core, cast.alice, person(cast.bob)).estimate_micros == 0
