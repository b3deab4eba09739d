"""People share agents and keys: each level allows what it says and no more, and a lent key is never shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select, update

from core.accounts.models import User
from core.agents.models import Agent
from core.bootstrap import Core
from core.db.tables import audit_log, runs, shares, users
from core.errors import (
    Conflict,
    CoreError,
    Forbidden,
    Invalid,
    KeyNotShared,
    KeyOwnerInactive,
    NoSuchPerson,
    NotFound,
    StepUpRequired,
)
from core.keys.models import Key, KeyDraft
from core.runs.queue import RunQueue
from core.sharing.models import EVERYONE, Grantee, Kind, Level
from tests.conftest import PASSWORD, Cast
from tests.fakes.model_server import FakeModelServer

SECRET = "zk-Shared-0123456789-wxyz"


@pytest.fixture(autouse=True)
def no_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is executed here."""
    monkeypatch.setattr(RunQueue, "enqueue", lambda *_: None)


@pytest.fixture
def bob(cast: Cast) -> User:
    return cast.bob


@pytest.fixture
def key(core: Core, alice: User, fake: FakeModelServer) -> Key:
    return core.keys.add(alice, KeyDraft("Mine", "openai_compatible", SECRET, fake.openai_url))


@pytest.fixture
def agent(core: Core, alice: User, key: Key) -> Agent:
    return core.agents.create(alice, fields(key))


def fields(key: Key, **changes: object) -> Mapping[str, object]:
    named = {"name": "Clerk", "department": "hr", "role": "r", "goal": "g", "key_id": key.id, "model": "fake-1"}
    return {**named, **changes}


def person(user: User) -> Grantee:
    return Grantee("person", user.id)


def code_of(call: Any, *given: object) -> str:
    try:
        call(*given)
    except CoreError as error:
        return error.code
    return "ok"


def in_department(core: Core, user: User, slug: str) -> User:
    with core.db.transaction() as connection:
        connection.execute(update(users).where(users.c.id == user.id).values(department=slug))
    found = core.accounts.user(user.id)
    assert found is not None
    return found.proven(user.proved_at)


# --- what a level allows ----------------------------------------------------------------------------


def test_runnable_agents_are_those_that_a_run_of_would_start(
    core: Core, alice: User, bob: User, key: Key, agent: Agent
) -> None:
    assert core.agents.runnable(alice) == [agent]
    assert core.agents.runnable(bob) == []
    core.sharing.grant(alice, "agent", agent.id, person(bob), "run")
    assert core.agents.runnable(bob) == []  # not on this key
    core.sharing.grant(alice, "key", key.id, Grantee("agent", agent.id), "run")
    assert [found.id for found in core.agents.runnable(bob)] == [agent.id]
    core.sharing.grant(alice, "agent", agent.id, person(bob), "view")
    assert core.agents.runnable(bob) == []
    assert core.agents.runnable(replace(alice, role="viewer")) == []


@pytest.mark.parametrize(
    ("level", "allowed"),
    [
        (None, set()),
        ("view", {"get"}),
        ("run", {"get", "run", "graph"}),
        ("edit", {"get", "run", "graph", "update"}),
    ],
)
def test_bob_may_do_with_alices_agent_what_the_level_says(
    core: Core, alice: User, bob: User, key: Key, agent: Agent, level: Level | None, allowed: set[str]
) -> None:
    core.sharing.grant(alice, "key", key.id, Grantee("agent", agent.id), "run")
    if level:
        core.sharing.grant(alice, "agent", agent.id, person(bob), level)
    node = {"id": "a", "kind": "agent", "agent_id": agent.id, "task": "{{input}}"}
    graph = {"nodes": [node], "edges": []}
    refusal = "forbidden" if level else "not_found"
    tried = {
        "get": code_of(core.agents.get, bob, agent.id),
        "run": code_of(core.runs.start_agent_run, bob, agent.id, "text"),
        "graph": code_of(core.runs.start_graph_run, bob, "G", graph, {"input": "x"}),
        "update": code_of(core.agents.update, bob, agent.id, fields(key, goal="new"), 1),
        "delete": code_of(core.agents.delete, bob, agent.id),
        "list": code_of(core.sharing.list, bob, "agent", agent.id),
        "grant": code_of(core.sharing.grant, bob, "agent", agent.id, EVERYONE, "view"),
        "revoke": code_of(core.sharing.revoke, bob, "agent", agent.id, person(bob)),
    }
    assert tried == {name: "ok" if name in allowed else refusal for name in tried}
    assert [found.id for found in core.agents.list(bob)] == ([agent.id] if level else [])


