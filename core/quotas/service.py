"""The rules of limits: who sees them, and who sets them for whom.

Administrators set all of them, managers those of the members and viewers of their department, and owners of keys
those of their keys. The rest of the core asks ``rules`` and, for model calls, ``core.quotas.rates``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from core import clock
from core.accounts.capabilities import can
from core.accounts.models import User
from core.accounts.proof import require_recent_proof
from core.accounts.provider_sign_in import active_user
from core.accounts.reach import may_change, sees
from core.audit.service import Audit
from core.db import Connection, Database
from core.errors import Forbidden, Invalid, NoSuchPerson, NotFound
from core.quotas import repository
from core.quotas.models import EVERY, HIGHEST, SCOPES, Allowance, Quota, QuotaLine, Rules, Scope, Subject

SUBJECTS_LIMIT = 500
_EVERY: dict[Scope, str] = {"department": "Every department", "key": "Every key", "person": "Every person"}


class Quotas:
    """Look limits up, set and remove them."""

    def __init__(self, db: Database, audit: Audit) -> None:
        """Work on ``db``; tell ``audit``."""
        self._db = db
        self._audit = audit

    def list(self, actor: User) -> Sequence[QuotaLine]:
        """Return the rules that the actor may set or that hold for them, those for every one first."""
        with self._db.read() as connection:
            quotas = repository.all_quotas(connection)
            named = _Named.of(connection, quotas)
        lines = [QuotaLine(quota, named.subject(quota), named.may_set(actor, quota)) for quota in quotas]
        seen = [line for line in lines if line.may_change or named.is_seen_by(actor, line.quota)]
        return sorted(seen, key=lambda line: (not line.quota.is_for_every, line.quota.scope, _name(line)))

    def subjects(self, actor: User) -> Sequence[Subject]:
        """Return what the actor may set a rule for; 500 people and 500 keys at most."""
        is_admin = can(actor, "quotas.manage")
        found: list[Subject] = []
        with self._db.read() as connection:
            names = repository.department_names(connection)
            people = repository.people(connection, SUBJECTS_LIMIT) if can(actor, "people.department") else []
            keys = []
            if can(actor, "keys.edit"):
                keys = repository.key_owners(connection, SUBJECTS_LIMIT, owner_id=None if is_admin else actor.id)
        if is_admin:
            found += [Subject(scope, EVERY, name) for scope, name in _EVERY.items()]
            found += [Subject("department", slug, name, "department") for slug, name in names.items()]
        found += [
            Subject("person", person.id, person.name, person.email)
            for person in people
            if is_admin or may_change(actor, person.id, person.role, person.department)
        ]
        found += [
            Subject("key", key_id, name, "your key" if owner_id == actor.id else f"key of {owner}")
            for key_id, name, owner_id, owner in keys
        ]
        return found

    def put(self, actor: User, scope: Scope, scope_id: str, allowance: Allowance) -> Quota:
        """Limit a key, person or department, or every one; an older rule of the same subject is replaced.

        Raises:
            StepUpRequired: it is long ago that the actor proved who they are.
            Invalid: nothing is limited, or a number is out of range.
            NotFound, NoSuchPerson: there is nobody and nothing of this id that the actor knows.
            Forbidden: the actor may not set this rule.
        """
        require_recent_proof(actor)
        if scope not in SCOPES:
            raise Invalid("Choose whom the limit is for.", "subject")
        _check(allowance)
        with self._db.transaction() as connection:
            now = self._require(connection, actor, scope, scope_id)
            before = repository.quota_of(connection, scope, scope_id)
            quota = before or Quota(clock.new_id("quota"), scope, scope_id, allowance, clock.now())
            quota = Quota(quota.id, scope, scope_id, allowance, quota.created_at)
            repository.put(connection, quota, now.id)
            if before is None or before.allowance != allowance:
                told = {"from": asdict(before.allowance) if before else None, "to": asdict(allowance)}
                self._record(connection, now, "limit.set", quota, told)
        return quota

    def remove(self, actor: User, quota_id: str) -> None:
        """Remove a rule; it holds from the next call and the next run.

        Raises:
            StepUpRequired: it is long ago that the actor proved who they are.
            NotFound, Forbidden: as ``put``.
        """
        require_recent_proof(actor)
        with self._db.transaction() as connection:
            quota = repository.quota(connection, quota_id)
            if quota is None:
                raise NotFound(what="limit")
            named = _Named.of(connection, [quota])
            now = self._now(connection, actor)
            if not named.may_set(now, quota):
                if named.is_seen_by(now, quota):
                    raise Forbidden
                raise NotFound(what="limit")
            self._remove(connection, now, quota)

    def forget_department(self, connection: Connection, actor: User, slug: str) -> None:
        """Remove the limit of a department that is being deleted, in that transaction.

        Its slug may be given to another department later, which is not bound by it.
        """
        quota = repository.quota_of(connection, "department", slug)
        if quota is not None:
            self._remove(connection, actor, quota)

    def rules(self, connection: Connection) -> Rules:
        """Return every rule, in the caller's transaction."""
        return Rules.of(repository.all_quotas(connection))

    # --- inside ----------------------------------------------------------------------------------

    def _require(self, connection: Connection, actor: User, scope: Scope, scope_id: str) -> User:
        """Return the actor as the database has them; raise unless they may set a rule for this subject."""
        now = self._now(connection, actor)
        if scope_id == EVERY:
            if not can(now, "quotas.manage"):
                raise Forbidden
            return now
        wanted = Quota("", scope, scope_id, Allowance(), clock.now())
        named = _Named.of(connection, [wanted])
        if named.may_set(now, wanted) and named.subject(wanted) is not None:
            return now
        knows = can(now, "quotas.manage") or can(now, "people.department")
        if scope == "key":
            raise Forbidden if named.owns(now, wanted) else NotFound(what="key")
        if scope == "person" and knows and not named.sees(now, wanted):
            raise NoSuchPerson
        if scope == "department" and can(now, "quotas.manage"):
            raise NotFound(what="department")
        raise Forbidden

    def _now(self, connection: Connection, actor: User) -> User:
        # The actor's value is as old as their page: whoever was demoted meanwhile sets nothing any more.
        now = active_user(connection, actor.id)
        if now is None:
            raise Forbidden
        return now

    def _remove(self, connection: Connection, actor: User, quota: Quota) -> None:
        repository.remove(connection, quota.id)
        self._record(connection, actor, "limit.removed", quota, {"from": asdict(quota.allowance)})

    def _record(
        self, connection: Connection, actor: User, action: str, quota: Quota, detail: Mapping[str, object]
    ) -> None:
        told = {"subject": quota.scope_id or "every", **detail}
        self._audit.record(connection, actor, action, quota.scope, quota.scope_id or "every", detail=told)


