"""The rules of departments: everybody may read them, administrators edit them; a slug never changes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from core.accounts.capabilities import require
from core.accounts.models import User
from core.audit.service import Audit
from core.db import Connection, Database
from core.departments import repository
from core.departments.models import Department
from core.errors import Conflict, Invalid, NotFound
from core.names import clean_name

MAX_NAME = 80
MAX_SLUG = 36  # leaves room in the column for a number


class Departments:
    """Look departments up, add, rename, order and delete them."""

    def __init__(self, db: Database, audit: Audit) -> None:
        """Work on ``db``; tell ``audit``."""
        self._db = db
        self._audit = audit
        self._listeners: list[Callable[[Connection, User, str], None]] = []

    def on_deleted(self, forget: Callable[[Connection, User, str], None]) -> None:
        """Call ``forget`` in the transaction that deletes a department, with the actor and its slug."""
        self._listeners.append(forget)

    def all(self) -> list[Department]:
        """Return every department in its fixed order."""
        with self._db.read() as connection:
            return repository.all_departments(connection)

    def check(self, slug: str) -> None:
        """Raise ``Invalid`` when there is no such department."""
        if slug not in {department.slug for department in self.all()}:
            raise Invalid("Choose one of the departments.", "department")

    def add(self, actor: User, name: str) -> Department:
        """Add a department at the end.

        Raises:
            Conflict: there is one of this name.
        """
        require(actor, "departments.manage")
        name = clean_name(name, MAX_NAME)
        with self._db.transaction() as connection:
            present = repository.lock_all(connection)
            _check_free(present, name)
            department = Department(_free_slug(present, name), name, len(present) + 1)
            if not repository.insert_department(connection, department):
                raise _taken()
            repository.put_in_order(connection, [d.slug for d in present] + [department.slug])
            self._record(connection, actor, "department.added", department.slug, to=name)
        return department

    def get(self, slug: str) -> Department:
        """Return one department; raises ``NotFound``."""
        return _named(self.all(), slug)

    def rename(self, actor: User, slug: str, name: str) -> Department:
        """Give a department another name; everything that belongs to it stays. Raises what ``change`` raises."""
        return self.change(actor, slug, name=name)

    def move(self, actor: User, slug: str, places: int) -> None:
        """Move a department down by so many places, or up by a negative number; it stops at either end."""
        require(actor, "departments.manage")
        with self._db.transaction() as connection:
            present = repository.lock_all(connection)
            self._put(connection, actor, present, slug, _named(present, slug).position + places)

    def change(self, actor: User, slug: str, *, name: str | None = None, position: int | None = None) -> Department:
        """Give a department another name or position, or both; everything that belongs to it stays.

        Args:
            actor: an administrator.
            slug: which department.
            name: None leaves the present one.
            position: counted from 1; None leaves the present one, and one behind the end is the last.

        Raises:
            NotFound: there is no such department.
            Conflict: there is another one of this name.
        """
        require(actor, "departments.manage")
        wanted = None if name is None else clean_name(name, MAX_NAME)
        with self._db.transaction() as connection:
            present = repository.lock_all(connection)
            old = _named(present, slug)
            if wanted is not None:
                _check_free([d for d in present if d.slug != slug], wanted)
                if old.name != wanted:
                    repository.rename(connection, slug, wanted)
                    told = {"from": old.name, "to": wanted}
                    self._record(connection, actor, "department.renamed", slug, **told)
            if position is not None:
                self._put(connection, actor, present, slug, position)
            return _named(repository.all_departments(connection), slug)

    def delete(self, actor: User, slug: str) -> None:
        """Delete a department that nobody and nothing belongs to; its budgets and limits go with it.

        Raises:
            Conflict: it is in use, or it is the last one.
        """
        require(actor, "departments.manage")
        with self._db.transaction() as connection:
            present = repository.lock_all(connection)
            department = _named(present, slug)
            if len(present) == 1:
                raise Conflict("One department has to stay. Add another one first.")
            if not repository.delete_department(connection, slug):
                raise Conflict(
                    f"{department.name} is in use by people, agents or past runs, so it cannot be deleted. "
                    "You can rename it."
                )
            for forget in self._listeners:
                forget(connection, actor, slug)
            self._record(connection, actor, "department.deleted", slug, name=department.name)

    def _put(
        self, connection: Connection, actor: User, present: list[Department], slug: str, position: int
    ) -> None:
        """Put a department at a position, or at the end that is nearest to it."""
        slugs = [department.slug for department in present]
        before = slugs.index(slug)
        after = max(0, min(len(slugs) - 1, position - 1))
        if after != before:
            slugs.insert(after, slugs.pop(before))
            repository.put_in_order(connection, slugs)
            self._record(connection, actor, "department.moved", slug, to=after + 1)

    def _record(self, connection: Connection, actor: User, action: str, slug: str, **detail: object) -> None:
        self._audit.record(connection, actor, action, "department", slug, detail=detail)


def _named(present: list[Department], slug: str) -> Department:
    found = next((department for department in present if department.slug == slug), None)
    if found is None:
        raise NotFound(what="department")
    return found


def _check_free(present: list[Department], name: str) -> None:
    if name.casefold() in {department.name.casefold() for department in present}:
        raise _taken()


def _taken() -> Conflict:
    return Conflict("There is a department of this name already. Choose another name.")


def _free_slug(present: list[Department], name: str) -> str:
    """Return the name in lower-case ASCII words; a number tells it from one that is taken."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    stem = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:MAX_SLUG].strip("-") or "department"
    taken = {department.slug for department in present}
    return next(slug for n in range(1, 1000) if (slug := stem if n == 1 else f"{stem}-{n}") not in taken)