@pytest.mark.parametrize(
    ("level", "allowed"),
    [
        (None, set()),
        ("view", {"get"}),
        ("run", {"get", "test", "models", "open", "use"}),
        ("edit", {"get", "test", "models", "open", "use", "rename", "replace"}),
    ],
)
def test_bob_may_do_with_alices_key_what_the_level_says(
    core: Core, alice: User, bob: User, key: Key, level: Level | None, allowed: set[str]
) -> None:
    if level:
        core.sharing.grant(alice, "key", key.id, person(bob), level)
    seen = "forbidden" if level else "not_found"
    unusable = "key_not_shared" if level else "not_found"
    refusal = dict.fromkeys(("models", "open", "use"), unusable)
    tried = {
        "get": code_of(core.keys.get, bob, key.id),
        "test": code_of(core.keys.test, bob, key.id),
        "models": code_of(core.keys.models, bob, key.id),
        "open": code_of(core.keys.open, bob, key.id),
        "use": code_of(core.agents.create, bob, fields(key)),
        "rename": code_of(core.keys.rename, bob, key.id, "Ours"),
        "replace": code_of(core.keys.replace_secret, bob, key.id, "zk-Another-0123456789"),
        "delete": code_of(core.keys.delete, bob, key.id),
        "grant": code_of(core.sharing.grant, bob, "key", key.id, EVERYONE, "run"),
        "list": code_of(core.sharing.list, bob, "key", key.id),
        "revoke": code_of(core.sharing.revoke, bob, "key", key.id, person(bob)),
    }
    assert tried == {name: "ok" if name in allowed else refusal.get(name, seen) for name in tried}
    assert [found.id for found in core.keys.list(bob)] == ([key.id] if level else [])


def test_a_viewer_runs_and_edits_nothing_however_far_it_is_shared(
    core: Core, alice: User, bob: User, key: Key, agent: Agent
) -> None:
    core.sharing.grant(alice, "agent", agent.id, EVERYONE, "edit")
    core.sharing.grant(alice, "key", key.id, EVERYONE, "edit")
    viewer = replace(bob, role="viewer")
    assert core.agents.get(viewer, agent.id).definition.name == "Clerk"
    for call in (
        lambda: core.runs.start_agent_run(viewer, agent.id, "text"),
        lambda: core.agents.update(viewer, agent.id, fields(key), 1),
        lambda: core.keys.rename(viewer, key.id, "Ours"),
        lambda: core.keys.replace_secret(viewer, key.id, "zk-Another-0123456789"),
    ):
        with pytest.raises(Forbidden):
            call()


def test_an_administrator_has_no_right_to_what_is_private(core: Core, key: Key, agent: Agent) -> None:
    admin = core.accounts.create_user("root@example.com", "Root", PASSWORD, "admin")
    for call in (core.agents.get, core.agents.to_run, core.agents.delete):
        with pytest.raises(NotFound):
            call(admin, agent.id)
    for opened in (core.keys.get, core.keys.open, core.keys.delete):
        with pytest.raises(NotFound):
            opened(admin, key.id)


# --- whom it reaches --------------------------------------------------------------------------------


def test_a_department_reaches_its_people_as_long_as_they_are_in_it(
    core: Core, alice: User, bob: User, charlie: User, agent: Agent
) -> None:
    core.sharing.grant(alice, "agent", agent.id, Grantee("department", "sales"), "view")
    in_sales = in_department(core, bob, "sales")
    in_finance = in_department(core, charlie, "finance")
    assert core.agents.get(in_sales, agent.id).access.owner_name == "Alice"
    for stranger in (in_finance, replace(in_finance, department=None), in_department(core, bob, "hr")):
        assert core.agents.list(stranger) == []
        with pytest.raises(NotFound):
            core.agents.get(stranger, agent.id)


