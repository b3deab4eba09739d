"""The rules of departments: today, only that there are some."""

from __future__ import annotations

from core.db import Database
from core.departments import repository
from core.departments.models import Department
from core.errors import Invalid


class Departments:
    """Look departments up."""

    def __init__(self, db: Database) -> None:
        """Work on ``db``."""
        self._db = db

    def all(self) -> list[Department]:
        """Return every department in its fixed order."""
        with self._db.read() as connection:
            return repository.all_departments(connection)

    def check(self, slug: str) -> None:
        """Raise ``Invalid`` when there is no such department."""
        if slug not in {department.slug for department in self.all()}:
            raise Invalid("Choose one of the departments.", "department")
