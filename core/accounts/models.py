"""Who somebody is. These values carry no secrets and may be shown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Role = Literal["admin", "manager", "member", "viewer"]


@dataclass(frozen=True)
class User:
    """A person who can sign in; as ``actor`` it is the first argument of every public method."""

    id: str
    email: str
    name: str
    role: Role
    department: str | None
    created_at: datetime

    @property
    def is_admin(self) -> bool:
        """Whether this person administers the installation."""
        return self.role == "admin"


@dataclass(frozen=True)
class Failures:
    """Wrong passwords in a row for one address."""

    count: int
    last_failed_at: datetime


@dataclass(frozen=True)
class FirstAdmin:
    """The administrator made at the first start; ``password`` only when it was generated: show it once."""

    email: str
    password: str | None
