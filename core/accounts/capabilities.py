"""What each role may do: the one table. Whose something is decides the owning service, not this file."""

from __future__ import annotations

from typing import Literal

from core.accounts.models import Role, User
from core.errors import Forbidden

Capability = Literal[
    "agents.edit",
    "audit.read",
    "budgets.manage",
    "departments.manage",
    "keys.edit",
    "people.department",
    "people.manage",
    "pool.manage",
    "quotas.manage",
    "runs.start",
    "settings.manage",
    "statements.manage",
    "usage.department",
    "usage.everybody",
    "webhooks.manage",
    "workers.read",
]

_VIEWER: frozenset[Capability] = frozenset()
_MEMBER: frozenset[Capability] = _VIEWER | {"agents.edit", "keys.edit", "runs.start"}
# Of their own department only: core.accounts.reach says whom that reaches.
_MANAGER: frozenset[Capability] = _MEMBER | {"people.department", "usage.department"}
_ADMIN: frozenset[Capability] = _MANAGER | {
    "audit.read",
    "budgets.manage",
    "departments.manage",
    "people.manage",
    "pool.manage",
    "quotas.manage",
    "settings.manage",
    "statements.manage",
    "usage.everybody",
    "webhooks.manage",
    "workers.read",
}

CAPABILITIES: dict[Role, frozenset[Capability]] = {
    "viewer": _VIEWER,
    "member": _MEMBER,
    "manager": _MANAGER,
    "admin": _ADMIN,
}


def can(actor: User, capability: Capability) -> bool:
    """Whether the actor's role has a capability."""
    return capability in CAPABILITIES[actor.role]


def require(actor: User, capability: Capability) -> None:
    """Raise ``Forbidden`` unless the actor's role has a capability."""
    if not can(actor, capability):
        raise Forbidden
