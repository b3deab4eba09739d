"""What a run asks of people, whom it asks, and what they said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

# ``closed`` means that the run ended before anybody decided.
Status = Literal["open", "approved", "rejected", "expired", "closed"]
STATUSES: tuple[Status, ...] = get_args(Status)
Decision = Literal["approve", "reject"]
DECIDED: dict[Decision, Status] = {"approve": "approved", "reject": "rejected"}

ApproverKind = Literal["person", "role", "department"]
APPROVER_KINDS: tuple[ApproverKind, ...] = get_args(ApproverKind)
# Viewers look on: as one of a department, or by their role, they decide nothing. By name anybody can be asked.
DECIDING_ROLES = ("admin", "manager", "member")

# So many people are written to, when a role or a department is asked.
MAX_TOLD = 50
MAX_TITLE = 200
MAX_MESSAGE = 10_000
MAX_COMMENT = 2_000
MAX_VALUE = 200_000
LIST_LIMIT = 50


@dataclass(frozen=True)
class Approver:
    """Who is asked: a person by id, everybody of a role, or a department by slug."""

    kind: ApproverKind
    id: str


@dataclass(frozen=True)
class Shown:
    """A value by the name that it has in the workflow."""

    name: str
    value: Any


@dataclass(frozen=True)
class Editable(Shown):
    """A value that whoever decides may change; it keeps its type."""


@dataclass(frozen=True)
class Request:
    """What a node asks. ``show`` are values by name; hours count from the moment of asking.

    With ``is_other_person`` whoever started the run may not decide.
    """

    title: str
    approver: Approver
    message: str = ""
    show: Mapping[str, Any] | None = None
    edit: Editable | None = None
    expires_hours: float | None = None
    remind_hours: float | None = None
    is_other_person: bool = False


@dataclass(frozen=True)
class Summary:
    """An approval in a list. ``asker`` started the run called ``run_title``; names are those of now.

    ``approver_name`` is what people call whoever is asked; ``decider`` is empty until a person decides.
    """

    id: str
    run_id: str
    node_id: str
    run_title: str
    asker_id: str
    asker: str
    title: str
    approver: Approver
    approver_name: str
    is_other_person: bool
    status: Status
    created_at: datetime
    expires_at: datetime | None
    decided_at: datetime | None
    decider_id: str | None
    decider: str

    @property
    def is_open(self) -> bool:
        """Whether somebody may still decide."""
        return self.status == "open"


@dataclass(frozen=True)
class Approval(Summary):
    """An approval with all that is shown; costs are micro-dollars, None while unknown.

    ``estimate_micros`` is what may follow in the run after it. ``value`` is the edited value, None when it was
    taken as it stood. ``may_decide`` says whether the one who looks may.
    """

    message: str
    data: tuple[Shown, ...]
    edit: Editable | None
    cost_micros: int | None
    estimate_micros: int | None
    comment: str
    value: Any
    reminded_at: datetime | None
    may_decide: bool = False

    @property
    def result(self) -> Any:
        """The value that goes on into the run: the edited one, or as it stood; None when none could be edited."""
        if self.value is not None:
            return self.value
        return self.edit.value if self.edit else None


@dataclass(frozen=True)
class Filter:
    """Which approvals are asked for: of these states (none: of any); ``asked`` are those of one's own runs."""

    statuses: frozenset[Status] = frozenset()
    asked: bool = False


@dataclass(frozen=True)
class Page:
    """Approvals, newest first; ``has_more`` says that there are older ones."""

    items: tuple[Summary, ...]
    has_more: bool


@dataclass(frozen=True)
class Reader:
    """Somebody who is written to about an approval."""

    id: str
    email: str