def test_the_furthest_of_several_shares_counts(core: Core, alice: User, bob: User, agent: Agent) -> None:
    bob = in_department(core, bob, "sales")
    for grantee, level in ((EVERYONE, "view"), (Grantee("department", "sales"), "edit"), (person(bob), "run")):
        core.sharing.grant(alice, "agent", agent.id, grantee, level)  # type: ignore[arg-type]
    assert core.agents.get(bob, agent.id).access.level == "edit"
    assert core.agents.list(bob)[0].access.level == "edit"
    core.sharing.revoke(alice, "agent", agent.id, Grantee("department", "sales"))
    assert core.agents.get(bob, agent.id).access.level == "run"


def test_alice_sees_with_whom_it_is_shared_changes_and_ends_it(
    core: Core, alice: User, bob: User, key: Key, agent: Agent
) -> None:
    core.sharing.grant(alice, "key", key.id, Grantee("agent", agent.id), "run")
    core.sharing.grant(alice, "key", key.id, Grantee("department", "hr"), "run")
    core.sharing.grant(alice, "key", key.id, person(bob), "view")
    core.sharing.grant(alice, "key", key.id, person(bob), "edit")
    found = [(share.grantee, share.name, share.level) for share in core.sharing.list(alice, "key", key.id)]
    assert found == [
        (person(bob), "Bob", "edit"),
        (Grantee("department", "hr"), "HR", "run"),
        (Grantee("agent", agent.id), "Clerk", "run"),
    ]
    for share in core.sharing.list(alice, "key", key.id):
        core.sharing.revoke(alice, "key", key.id, share.grantee)
    assert core.sharing.list(alice, "key", key.id) == []
    with pytest.raises(NotFound, match="This share does not exist"):
        core.sharing.revoke(alice, "key", key.id, person(bob))


def test_colleagues_are_found_by_list_and_by_address(core: Core, alice: User, bob: User, charlie: User) -> None:
    assert [found.name for found in core.sharing.colleagues(alice)] == ["Bob", "Charlie"]
    assert core.sharing.colleague_at(alice, " BOB@example.com ") == person(bob)
    with core.db.transaction() as connection:
        connection.execute(update(users).where(users.c.id == charlie.id).values(is_active=False))
    assert [found.name for found in core.sharing.colleagues(alice)] == ["Bob"]
    for address in ("charlie@example.com", "nobody@example.com"):
        with pytest.raises(NoSuchPerson):
            core.sharing.colleague_at(alice, address)


def test_nonsense_is_refused_and_nothing_is_stored(
    core: Core, alice: User, bob: User, charlie: User, agent: Agent, key: Key
) -> None:
    theirs = core.agents.create(bob, fields(core.keys.add(bob, KeyDraft("B", "openai", SECRET))))
    wrong: list[tuple[Kind, str, Grantee, Any, type[CoreError]]] = [
        ("agent", agent.id, person(bob), "own", Invalid),
        ("agent", agent.id, person(alice), "view", Invalid),
        ("agent", agent.id, Grantee("person", "user_nobody"), "view", NoSuchPerson),
        ("agent", agent.id, Grantee("department", "nowhere"), "view", Invalid),
        ("agent", agent.id, Grantee("agent", agent.id), "run", Invalid),
        ("key", key.id, Grantee("agent", theirs.id), "run", NotFound),
        ("agent", "agent_nothing", EVERYONE, "view", NotFound),
        ("agent", theirs.id, EVERYONE, "view", NotFound),
        ("house", agent.id, EVERYONE, "view", NotFound),  # type: ignore[list-item]
    ]
    for kind, object_id, grantee, level, error in wrong:
        with pytest.raises(error):
            core.sharing.grant(alice, kind, object_id, grantee, level)
    with core.db.read() as connection:
        assert connection.execute(select(shares)).all() == []


def test_sharing_a_key_asks_who_is_there_and_an_agent_does_not(
    core: Core, alice: User, agent: Agent, key: Key
) -> None:
    stale = alice.proven(None)
    core.sharing.grant(stale, "agent", agent.id, EVERYONE, "view")
    for grantee in (EVERYONE, Grantee("agent", agent.id)):
        with pytest.raises(StepUpRequired):
            core.sharing.grant(stale, "key", key.id, grantee, "run")
    with pytest.raises(StepUpRequired):
        core.keys.replace_secret(stale, key.id, SECRET)


# --- running on another person's key ----------------------------------------------------------------


