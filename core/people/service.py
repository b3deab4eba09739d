"""The rules of people: who may change whom, and that an administrator always remains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.accounts.capabilities import can, require
from core.accounts.models import ROLES, Role, User
from core.accounts.proof import require_recent_proof
from core.accounts.provider_sign_in import active_user
from core.accounts.reach import may_change, may_give, sees
from core.accounts.sessions import Sessions
from core.audit.service import Audit
from core.db import Connection, Database
from core.departments.service import Departments
from core.errors import Conflict, Forbidden, Invalid, NoSuchPerson
from core.people import repository
from core.people.models import LIST_LIMIT, Person
from core.runs.service import Runs


class People:
    """List people, give them roles and departments, sign them out, suspend and reactivate them.

    Administrators reach everybody; managers the members and viewers of their own department.
    """

    def __init__(
        self, db: Database, departments: Departments, sessions: Sessions, runs: Runs, audit: Audit
    ) -> None:
        """End ``sessions`` and ``runs`` of the suspended; tell ``audit``."""
        self._db = db
        self._departments = departments
        self._sessions = sessions
        self._runs = runs
        self._audit = audit

    def list(
        self, actor: User, words: str = "", *, after: str | None = None, limit: int = LIST_LIMIT
    ) -> Sequence[Person]:
        """Return the people whose name or address has ``words`` in it, by name, 200 at most unless told.

        A manager is given the people of their own department and themself. With ``after``, the id of a person, the
        list goes on behind them.
        """
        require(actor, "people.department")
        seen_by = None if can(actor, "people.manage") else actor
        with self._db.read() as connection:
            return repository.search(connection, words.strip()[:100], limit, seen_by, after)

    def get(self, actor: User, user_id: str) -> Person:
        """Return one person, suspended or not.

        Raises:
            NoSuchPerson: there is nobody, or a manager asks for somebody of another department.
        """
        require(actor, "people.department")
        with self._db.read() as connection:
            return _seen(actor, repository.person(connection, user_id))

    def change(self, actor: User, user_id: str, role: Role, department: str | None) -> Person:
        """Give a person role and department, both or neither; it holds from their next click.

        Raises:
            StepUpRequired: it is long ago that the actor proved who they are.
            NoSuchPerson: there is nobody, or a manager asks for somebody of another department.
            Forbidden: a manager reaches beyond the members and viewers of their department.
            Invalid: there is no such role or department.
            Conflict: nobody would be left to administer.
        """
        return self._change(actor, user_id, role=role, department=department)

    def set_role(self, actor: User, user_id: str, role: Role) -> Person:
        """Give a person a role; see ``change``."""
        return self._change(actor, user_id, role=role)

    def set_department(self, actor: User, user_id: str, slug: str | None) -> Person:
        """Put a person into a department, or into none; see ``change``."""
        return self._change(actor, user_id, department=slug)

    def suspend(self, actor: User, user_id: str) -> Person:
        """Shut a person out: their sessions end, their runs are cancelled.

        Raises:
            StepUpRequired, NoSuchPerson, Forbidden: see ``change``.
            Conflict: it is oneself, or nobody would be left to administer.
        """
        _require(actor)
        if user_id == actor.id:
            raise Conflict("You cannot suspend yourself. Ask another administrator.")
        with self._db.transaction() as connection:
            _, person, admins = self._lock(connection, actor, user_id)
            if person.is_active:
                _check_one_remains(admins, person)
                _store(connection, person, is_active=False)
                told = {
                    "sessions": self._sessions.revoke_all(connection, user_id),
                    "runs": self._runs.cancel_all(connection, user_id),
                }
                self._record(connection, actor, "user.suspended", person, told)
            return _now(connection, user_id)

    def reactivate(self, actor: User, user_id: str) -> Person:
        """Let a suspended person in again; they sign in anew. Raises what ``change`` raises."""
        _require(actor)
        with self._db.transaction() as connection:
            _, person, _ = self._lock(connection, actor, user_id)
            if not person.is_active:
                _store(connection, person, is_active=True)
                self._record(connection, actor, "user.reactivated", person, {})
            return _now(connection, user_id)

    def end_sessions(self, actor: User, user_id: str) -> int:
        """End every session of a person; return how many those were. Raises what ``change`` raises."""
        _require(actor)
        with self._db.transaction() as connection:
            _, person, _ = self._lock(connection, actor, user_id)
            count = self._sessions.revoke_all(connection, user_id)
            if count:
                self._record(connection, actor, "session.all_ended", person, {"count": count})
        return count

    def _change(self, actor: User, user_id: str, **wanted: str | None) -> Person:
        _require(actor)
        if "role" in wanted and wanted["role"] not in ROLES:
            raise Invalid("Choose one of the roles.", "role")
        if (slug := wanted.get("department")) is not None:
            self._departments.check(slug)
        with self._db.transaction() as connection:
            now, person, admins = self._lock(connection, actor, user_id)
            before = {"role": person.role, "department": person.department}
            after = {**before, **wanted}
            role = next(role for role in ROLES if role == after["role"])
            if not may_give(now, role, after["department"]):
                raise Forbidden
            if role != person.role:
                _check_one_remains(admins, person)
            if after != before:
                _store(connection, person, **after)
            for name, new in after.items():
                if new != before[name]:
                    told = {"from": before[name], "to": new}
                    self._record(connection, actor, f"user.{name}_changed", person, told)
            return _now(connection, user_id)

    def _lock(self, connection: Connection, actor: User, user_id: str) -> tuple[User, Person, set[str]]:
        """Return the actor, the person and all active administrators; none changes until the transaction ends."""
        admins = repository.lock(connection, actor.id, user_id)
        # The actor's value is as old as their page: whoever was demoted meanwhile changes nobody any more.
        now = active_user(connection, actor.id)
        if now is None or not can(now, "people.department"):
            raise Forbidden
        person = _seen(now, repository.person(connection, user_id))
        if not may_change(now, person.id, person.role, person.department):
            raise Forbidden
        return now, person, admins

    def _record(
        self, connection: Connection, actor: User, action: str, person: Person, detail: Mapping[str, object]
    ) -> None:
        told = {"email": person.email, **detail}
        self._audit.record(connection, actor, action, "user", person.id, detail=told)


def _require(actor: User) -> None:
    require(actor, "people.department")
    require_recent_proof(actor)


def _seen(actor: User, person: Person | None) -> Person:
    if person is None or not sees(actor, person.id, person.department):
        raise NoSuchPerson
    return person


def _store(connection: Connection, person: Person, **values: object) -> None:
    if not repository.change(connection, person, **values):
        raise Conflict("Somebody else changed this person just now. Look again.")


def _now(connection: Connection, user_id: str) -> Person:
    person = repository.person(connection, user_id)
    if person is None:
        raise NoSuchPerson
    return person


def _check_one_remains(admins: set[str], person: Person) -> None:
    if admins == {person.id}:
        raise Conflict("This is the last administrator. Make somebody else an administrator first.")
