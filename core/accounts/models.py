"""Who somebody is. These values carry no secrets and may be shown."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal, get_args

Role = Literal["admin", "manager", "member", "viewer"]
ROLES: tuple[Role, ...] = get_args(Role)
# "handed" is an invitation that no mail carried: its address is not proved by opening it.
LinkKind = Literal["verification", "reset", "invitation", "handed"]


@dataclass(frozen=True)
class User:
    """A person who can sign in; as ``actor`` it is the first argument of every public method."""

    id: str
    email: str
    name: str
    role: Role
    department: str | None
    created_at: datetime
    # When they last proved who they are in this session; None where no person sits in front (core.accounts.proof).
    proved_at: datetime | None = field(default=None, compare=False)

    @property
    def is_admin(self) -> bool:
        """Whether this person administers the installation."""
        return self.role == "admin"

    def proven(self, at: datetime | None) -> User:
        """Return the same person, who proved at that moment, or never, who they are."""
        return replace(self, proved_at=at)


@dataclass(frozen=True)
class SessionInfo:
    """A browser in which somebody is signed in; ``is_current`` is the one that asks."""

    id: str
    device: str
    address: str
    created_at: datetime
    last_seen_at: datetime
    is_current: bool


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


@dataclass(frozen=True)
class MailLink:
    """What a link in a mail is for; its token is kept as a hash only. Without ``user_id`` a reset is a decoy."""

    kind: LinkKind
    email: str
    expires_at: datetime
    user_id: str | None = None
    role: Role | None = None
    department: str | None = None
    created_by: str | None = None