def test_bob_cannot_run_alices_agent_on_a_key_that_is_not_lent(
    core: Core, alice: User, bob: User, agent: Agent
) -> None:
    core.sharing.grant(alice, "agent", agent.id, person(bob), "run")
    with pytest.raises(KeyNotShared, match="Ask Alice to lend it"):
        core.runs.start_agent_run(bob, agent.id, "text")
    with core.db.read() as connection:
        assert connection.execute(select(runs)).all() == []


def test_a_lent_key_opens_for_its_agent_and_for_nothing_else(
    core: Core, alice: User, bob: User, charlie: User, key: Key, agent: Agent
) -> None:
    core.sharing.grant(alice, "agent", agent.id, person(bob), "edit")
    core.sharing.grant(alice, "key", key.id, Grantee("agent", agent.id), "run")
    opened = core.keys.open(bob, key.id, agent.id)
    assert opened.endpoint.secret is not None
    assert opened.endpoint.secret.get_secret_value() == SECRET
    assert core.keys.list(bob) == []
    own = core.agents.create(bob, fields(core.keys.add(bob, KeyDraft("B", "openai", SECRET))))
    for call in (
        lambda: core.keys.get(bob, key.id),
        lambda: core.keys.open(bob, key.id),
        lambda: core.keys.models(bob, key.id),
        lambda: core.agents.create(bob, fields(key)),
        lambda: core.agents.update(bob, own.id, fields(key), 1),
    ):
        with pytest.raises(NotFound):
            call()
    for somebody, other in ((bob, own.id), (charlie, agent.id), (charlie, "agent_nothing")):
        with pytest.raises(KeyNotShared):
            core.keys.open(somebody, key.id, other)


def test_an_editor_leaves_the_key_as_it_is_or_puts_in_one_of_their_own(
    core: Core, alice: User, bob: User, key: Key, agent: Agent
) -> None:
    core.sharing.grant(alice, "agent", agent.id, person(bob), "edit")
    core.sharing.grant(alice, "key", key.id, Grantee("agent", agent.id), "run")
    changed = core.agents.update(bob, agent.id, fields(key, goal="Better"), 1)
    assert (changed.definition.goal, changed.owner_id) == ("Better", alice.id)
    core.runs.start_agent_run(bob, agent.id, "text")
    theirs = core.keys.add(bob, KeyDraft("B", "openai", SECRET))
    core.agents.update(bob, agent.id, fields(theirs), 2)
    with pytest.raises(KeyNotShared, match="a key of Bob"):
        core.runs.start_agent_run(alice, agent.id, "text")
    core.sharing.grant(bob, "key", theirs.id, Grantee("agent", agent.id), "run")
    core.runs.start_agent_run(alice, agent.id, "text")


def test_nobody_runs_on_the_key_of_somebody_suspended(
    core: Core, alice: User, bob: User, key: Key, agent: Agent
) -> None:
    core.sharing.grant(alice, "agent", agent.id, person(bob), "run")
    core.sharing.grant(alice, "key", key.id, Grantee("agent", agent.id), "run")
    core.sharing.grant(alice, "key", key.id, person(bob), "run")
    with core.db.transaction() as connection:
        connection.execute(update(users).where(users.c.id == alice.id).values(is_active=False))
    for call in (
        lambda: core.runs.start_agent_run(bob, agent.id, "text"),
        lambda: core.keys.open(bob, key.id),
        lambda: core.keys.open(bob, key.id, agent.id),
    ):
        with pytest.raises(KeyOwnerInactive, match="Alice"):
            call()


def test_the_masked_secret_is_its_owners_alone(core: Core, alice: User, bob: User, key: Key) -> None:
    core.sharing.grant(alice, "key", key.id, person(bob), "edit")
    assert core.keys.get(alice, key.id).hint == "zk-…wxyz"
    assert core.keys.get(bob, key.id).hint == core.keys.list(bob)[0].hint == ""
    assert core.keys.replace_secret(bob, key.id, "zk-Another-0123456789-abcd").hint == ""
    assert core.keys.get(alice, key.id).hint == "zk-…abcd"


# --- what changes under way -------------------------------------------------------------------------


