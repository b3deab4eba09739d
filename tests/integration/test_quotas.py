"""Limits are set by whoever looks after somebody or owns a key, seen by whom they hold for, and audited."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core import clock
from core.accounts.models import Role, User
from core.bootstrap import Core
from core.errors import CoreError, Forbidden, Invalid, NotFound, StepUpRequired
from core.keys.models import Key, KeyDraft
from core.quotas.models import EVERY, HIGHEST, Allowance, Scope
from tests.conftest import PASSWORD

THREE_RUNS = Allowance(concurrent_runs=3)
SLOW = Allowance(requests_per_minute=10, tokens_per_minute=5_000)


class Company:
    """Root administers; Mia manages HR with Max (member), Vera (viewer) and Moritz (manager); Sam is in Sales."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self.root = core.accounts.create_user("root@example.com", "Root", PASSWORD, "admin")
        self.mia, self.max = self.add("Mia", "manager", "hr"), self.add("Max", "member", "hr")
        self.vera, self.moritz = self.add("Vera", "viewer", "hr"), self.add("Moritz", "manager", "hr")
        self.sam = self.add("Sam", "member", "sales")

    def add(self, name: str, role: Role, department: str) -> User:
        made = self.core.accounts.create_user(f"{name.lower()}@example.com", name, PASSWORD, role)
        self.core.people.set_department(self.root, made.id, department)
        return replace(made, department=department)

    def key(self, owner: User, name: str = "Mine") -> Key:
        return self.core.keys.add(owner, KeyDraft(name, "openai", "zk-Secret-0123456789"))

    def try_to_put(self, actor: User, scope: Scope, scope_id: str) -> str:
        """Return ``ok`` or the code of the refusal."""
        try:
            self.core.quotas.put(actor, scope, scope_id, THREE_RUNS)
        except CoreError as error:
            return error.code
        return "ok"

    def seen(self, actor: User) -> list[str]:
        return [line.subject.name if line.subject else "?" for line in self.core.quotas.list(actor)]


@pytest.fixture
def company(core: Core) -> Company:
    return Company(core)


def allowed(core: Core, scope: Scope, scope_id: str) -> Allowance:
    with core.db.read() as connection:
        return core.quotas.rules(connection).allowance(scope, scope_id)


def test_a_rule_of_ones_own_replaces_the_one_for_every_whole(core: Core, company: Company) -> None:
    assert allowed(core, "person", company.max.id) == Allowance()
    core.quotas.put(company.root, "person", EVERY, THREE_RUNS)
    own = core.quotas.put(company.root, "person", company.max.id, SLOW)
    assert allowed(core, "person", company.max.id) == SLOW
    assert allowed(core, "person", company.sam.id) == THREE_RUNS
    assert allowed(core, "department", "hr") == Allowance()
    again = core.quotas.put(company.root, "person", company.max.id, Allowance(tokens_per_minute=7))
    assert (again.id, again.created_at) == (own.id, own.created_at)
    assert allowed(core, "person", company.max.id) == Allowance(tokens_per_minute=7)
    core.quotas.remove(company.root, own.id)
    assert allowed(core, "person", company.max.id) == THREE_RUNS


def test_who_may_set_what(company: Company) -> None:
    keys = {owner.id: company.key(owner).id for owner in (company.max, company.sam, company.mia)}
    people = [company.root, company.mia, company.max, company.vera]

    def codes(scope: Scope, scope_id: str) -> list[str]:
        return [company.try_to_put(actor, scope, scope_id) for actor in people]

    for scope in ("person", "department", "key"):
        assert codes(scope, EVERY) == ["ok", "forbidden", "forbidden", "forbidden"]
    assert codes("department", "hr") == ["ok", "forbidden", "forbidden", "forbidden"]
    assert codes("department", "nowhere") == ["not_found", "forbidden", "forbidden", "forbidden"]
    assert codes("person", company.max.id) == ["ok", "ok", "forbidden", "forbidden"]
    assert codes("person", company.vera.id) == ["ok", "ok", "forbidden", "forbidden"]
    assert codes("person", company.sam.id) == ["ok", "not_found", "forbidden", "forbidden"]
    assert codes("person", company.mia.id) == ["ok", "forbidden", "forbidden", "forbidden"]
    assert codes("person", company.moritz.id) == ["ok", "forbidden", "forbidden", "forbidden"]
    assert codes("person", "user_nobody") == ["not_found", "not_found", "forbidden", "forbidden"]
    assert codes("key", keys[company.max.id]) == ["ok", "not_found", "ok", "not_found"]
    assert codes("key", keys[company.mia.id]) == ["ok", "ok", "not_found", "not_found"]
    assert codes("key", "key_nothing") == ["not_found"] * 4


