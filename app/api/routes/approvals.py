"""Approvals: what somebody is asked, what their runs ask, and deciding."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import Field

from app import runtime
from app.api.paging import PageQuery, encode, moment_and_id
from app.api.principal import Principal, caller
from app.api.problems import problems
from app.api.route import router as new_router
from app.api.schemas import Id, Input, Output, Page
from core.approvals.editing import type_of
from core.approvals.models import MAX_COMMENT, Approval, ApproverKind, Decision, Filter, Status, Summary
from core.engine.values import ValueType

router = new_router("approvals")

Reads = Annotated[Principal, caller("approvals:read")]
Writes = Annotated[Principal, caller("approvals:write")]


class PersonShown(Output):
    """Somebody."""

    id: Id
    name: str


class ApproverShown(Output):
    """Who is asked: a person by id, everybody of a role, or a department by its slug."""

    kind: ApproverKind
    id: str
    name: str


class ApprovalItem(Output):
    """An approval in a list. With ``other_person`` whoever started the run may not decide."""

    id: Id
    run_id: Id
    node_id: str
    run_title: str
    title: str
    asked_by: PersonShown
    approver: ApproverShown
    other_person: bool
    status: Status
    created_at: datetime
    expires_at: datetime | None
    decided_at: datetime | None
    decided_by: PersonShown | None


class ValueShown(Output):
    """A value of the run by its name."""

    name: str
    value: Any


class EditableShown(ValueShown):
    """The value that may be edited, and the type that it keeps."""

    type: ValueType


class ApprovalShown(ApprovalItem):
    """An approval with what it is about. ``value`` is the edited value, null when it was taken as it stood.

    ``estimate_micros`` is what the agents after it may cost; costs are null where a price is unknown.
    """

    message: str
    data: list[ValueShown]
    editable: EditableShown | None
    cost_micros: int | None
    estimate_micros: int | None
    comment: str
    value: Any
    may_decide: bool


class ApprovalsQuery(PageQuery):
    """Which approvals."""

    role: Annotated[
        Literal["approver", "asker"],
        Field(description="What you are asked to decide, or what your own runs ask."),
    ] = "approver"
    status: Annotated[
        list[Status], Field(max_length=5, description="Of these states; of any when none is named.")
    ] = Field(default_factory=list)


class DecisionSent(Input):
    """A decision. ``value`` replaces the value that may be edited; null leaves it as it stands."""

    decision: Annotated[Decision, Field(examples=["approve"])]
    comment: Annotated[str, Field(max_length=MAX_COMMENT)] = ""
    value: Annotated[Any, Field(examples=[4800])] = None


@router.get("/approvals")
def list_approvals(caller: Reads, query: Annotated[ApprovalsQuery, Query()]) -> Page[ApprovalItem]:
    """Return approvals, newest first, without what they are about."""
    wanted = Filter(frozenset(query.status), asked=query.role == "asker")
    before = moment_and_id(query.cursor) if query.cursor is not None else None
    page = runtime.get_core().approvals.list(caller.user, wanted, before, query.limit)
    last = page.items[-1] if page.has_more else None
    return Page(
        items=[ApprovalItem(**_item(approval)) for approval in page.items],
        next=encode(last.created_at.isoformat(), last.id) if last else None,
    )


@router.get("/approvals/{approval_id}", responses=problems(404))
def get_approval(caller: Reads, approval_id: Id) -> ApprovalShown:
    """Return one approval with what it is about: for those who are asked, and for whoever started the run."""
    return _shown(runtime.get_core().approvals.get(caller.user, approval_id))


@router.post("/approvals/{approval_id}", responses=problems(404, 409))
def decide_approval(caller: Writes, approval_id: Id, body: DecisionSent) -> ApprovalShown:
    """Approve or reject; the run goes on. The first decision counts: after it the answer is 409."""
    approvals = runtime.get_core().approvals
    return _shown(approvals.decide(caller.user, approval_id, body.decision, body.comment, body.value))


def _shown(approval: Approval) -> ApprovalShown:
    edit = approval.edit
    return ApprovalShown(
        **_item(approval),
        message=approval.message,
        data=[ValueShown(name=one.name, value=one.value) for one in approval.data],
        editable=EditableShown(name=edit.name, value=edit.value, type=type_of(edit.value)) if edit else None,
        cost_micros=approval.cost_micros,
        estimate_micros=approval.estimate_micros,
        comment=approval.comment,
        value=approval.value,
        may_decide=approval.may_decide,
    )


def _item(approval: Summary) -> dict[str, Any]:
    decider = PersonShown(id=approval.decider_id, name=approval.decider) if approval.decider_id else None
    return {
        "id": approval.id,
        "run_id": approval.run_id,
        "node_id": approval.node_id,
        "run_title": approval.run_title,
        "title": approval.title,
        "asked_by": PersonShown(id=approval.asker_id, name=approval.asker),
        "approver": ApproverShown(
            kind=approval.approver.kind, id=approval.approver.id, name=approval.approver_name
        ),
        "other_person": approval.is_other_person,
        "status": approval.status,
        "created_at": approval.created_at,
        "expires_at": approval.expires_at,
        "decided_at": approval.decided_at,
        "decided_by": decider,
    }
