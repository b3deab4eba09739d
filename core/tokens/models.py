"""What a personal API token is, and the scopes it can have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from pydantic import SecretStr

# What each scope lets a token do. A token never does more than its owner may.
SCOPES: Mapping[str, str] = {
    "account:read": "See who you are, your sessions and your connected accounts",
    "account:write": "End your sessions and disconnect accounts",
    "agents:read": "See agents",
    "agents:write": "Create, change, share and delete agents",
    "workflows:read": "See workflows and their versions",
    "workflows:write": "Draw, publish, share, archive and delete workflows",
    "runs:read": "See runs, their events and results",
    "runs:write": "Run agents and workflows, chat with them, cancel and retry runs",
    "approvals:read": "See approvals that you are asked for, and those that your runs ask for",
    "approvals:write": "Approve and reject in your name",
    "keys:read": "See keys and how they do, never their secrets",
    "keys:write": "Test, rename, disable and enable keys; what touches a secret takes a fresh login",
    "usage:read": "See usage, costs and statements",
    "budgets:read": "See budgets and limits",
    "budgets:write": "Set budgets and limits",
    "webhooks:read": "See webhooks and their deliveries",
    "webhooks:write": "Add, change, test and delete webhooks",
    "admin:read": "See people, departments, the audit log and settings, as far as your role goes",
    "admin:write": "Change people, departments and settings, as far as your role goes",
}
SHORTEST_DAYS, LONGEST_DAYS = 1, 365


@dataclass(frozen=True)
class Token:
    """A personal token without its secret; ``hint`` is how it begins. ``last_used_at`` is exact to a minute."""

    id: str
    user_id: str
    name: str
    hint: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None

    @property
    def doer(self) -> str:
        """What the audit log calls it, where it acts in its owner's name."""
        return f"API token {self.name} ({self.id})"


@dataclass(frozen=True)
class NewToken:
    """A token that was just made, with its secret: it is shown this once."""

    token: Token
    secret: SecretStr