def test_what_is_revoked_ends_at_once(core: Core, alice: User, bob: User, key: Key, agent: Agent) -> None:
    core.sharing.grant(alice, "agent", agent.id, person(bob), "run")
    core.sharing.grant(alice, "key", key.id, Grantee("agent", agent.id), "run")
    core.runs.start_agent_run(bob, agent.id, "text")
    core.sharing.revoke(alice, "key", key.id, Grantee("agent", agent.id))
    with pytest.raises(KeyNotShared):  # what the worker asks before the node of the run above
        core.keys.open(bob, key.id, agent.id)
    core.sharing.grant(alice, "key", key.id, Grantee("agent", agent.id), "run")
    core.sharing.revoke(alice, "agent", agent.id, person(bob))
    with pytest.raises(KeyNotShared):
        core.keys.open(bob, key.id, agent.id)
    with pytest.raises(NotFound):
        core.agents.get(bob, agent.id)


def test_deleting_ends_the_shares_and_a_department_that_is_shared_with_stays(
    core: Core, alice: User, bob: User, key: Key, agent: Agent
) -> None:
    admin = core.accounts.create_user("root@example.com", "Root", PASSWORD, "admin")
    lab = core.departments.add(admin, "Lab")
    core.sharing.grant(alice, "agent", agent.id, Grantee("department", lab.slug), "edit")
    core.sharing.grant(alice, "key", key.id, Grantee("agent", agent.id), "run")
    with pytest.raises(Conflict, match="Lab is in use"):
        core.departments.delete(admin, lab.slug)
    core.agents.delete(alice, agent.id)
    core.departments.delete(admin, lab.slug)
    other = core.agents.create(alice, fields(key))
    core.sharing.grant(alice, "key", key.id, Grantee("agent", other.id), "run")
    core.sharing.grant(alice, "key", key.id, person(bob), "run")
    core.keys.delete(alice, key.id)
    with core.db.read() as connection:
        assert connection.execute(select(shares)).all() == []
    assert core.keys.list(bob) == []


def test_a_replaced_secret_is_the_one_that_opens_and_two_at_once_do_not_both_win(
    core: Core, alice: User, key: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    core.keys.test(alice, key.id)
    fresh = core.keys.replace_secret(alice, key.id, "zk-Fresh-0123456789")
    assert (fresh.secret_version, fresh.tested_at, fresh.test_code) == (2, None, None)
    opened = core.keys.open(alice, key.id).endpoint.secret
    assert opened is not None
    assert opened.get_secret_value() == "zk-Fresh-0123456789"
    old = core.keys.get(alice, key.id)
    core.keys.replace_secret(alice, key.id, "zk-Third-0123456789")
    monkeypatch.setattr(core.keys, "get", lambda *_: old)
    with pytest.raises(Conflict):
        core.keys.replace_secret(alice, key.id, "zk-Late-0123456789")
    open_server = core.keys.add(alice, KeyDraft("Open", "openai_compatible", "", key.base_url))
    with pytest.raises(Invalid, match="Enter the new key"):
        core.keys.replace_secret(alice, open_server.id, " ")


def test_alice_renames_her_key_but_not_to_a_name_she_has(core: Core, alice: User, bob: User, key: Key) -> None:
    core.keys.add(alice, KeyDraft("Second", "openai", SECRET))
    core.sharing.grant(alice, "key", key.id, person(bob), "edit")
    assert core.keys.rename(alice, key.id, " First ").name == "First"
    with pytest.raises(Conflict, match="You already have"):
        core.keys.rename(alice, key.id, "Second")
    with pytest.raises(Conflict, match="Its owner already has"):
        core.keys.rename(bob, key.id, "Second")
    with pytest.raises(Invalid):
        core.keys.rename(alice, key.id, "x" * 81)


def test_the_audit_log_tells_what_was_shared_with_whom(core: Core, alice: User, bob: User, key: Key) -> None:
    core.sharing.grant(alice, "key", key.id, person(bob), "run")
    core.sharing.revoke(alice, "key", key.id, person(bob))
    with core.db.read() as connection:
        told = [
            (row.action, row.object_id, row.detail)
            for row in connection.execute(select(audit_log).order_by(audit_log.c.seq))
            if "shared" in row.action
        ]
    assert told == [
        ("key.shared", key.id, {"with": f"person {bob.id}", "level": "run"}),
        ("key.unshared", key.id, {"with": f"person {bob.id}"}),
    ]
