"""Whose run is next. Pure: who has the fewest runs at work, then who has had no turn for the longest time.

So somebody with one run waits for the next free place only, however many runs somebody else has queued; and whoever
is alone gets every place that limits leave.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from core.quotas.models import Rules, Scope

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
Subject = tuple[Scope, str]


@dataclass(frozen=True)
class Waiting:
    """A run that waits, and whom it counts for; ``department`` is the person's, else the agent's."""

    run_id: str
    owner_id: str
    department: str | None
    queued_at: datetime
    key_ids: frozenset[str] = frozenset()

    @property
    def subjects(self) -> list[Subject]:
        """Everything whose limit of runs side by side it counts against."""
        found: list[Subject] = [("person", self.owner_id)]
        if self.department is not None:
            found.append(("department", self.department))
        return found + [("key", key_id) for key_id in sorted(self.key_ids)]


@dataclass(frozen=True)
class Turn:
    """A run that may begin, or go on in a later segment."""

    run_id: str
    owner_id: str
    segment: int


@dataclass(frozen=True)
class Load:
    """What works now: how many runs of each person, department and key, and when each person last had a turn."""

    working: Mapping[Subject, int] = field(default_factory=dict)
    last_turn_at: Mapping[str, datetime | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Full:
    """A limit of runs side by side that leaves no place."""

    scope: Scope
    scope_id: str
    working: int
    limit: int


def choose(waiting: Sequence[Waiting], load: Load, rules: Rules, free: int) -> list[str]:
    """Return the ids of the runs that may begin, in their order, ``free`` at most.

    ``waiting`` holds each person's runs in the order in which they were queued.
    """
    working = Counter(load.working)
    lines: dict[str, list[Waiting]] = {}
    for one in waiting:
        lines.setdefault(one.owner_id, []).append(one)
    turns = {owner_id: (load.last_turn_at.get(owner_id) or _NEVER, 0) for owner_id in lines}
    chosen: list[str] = []
    while lines and len(chosen) < free:
        owner_id = min(
            lines,
            key=lambda who: (working["person", who], turns[who], lines[who][0].queued_at, lines[who][0].run_id),
        )
        line = lines[owner_id]
        run = next((one for one in line if full(one, working, rules) is None), None)
        if run is None:
            del lines[owner_id]  # what is full does not empty while we choose
            continue
        chosen.append(run.run_id)
        working.update(run.subjects)
        # Later than every turn that is over.
        turns[owner_id] = (datetime.max.replace(tzinfo=UTC), len(chosen))
        line.remove(run)
        if not line:
            del lines[owner_id]
    return chosen


def full(run: Waiting, working: Mapping[Subject, int], rules: Rules) -> Full | None:
    """Return the first limit that keeps a run from beginning; None when there is none."""
    for scope, scope_id in run.subjects:
        limit = rules.allowance(scope, scope_id).concurrent_runs
        count = working.get((scope, scope_id), 0)
        if limit is not None and count >= limit:
            return Full(scope, scope_id, count, limit)
    return None


def ahead(own_before: int, owner_id: str, waiting: Mapping[str, int], working: Mapping[Subject, int]) -> int:
    """Return how many runs at least begin before somebody's run, when nothing new comes and nothing ends.

    Args:
        own_before: how many runs of the same person were queued before it.
        owner_id: the person.
        waiting: how many runs of each person wait.
        working: how many runs of each person work.
    """
    turn = working.get(("person", owner_id), 0) + own_before
    others = (
        min(count, max(0, turn - working.get(("person", other), 0)))
        for other, count in waiting.items()
        if other != owner_id
    )
    return own_before + sum(others)
