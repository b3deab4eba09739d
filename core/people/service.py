"""The rules of people: who may change whom, and that an administrator always remains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.accounts.capabilities import CAPABILITIES, require
from core.accounts.models import ROLES, Role, User
from core.accounts.sessions import Sessions
from core.audit.service import Audit
from core.db import Connection, Database
from core.departments.service import Departments
from core.errors import Conflict, Forbidden, Invalid, NoSuchPerson
from core.people import repository
from core.people.models import LIST_LIMIT, Person
from core.runs.service import Runs


class People:
    """List people, give them roles and departments, suspend and reactivate them."""

    def __init__(
        self, db: Database, departments: Departments, sessions: Sessions, runs: Runs, audit: Audit
    ) -> None:
        """End ``sessions`` and ``runs`` of the suspended; tell ``audit``."""
        self._db = db
        self._departments = departments
        self._sessions = sessions
        self._runs = runs
        self._audit = audit

    def list(self, actor: User, words: str = "") -> Sequence[Person]:
        """Return the people whose name or address has ``words`` in it, by name, 200 at most."""
        require(actor, "people.manage")
        with self._db.read() as connection:
            return repository.search(connection, words.strip()[:100], LIST_LIMIT)

    def get(self, actor: User, user_id: str) -> Person:
        """Return one person, suspended or not."""
        require(actor, "people.manage")
        with self._db.read() as connection:
            return _found(repository.person(connection, user_id))

    def set_role(self, actor: User, user_id: str, role: Role) -> Person:
        """Give a person a role; it holds from their next click.

        Raises:
            Conflict: nobody would be left to administer.
        """
        require(actor, "people.manage")
        if role not in ROLES:
            raise Invalid("Choose one of the roles.", "role")
        with self._db.transaction() as connection:
            person, admins = self._lock(connection, actor, user_id)
            if person.role != role:
                _check_one_remains(admins, person)
                repository.change(connection, user_id, role=role)
                self._record(connection, actor, "user.role_changed", person, {"from": person.role, "to": role})
        return self.get(actor, user_id)

    def set_department(self, actor: User, user_id: str, slug: str | None) -> Person:
        """Put a person into a department, or into none."""
        require(actor, "people.manage")
        if slug is not None:
            self._departments.check(slug)
        with self._db.transaction() as connection:
            person, _ = self._lock(connection, actor, user_id)
            if person.department != slug:
                repository.change(connection, user_id, department=slug)
                told = {"from": person.department, "to": slug}
                self._record(connection, actor, "user.department_changed", person, told)
        return self.get(actor, user_id)

    def suspend(self, actor: User, user_id: str) -> Person:
        """Shut a person out: their sessions end, their runs are cancelled.

        Raises:
            Conflict: it is oneself, or nobody would be left to administer.
        """
        require(actor, "people.manage")
        if user_id == actor.id:
            raise Conflict("You cannot suspend yourself. Ask another administrator.")
        with self._db.transaction() as connection:
            person, admins = self._lock(connection, actor, user_id)
            if person.is_active:
                _check_one_remains(admins, person)
                repository.change(connection, user_id, is_active=False)
                told = {
                    "sessions": self._sessions.revoke_all(connection, user_id),
                    "runs": self._runs.cancel_all(connection, user_id),
                }
                self._record(connection, actor, "user.suspended", person, told)
        return self.get(actor, user_id)

    def reactivate(self, actor: User, user_id: str) -> Person:
        """Let a suspended person in again; they sign in anew."""
        require(actor, "people.manage")
        with self._db.transaction() as connection:
            person, _ = self._lock(connection, actor, user_id)
            if not person.is_active:
                repository.change(connection, user_id, is_active=True)
                self._record(connection, actor, "user.reactivated", person, {})
        return self.get(actor, user_id)

    def _lock(self, connection: Connection, actor: User, user_id: str) -> tuple[Person, set[str]]:
        """Return the person and all active administrators, who do not change until the transaction ends."""
        admins = repository.lock_admins(connection)
        # The actor's value is as old as their page: whoever was demoted meanwhile changes nobody any more.
        now = repository.person(connection, actor.id)
        if now is None or not now.is_active or "people.manage" not in CAPABILITIES[now.role]:
            raise Forbidden
        return _found(repository.person(connection, user_id)), admins

    def _record(
        self, connection: Connection, actor: User, action: str, person: Person, detail: Mapping[str, object]
    ) -> None:
        told = {"email": person.email, **detail}
        self._audit.record(connection, actor, action, "user", person.id, detail=told)


def _found(person: Person | None) -> Person:
    if person is None:
        raise NoSuchPerson
    return person


def _check_one_remains(admins: set[str], person: Person) -> None:
    if admins == {person.id}:
        raise Conflict("This is the last administrator. Make somebody else an administrator first.")
