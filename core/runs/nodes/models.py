"""What became of one node of a run, or of one round of a for-each node."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from core.runs.models import RunError

NodeStatus = Literal["running", "waiting", "succeeded", "failed", "skipped", "cancelled", "in_doubt"]
# Nothing changes any more, unless the run goes on after it has failed.
DECIDED: frozenset[str] = frozenset({"succeeded", "failed", "skipped"})
# The item of a node itself; its rounds are numbered from 0.
NODE = -1


@dataclass(frozen=True)
class NodeState:
    """A node without a state has not begun. ``branch`` is the way it went on.

    ``due_at`` is when a waiting one is looked at again by itself. From ``acted_at`` on something outside may have
    happened. ``is_cached`` says that its output was taken over from another run, or given for a test.
    """

    node_id: str
    item: int
    status: NodeStatus
    branch: str = ""
    output: Any = None
    error: RunError | None = None
    attempts: int = 0
    started_at: datetime | None = None
    ended_at: datetime | None = None
    due_at: datetime | None = None
    acted_at: datetime | None = None
    is_cached: bool = False

    @property
    def has_acted(self) -> bool:
        """Whether it is known what came of acting outside, though it has not finished: ``output["acted"]``."""
        return self.status != "succeeded" and isinstance(self.output, dict) and set(self.output) == {"acted"}

    @property
    def is_decided(self) -> bool:
        """Whether it is over, one way or the other."""
        return self.status in DECIDED