class _Named:
    """The people, keys and departments behind some rules."""

    def __init__(
        self, departments: Mapping[str, str], people: Sequence[User], keys: Sequence[tuple[str, str, str, str]]
    ) -> None:
        self._departments = departments
        self._people = {person.id: person for person in people}
        self._keys = {key_id: (name, owner_id, owner) for key_id, name, owner_id, owner in keys}

    @classmethod
    def of(cls, connection: Connection, quotas: Sequence[Quota]) -> _Named:
        ids: dict[str, set[str]] = {scope: set() for scope in SCOPES}
        for quota in quotas:
            ids[quota.scope].add(quota.scope_id)
        return cls(
            repository.department_names(connection),
            repository.people(connection, len(ids["person"]), ids["person"]),
            repository.key_owners(connection, len(ids["key"]), ids["key"]),
        )

    def subject(self, quota: Quota) -> Subject | None:
        """Return whom a rule is for; None when that is gone."""
        if quota.is_for_every:
            return Subject(quota.scope, EVERY, _EVERY[quota.scope])
        if quota.scope == "person" and (person := self._people.get(quota.scope_id)):
            return Subject("person", person.id, person.name, person.email)
        if quota.scope == "key" and (key := self._keys.get(quota.scope_id)):
            return Subject("key", quota.scope_id, key[0], f"key of {key[2]}")
        if quota.scope == "department" and (name := self._departments.get(quota.scope_id)):
            return Subject("department", quota.scope_id, name, "department")
        return None

    def may_set(self, actor: User, quota: Quota) -> bool:
        """Whether somebody may set or remove this rule."""
        if can(actor, "quotas.manage"):
            return True
        if quota.is_for_every or quota.scope == "department":
            return False
        if quota.scope == "key":
            return can(actor, "keys.edit") and self.owns(actor, quota)
        person = self._people.get(quota.scope_id)
        return person is not None and may_change(actor, person.id, person.role, person.department)

    def is_seen_by(self, actor: User, quota: Quota) -> bool:
        """Whether a rule holds for somebody, or is for a person whom they see."""
        if quota.is_for_every:
            return True
        if quota.scope == "department":
            return quota.scope_id == actor.department
        return self.owns(actor, quota) if quota.scope == "key" else self.sees(actor, quota)

    def owns(self, actor: User, quota: Quota) -> bool:
        """Whether a rule's key is somebody's own."""
        key = self._keys.get(quota.scope_id)
        return key is not None and key[1] == actor.id

    def sees(self, actor: User, quota: Quota) -> bool:
        """Whether a rule's person is somebody whom the actor sees, or they themselves."""
        person = self._people.get(quota.scope_id)
        return person is not None and (person.id == actor.id or sees(actor, person.id, person.department))


def _check(allowance: Allowance) -> None:
    if allowance.is_empty:
        raise Invalid("Enter at least one limit, or remove the rule.", "requests_per_minute")
    for field, value in asdict(allowance).items():
        if value is not None and not 1 <= value <= HIGHEST:
            raise Invalid(f"A limit is a whole number from 1 to {HIGHEST:,}.", field)


def _name(line: QuotaLine) -> str:
    return line.subject.name.casefold() if line.subject else ""
