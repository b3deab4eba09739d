"""Keys of the organisation's pool: administrators look after them, chosen people run on them, nobody sees them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core import clock
from core.accounts.models import User
from core.bootstrap import Core
from core.errors import Forbidden, KeyNotShared, KeyOwnerInactive, NotFound
from core.keys.models import Key, KeyDraft
from core.sharing.models import Grantee
from tests.conftest import PASSWORD, Cast

SECRET = "zk-Secret-0123456789-pool"


@pytest.fixture
def admin(root: User) -> User:
    return root.proven(clock.now())


@pytest.fixture
def other_admin(core: Core) -> User:
    made = core.accounts.create_user("second@example.com", "Second", PASSWORD, "admin")
    return made.proven(clock.now())


@pytest.fixture
def pooled(core: Core, admin: User) -> Key:
    key = core.keys.add(admin, KeyDraft("Company", "openai", SECRET))
    core.key_care.set_pool(admin, key.id, True)
    return core.keys.get(admin, key.id)


def test_every_administrator_looks_after_the_pool(core: Core, admin: User, other_admin: User, pooled: Key) -> None:
    assert [(key.name, key.is_pool, key.access.is_owner) for key in core.keys.list(other_admin)] == [
        ("Company", True, True)
    ]
    assert core.keys.get(other_admin, pooled.id).hint == "zk-…pool"
    core.keys.rename(other_admin, pooled.id, "Ours")
    core.sharing.grant(other_admin, "key", pooled.id, Grantee("department", "hr"), "run")
    assert [share.name for share in core.sharing.list(admin, "key", pooled.id)] == ["HR"]
    core.key_care.set_pool(other_admin, pooled.id, False)
    with pytest.raises(NotFound):
        core.keys.open(other_admin, pooled.id)
    assert core.keys.get(admin, pooled.id).name == "Ours"
    actions = [e.action for e in core.audit.search(admin, admin.created_at, clock.now()) if "pool" in e.action]
    assert actions == ["key.unpooled", "key.pooled"]


def test_an_administrator_adds_a_key_to_the_pool_at_once_and_a_manager_does_not(
    core: Core, cast: Cast, admin: User, other_admin: User
) -> None:
    draft = KeyDraft("Company", "openai", SECRET, pool=True)
    key = core.keys.add(admin, draft)
    assert key.is_pool
    assert core.keys.get(other_admin, key.id).is_pool
    assert core.keys.open(other_admin, key.id).key.is_pool
    actions = [e.action for e in core.audit.search(admin, admin.created_at, clock.now()) if e.object_id == key.id]
    assert actions == ["key.pooled", "key.added"]
    manager = replace(cast.bob.proven(clock.now()), role="manager", department="hr")
    with pytest.raises(Forbidden):
        core.keys.add(manager, draft)
    assert core.keys.list(manager) == []


def test_chosen_people_run_on_it_and_others_do_not_know_it(
    core: Core, cast: Cast, admin: User, pooled: Key
) -> None:
    core.sharing.grant(admin, "key", pooled.id, Grantee("person", cast.alice.id), "run")
    opened = core.keys.open(cast.alice, pooled.id)
    assert opened.key.is_pool
    assert SECRET not in f"{opened!r}"
    assert core.keys.get(cast.alice, pooled.id).hint == ""
    assert not core.keys.get(cast.alice, pooled.id).access.is_owner
    for call in (core.keys.get, core.keys.open):
        with pytest.raises(NotFound):
            call(cast.charlie, pooled.id)
    with pytest.raises(Forbidden):
        core.sharing.grant(cast.alice, "key", pooled.id, Grantee("everyone"), "run")
    with pytest.raises(Forbidden):
        core.key_care.set_pool(cast.alice, pooled.id, False)


def test_a_manager_and_an_administrator_take_no_key_of_somebody_else(core: Core, cast: Cast, admin: User) -> None:
    key = core.keys.add(cast.alice.proven(clock.now()), KeyDraft("Mine", "openai", SECRET))
    with pytest.raises(NotFound):
        core.key_care.set_pool(admin, key.id, True)
    core.sharing.grant(cast.alice.proven(clock.now()), "key", key.id, Grantee("person", admin.id), "edit")
    with pytest.raises(Forbidden):
        core.key_care.set_pool(admin, key.id, True)


def test_the_pool_outlives_the_person_who_added_to_it(
    core: Core, cast: Cast, admin: User, other_admin: User, pooled: Key
) -> None:
    own = core.keys.add(admin, KeyDraft("Own", "openai", SECRET))
    for key in (pooled, own):
        core.sharing.grant(admin, "key", key.id, Grantee("person", cast.alice.id), "run")
    core.people.suspend(other_admin, admin.id)
    assert core.keys.open(cast.alice, pooled.id).endpoint.secret is not None
    with pytest.raises(KeyOwnerInactive):
        core.keys.open(cast.alice, own.id)


def test_a_pooled_key_is_lent_to_an_agent_like_any_other(
    core: Core, cast: Cast, other_admin: User, pooled: Key
) -> None:
    fields = {"name": "n", "department": "hr", "role": "r", "goal": "g", "key_id": pooled.id, "model": "m"}
    agent = core.agents.create(other_admin, fields)
    core.sharing.grant(other_admin, "agent", agent.id, Grantee("person", cast.bob.id), "run")
    with pytest.raises(KeyNotShared):
        core.agents.to_run(cast.bob, agent.id)
    core.sharing.grant(other_admin, "key", pooled.id, Grantee("agent", agent.id), "run")
    assert core.agents.to_run(cast.bob, agent.id).id == agent.id
