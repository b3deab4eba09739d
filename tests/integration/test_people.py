"""Administrators see everybody and change them; one administrator always remains."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from core.accounts.models import Role, User
from core.bootstrap import Core
from core.errors import (
    Conflict,
    CoreError,
    Forbidden,
    Invalid,
    NoSuchPerson,
    SignInRefused,
    StepUpRequired,
    TicketRefused,
)
from core.keys.models import KeyDraft
from core.people.models import Person
from core.runs.models import Run
from tests.conftest import PASSWORD, Cast
from tests.support.stopped_clock import StoppedClock
from tests.support.stub_queue import StubQueue, runs_with


@pytest.fixture
def admin(core: Core) -> User:
    return core.accounts.create_user("root@example.com", "Root", PASSWORD, "admin")


def run_of(core: Core, user: User) -> Run:
    key = core.keys.add(user, KeyDraft("Mine", "openai", "zk-Secret-0123456789"))
    fields = {"name": "A", "department": "hr", "role": "r", "goal": "g", "key_id": key.id, "model": "gpt-4o"}
    return runs_with(core, StubQueue()).start_agent_run(user, core.agents.create(user, fields).id, "text")


def actions(core: Core, user_id: str) -> list[tuple[str, dict[str, object]]]:
    with core.db.read() as connection:
        from core.audit.repository import all_entries

        return [
            (entry.action, dict(entry.detail))
            for entry, _, _ in all_entries(connection)
            if entry.object_id == user_id
        ]


def test_an_administrator_finds_people_by_name_or_address(core: Core, cast: Cast, admin: User) -> None:
    assert [person.name for person in core.people.list(admin)] == ["Alice", "Bob", "Charlie", "Root"]
    assert [person.name for person in core.people.list(admin, " ALICE@ ")] == ["Alice"]
    assert [person.name for person in core.people.list(admin, "%")] == []
    alice = core.people.get(admin, cast.alice.id)
    assert (alice.email, alice.role, alice.department) == ("alice@example.com", "member", None)
    assert (alice.is_active, alice.has_two_factor, alice.last_seen_at) == (True, False, None)


@pytest.mark.parametrize("words", ["", "example.com", "ann"])
def test_page_by_page_nobody_is_lost_or_comes_twice(core: Core, admin: User, words: str) -> None:
    for number, name in enumerate(["ann", "Ann", "Änne", "ann b", "Zoë", "ANN", "Ann-B", "李雷"]):
        made = core.accounts.create_user(f"p{number}@example.com", name, PASSWORD, "member")
        core.people.set_department(admin, made.id, "hr")
    mia = core.accounts.create_user("mia@example.com", "Mia", PASSWORD, "manager")
    mia = replace(mia, department=core.people.set_department(admin, mia.id, "hr").department)
    for actor in (admin, mia):
        whole = core.people.list(actor, words)
        walked: list[Person] = []
        while found := core.people.list(actor, words, after=walked[-1].id if walked else None, limit=2):
            walked += found
        assert walked == whole
    assert "root@example.com" not in [person.email for person in core.people.list(mia, after=None)]
    assert core.people.list(admin, after="user_gone") == []


def test_the_last_visit_is_shown(core: Core, cast: Cast, admin: User) -> None:
    core.accounts.start_session(cast.alice, "agent")
    core.accounts.start_session(cast.alice, "agent")
    assert [p.name for p in core.people.list(admin) if p.last_seen_at] == ["Alice"]


def test_a_new_role_holds_from_the_next_look(core: Core, cast: Cast, admin: User) -> None:
    token = core.accounts.start_session(cast.alice, "agent")
    assert core.people.set_role(admin, cast.alice.id, "viewer").role == "viewer"
    now = core.accounts.session_user(token)
    assert now is not None
    assert now.role == "viewer"
    with pytest.raises(Forbidden):
        core.keys.add(now, KeyDraft("Mine", "openai", "zk-Secret-0123456789"))
    expected = ("user.role_changed", {"email": "alice@example.com", "from": "member", "to": "viewer"})
    assert actions(core, cast.alice.id)[-1] == expected


def test_what_changes_nothing_is_not_in_the_log(core: Core, cast: Cast, admin: User) -> None:
    before = actions(core, cast.alice.id)
    core.people.set_role(admin, cast.alice.id, "member")
    core.people.set_department(admin, cast.alice.id, None)
    core.people.reactivate(admin, cast.alice.id)
    assert actions(core, cast.alice.id) == before


def test_a_role_or_department_that_is_none_is_refused(core: Core, cast: Cast, admin: User) -> None:
    with pytest.raises(Invalid):
        core.people.set_role(admin, cast.alice.id, "owner")  # type: ignore[arg-type]
    with pytest.raises(Invalid):
        core.people.set_department(admin, cast.alice.id, "board")


def test_a_person_belongs_to_one_department_or_to_none(core: Core, cast: Cast, admin: User) -> None:
    assert core.people.set_department(admin, cast.alice.id, "hr").department == "hr"
    assert core.people.set_department(admin, cast.alice.id, "sales").department == "sales"
    assert core.people.set_department(admin, cast.alice.id, None).department is None


@pytest.mark.parametrize("user_id", ["", "user_made_up", "a\x00", "\ud800"])
def test_somebody_who_is_not_there_is_not_found(core: Core, admin: User, user_id: str) -> None:
    reaches: list[Callable[[], object]] = [
        lambda: core.people.get(admin, user_id),
        lambda: core.people.change(admin, user_id, "member", None),
        lambda: core.people.set_role(admin, user_id, "member"),
        lambda: core.people.set_department(admin, user_id, None),
        lambda: core.people.suspend(admin, user_id),
        lambda: core.people.reactivate(admin, user_id),
        lambda: core.people.end_sessions(admin, user_id),
    ]
    for reach in reaches:
        with pytest.raises(NoSuchPerson):
            reach()


def test_charlie_reaches_nobody(core: Core, cast: Cast, admin: User) -> None:
    before = core.people.list(admin)
    reaches: list[Callable[[], object]] = [
        lambda: core.people.list(cast.charlie),
        lambda: core.people.get(cast.charlie, cast.charlie.id),
        lambda: core.people.change(cast.charlie, cast.charlie.id, "admin", None),
        lambda: core.people.set_role(cast.charlie, cast.charlie.id, "admin"),
        lambda: core.people.set_department(cast.charlie, cast.charlie.id, "hr"),
        lambda: core.people.suspend(cast.charlie, cast.alice.id),
        lambda: core.people.reactivate(cast.charlie, cast.alice.id),
        lambda: core.people.end_sessions(cast.charlie, cast.alice.id),
    ]
    for reach in reaches:
        with pytest.raises(Forbidden):
            reach()
    assert core.people.list(admin) == before


def test_a_suspended_person_is_out_everywhere_and_their_runs_end(core: Core, cast: Cast, admin: User) -> None:
    token = core.accounts.start_session(cast.alice, "agent")
    ticket = core.accounts.issue_ticket(cast.alice, "browser")
    queued, running = run_of(core, cast.alice), None
    again = runs_with(core, StubQueue()).start_agent_run(cast.alice, queued.agent_id or "", "more")
    core.journal.begin(again.id)
    running = again
    assert not core.people.suspend(admin, cast.alice.id).is_active
    assert core.accounts.session_user(token) is None
    with pytest.raises(TicketRefused):
        core.accounts.redeem_ticket(ticket, "browser", "agent")
    with pytest.raises(SignInRefused):
        core.accounts.authenticate("alice@example.com", PASSWORD)
    ended = core.runs.get(cast.alice, queued.id)
    assert ended.status == "cancelled"
    assert ended.error is not None
    assert ended.error.message == "The person who started this run was suspended, so it was stopped."
    assert core.runs.get(cast.alice, running.id).is_stopping
    told = {"email": "alice@example.com", "sessions": 1, "runs": 2}
    assert actions(core, cast.alice.id)[-1] == ("user.suspended", told)


def test_a_reactivated_person_signs_in_anew(core: Core, cast: Cast, admin: User) -> None:
    token = core.accounts.start_session(cast.alice, "agent")
    core.people.suspend(admin, cast.alice.id)
    assert core.people.reactivate(admin, cast.alice.id).is_active
    assert core.accounts.session_user(token) is None
    assert core.accounts.authenticate("alice@example.com", PASSWORD) == cast.alice


def test_role_and_department_change_together_with_an_entry_each(core: Core, cast: Cast, admin: User) -> None:
    before = len(actions(core, cast.alice.id))
    now = core.people.change(admin, cast.alice.id, "manager", "hr")
    assert (now.role, now.department) == ("manager", "hr")
    assert actions(core, cast.alice.id)[before:] == [
        ("user.role_changed", {"email": "alice@example.com", "from": "member", "to": "manager"}),
        ("user.department_changed", {"email": "alice@example.com", "from": None, "to": "hr"}),
    ]
    core.people.change(admin, cast.alice.id, "manager", "sales")
    assert [action for action, _ in actions(core, cast.alice.id)[before + 2 :]] == ["user.department_changed"]


def test_of_a_change_that_cannot_be_made_nothing_is_made(
    core: Core, cast: Cast, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Invalid):
        core.people.change(admin, cast.alice.id, "manager", "board")
    with pytest.raises(Conflict, match="last administrator"):
        core.people.change(admin, admin.id, "member", "hr")

    def fail_at_the_second(connection: object, actor: object, action: str, *_: object, **__: object) -> None:
        if action == "user.department_changed":
            raise OSError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(core.audit, "record", fail_at_the_second)
        with pytest.raises(OSError, match="full"):
            core.people.change(admin, cast.alice.id, "manager", "hr")
    alice, root = core.people.get(admin, cast.alice.id), core.people.get(admin, admin.id)
    assert [(p.role, p.department) for p in (alice, root)] == [("member", None), ("admin", None)]


def test_an_administrator_confirms_before_changing_anybody(
    core: Core, cast: Cast, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    hers = core.accounts.start_session(cast.alice, "agent")
    before = core.people.list(admin)
    time = StoppedClock(monkeypatch)
    time.advance(minutes=10, seconds=1)
    acts: list[Callable[[User], object]] = [
        lambda actor: core.people.change(actor, cast.alice.id, "viewer", "hr"),
        lambda actor: core.people.set_role(actor, cast.alice.id, "admin"),
        lambda actor: core.people.set_department(actor, cast.alice.id, "hr"),
        lambda actor: core.people.suspend(actor, cast.alice.id),
        lambda actor: core.people.reactivate(actor, cast.alice.id),
        lambda actor: core.people.end_sessions(actor, cast.alice.id),
        lambda actor: core.two_factor.reset(actor, cast.alice.id),
        lambda actor: core.audit.export(actor, time.moment, time.moment),
    ]
    for act in acts:
        for actor in (admin, admin.proven(None)):
            with pytest.raises(StepUpRequired):
                act(actor)
    assert core.people.list(admin) == before
    assert core.accounts.session_user(hers) == cast.alice
    for act in acts:
        act(admin.proven(time.moment))


def test_nobody_suspends_themself(core: Core, admin: User) -> None:
    core.accounts.create_user("other@example.com", "Other", PASSWORD, "admin")
    with pytest.raises(Conflict, match="yourself"):
        core.people.suspend(admin, admin.id)


def test_the_last_administrator_stays_one(core: Core, cast: Cast, admin: User) -> None:
    with pytest.raises(Conflict, match="last administrator"):
        core.people.set_role(admin, admin.id, "member")
    core.people.set_role(admin, cast.alice.id, "admin")
    core.people.suspend(admin, cast.alice.id)  # a suspended administrator does not count
    with pytest.raises(Conflict, match="last administrator"):
        core.people.set_role(admin, admin.id, "member")
    assert core.people.get(admin, admin.id).role == "admin"


def test_whoever_was_demoted_meanwhile_changes_nobody_any_more(core: Core, cast: Cast, admin: User) -> None:
    other = core.accounts.create_user("other@example.com", "Other", PASSWORD, "admin")
    core.people.set_role(admin, other.id, "member")
    assert other.role == "admin"  # as their page still has it
    with pytest.raises(Forbidden):
        core.people.suspend(other, cast.alice.id)
    with pytest.raises(Forbidden):
        core.people.set_role(other, other.id, "admin")


@pytest.mark.parametrize("way", ["demote", "suspend", "demote themselves"])
def test_two_administrators_at_once_cannot_remove_each_other(core: Core, way: str) -> None:
    for number in range(4):
        pair = [
            core.accounts.create_user(f"{name}{number}@example.com", name, PASSWORD, "admin")
            for name in ("one", "two")
        ]
        everybody = {
            person.id for person in core.people.list(pair[0]) if person.role == "admin" and person.is_active
        }
        for user_id in everybody - {user.id for user in pair}:
            core.people.set_role(pair[0], user_id, "member")

        def remove(numbers: tuple[User, User]) -> str:
            actor, target = numbers
            role: Role = "member"
            try:
                if way == "suspend":
                    core.people.suspend(actor, target.id)
                else:
                    core.people.set_role(actor, (actor if way == "demote themselves" else target).id, role)
            except CoreError as error:
                return error.code
            return "done"

        with ThreadPoolExecutor(2) as pool:
            outcomes = sorted(pool.map(remove, [(pair[0], pair[1]), (pair[1], pair[0])]))
        assert outcomes in (["conflict", "done"], ["done", "forbidden"])
        left = [user for user in pair if (now := core.accounts.user(user.id)) and now.role == "admin"]
        assert len(left) == 1
        assert [p.id for p in core.people.list(left[0]) if p.role == "admin" and p.is_active] == [left[0].id]