def test_a_stranger_neither_sees_nor_removes_a_rule(core: Core, company: Company) -> None:
    of_key = core.quotas.put(company.max, "key", company.key(company.max).id, SLOW)
    of_max = core.quotas.put(company.root, "person", company.max.id, SLOW)
    of_hr = core.quotas.put(company.root, "department", "hr", SLOW)
    for quota in (of_key, of_max, of_hr):
        with pytest.raises(NotFound):
            core.quotas.remove(company.sam, quota.id)
    with pytest.raises(Forbidden):
        core.quotas.remove(company.max, of_max.id)  # it holds for him, but others set it
    with pytest.raises(NotFound):
        core.quotas.remove(company.root, "quota_nothing")
    core.quotas.put(company.root, "person", EVERY, SLOW)
    assert company.seen(company.sam) == ["Every person"]
    assert company.seen(company.max) == ["Every person", "HR", "Mine", "Max"]
    assert company.seen(company.mia) == ["Every person", "HR", "Max"]
    assert company.seen(company.root) == ["Every person", "HR", "Mine", "Max"]
    may = {line.subject.name: line.may_change for line in core.quotas.list(company.max) if line.subject}
    assert may == {"Every person": False, "HR": False, "Mine": True, "Max": False}
    core.quotas.remove(company.max, of_key.id)
    core.quotas.remove(company.mia, of_max.id)
    assert company.seen(company.root) == ["Every person", "HR"]


def test_who_is_offered_what_to_limit(core: Core, company: Company) -> None:
    key = company.key(company.max)

    def offered(actor: User) -> list[tuple[str, str]]:
        return [(subject.name, subject.about) for subject in core.quotas.subjects(actor)]

    assert offered(company.sam) == offered(company.vera) == []
    assert offered(company.max) == [("Mine", "your key")]
    assert offered(company.mia) == [("Max", "max@example.com"), ("Vera", "vera@example.com")]
    everything = offered(company.root)
    assert everything[:4] == [
        ("Every department", ""),
        ("Every key", ""),
        ("Every person", ""),
        ("Sales", "department"),
    ]
    assert ("Mine", "key of Max") in everything
    core.keys.delete(company.max, key.id)
    assert offered(company.max) == []


def test_a_rule_of_what_is_gone_is_shown_and_removed_by_an_administrator(core: Core, company: Company) -> None:
    key = company.key(company.max)
    quota = core.quotas.put(company.max, "key", key.id, SLOW)
    core.keys.delete(company.max, key.id)
    assert company.seen(company.max) == []
    assert company.seen(company.root) == ["?"]
    core.quotas.remove(company.root, quota.id)
    assert company.seen(company.root) == []


@pytest.mark.parametrize(
    "allowance",
    [Allowance(), Allowance(requests_per_minute=0), Allowance(5, -1), Allowance(concurrent_runs=HIGHEST + 1)],
)
def test_a_limit_is_a_sensible_number(core: Core, root: User, allowance: Allowance) -> None:
    with pytest.raises(Invalid):
        core.quotas.put(root, "person", EVERY, allowance)
    assert core.quotas.put(root, "person", EVERY, Allowance(HIGHEST, HIGHEST, HIGHEST)).allowance.tokens_per_minute


def test_setting_and_removing_ask_for_a_recent_proof_and_are_audited(core: Core, root: User) -> None:
    quota = core.quotas.put(root, "department", "hr", THREE_RUNS)
    core.quotas.put(root, "department", "hr", THREE_RUNS)  # nothing new: nothing to tell
    core.quotas.put(root, "department", "hr", SLOW)
    old = root.proven(None)
    with pytest.raises(StepUpRequired):
        core.quotas.put(old, "department", "hr", SLOW)
    with pytest.raises(StepUpRequired):
        core.quotas.remove(old, quota.id)
    core.quotas.remove(root, quota.id)
    with core.db.read():
        found = core.audit.search(root, clock.now().replace(year=2000), clock.now().replace(year=2999), "limit.")
    told = [entry for entry in found if entry.action.startswith("limit.")]
    assert [(entry.action, entry.object_type, entry.object_id) for entry in told] == [
        ("limit.removed", "department", "hr"),
        ("limit.set", "department", "hr"),
        ("limit.set", "department", "hr"),
    ]
    assert told[1].detail["from"]["concurrent_runs"] == 3
    assert told[1].detail["to"]["requests_per_minute"] == 10


def test_somebody_demoted_meanwhile_sets_nothing_any_more(core: Core, company: Company) -> None:
    core.people.set_role(company.root, company.mia.id, "member")
    assert company.try_to_put(company.mia, "person", company.max.id) == "forbidden"
