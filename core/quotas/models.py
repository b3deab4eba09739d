"""Limits of keys, people and departments. None means that something is not limited."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, get_args

Scope = Literal["department", "key", "person"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
# As a ``scope_id``: every department, key or person without a rule of its own.
EVERY = ""
# Nobody needs more; the columns hold it, and sums of it.
HIGHEST = 1_000_000_000


@dataclass(frozen=True)
class Allowance:
    """How much may happen: in any 60 seconds, and side by side."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    concurrent_runs: int | None = None

    @property
    def limits_calls(self) -> bool:
        """Whether model calls have to ask."""
        return self.requests_per_minute is not None or self.tokens_per_minute is not None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is limited."""
        return not self.limits_calls and self.concurrent_runs is None


@dataclass(frozen=True)
class Quota:
    """A rule: for one key, person or department, or for every one that has none of its own."""

    id: str
    scope: Scope
    scope_id: str
    allowance: Allowance
    created_at: datetime

    @property
    def is_for_every(self) -> bool:
        """Whether it holds for every one without a rule of its own."""
        return self.scope_id == EVERY


@dataclass(frozen=True)
class Subject:
    """Somebody or something that can be limited; ``about`` tells two of one name apart."""

    scope: Scope
    scope_id: str
    name: str
    about: str = ""


@dataclass(frozen=True)
class QuotaLine:
    """A rule as somebody sees it; ``subject`` is None when what it was for is gone."""

    quota: Quota
    subject: Subject | None
    may_change: bool


@dataclass(frozen=True)
class Rules:
    """All rules at once. A rule of one's own replaces the one for every, whole: what it leaves open is open."""

    _by_subject: Mapping[tuple[Scope, str], Allowance] = field(default_factory=dict)

    @classmethod
    def of(cls, quotas: Iterable[Quota]) -> Rules:
        """Index rules."""
        return cls({(quota.scope, quota.scope_id): quota.allowance for quota in quotas})

    def allowance(self, scope: Scope, scope_id: str) -> Allowance:
        """Return what holds for one key, person or department."""
        own = self._by_subject.get((scope, scope_id))
        return own or self._by_subject.get((scope, EVERY)) or Allowance()

    def limits_runs_of(self, scope: Scope) -> bool:
        """Whether some rule of this scope limits runs side by side."""
        found = (allowance for (of, _), allowance in self._by_subject.items() if of == scope)
        return any(allowance.concurrent_runs is not None for allowance in found)


@dataclass(frozen=True)
class Use:
    """What was counted for a call, and in which second of which windows, so that it can be put right."""

    tokens: int
    counted: tuple[tuple[Scope, str, int], ...] = ()
