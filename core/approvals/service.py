"""Runs ask people here, and go on when somebody has decided.

Whatever changes an approval locks its run first: a run that ends, two people who decide at once and the clock that
runs out wait for each other, and the first of them counts.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from core import clock
from core.accounts.models import User
from core.accounts.provider_sign_in import active_user
from core.approvals import repository
from core.approvals.approvers import called, may_decide
from core.approvals.editing import edited
from core.approvals.failures import NoApprover
from core.approvals.letters import Letters, said
from core.approvals.models import (
    DECIDED,
    LIST_LIMIT,
    MAX_COMMENT,
    MAX_MESSAGE,
    MAX_TITLE,
    Approval,
    Decision,
    Filter,
    Page,
    Request,
)
from core.audit.service import Audit
from core.db import Connection, Database
from core.errors import Conflict, Forbidden, Invalid, NotFound, RunCancelled
from core.notify.service import Mail
from core.runs.estimates import Estimates
from core.runs.models import Run
from core.runs.waking import Waking
from core.security.redact import redact, redact_tree
from core.usage.service import Usage

# Nobody waits longer, and a date stays one.
LONGEST_HOURS = 10 * 365 * 24.0
WAITING = Filter(frozenset({"open"}))
SWEPT_AT_ONCE = 100


class Approvals:
    """Ask, see and decide."""

    def __init__(
        self, db: Database, waking: Waking, usage: Usage, estimates: Estimates, mail: Mail, audit: Audit
    ) -> None:
        """Wake runs by ``waking``, look in ``usage`` and ``estimates`` what they cost; tell people by ``mail``."""
        self._db = db
        self._waking = waking
        self._usage = usage
        self._estimates = estimates
        self._letters = Letters(mail)
        self._audit = audit

    # --- for pages and routes --------------------------------------------------------------------

    def list(
        self,
        actor: User,
        wanted: Filter = WAITING,
        before: tuple[datetime, str] | None = None,
        limit: int = LIST_LIMIT,
    ) -> Page:
        """Return the approvals that the actor is asked to decide, or has asked for, newest first.

        Args:
            actor: who looks. What they may not decide, because they started the run, is not among the first.
            wanted: which of them.
            before: ``created_at`` and ``id`` of the last one that was read.
            limit: how many at most.
        """
        with self._db.read() as connection:
            return repository.page(connection, actor, wanted, before, limit)

    def waiting_count(self, actor: User) -> int:
        """Return how many approvals wait for the actor."""
        with self._db.read() as connection:
            return repository.count(connection, actor, WAITING)

    def get(self, actor: User, approval_id: str) -> Approval:
        """Return an approval with all that it shows.

        Raises:
            NotFound: the actor is not asked, has not decided it and did not start the run.
        """
        with self._db.read() as connection:
            return self._seen(connection, actor, approval_id)

    def decide(
        self, actor: User, approval_id: str, decision: Decision, comment: str = "", value: Any = None
    ) -> Approval:
        """Approve or reject, and let the run go on; ``value`` replaces the one that may be edited.

        Raises:
            NotFound: see ``get``.
            Forbidden: the actor may look only.
            Conflict: it is decided, expired or closed; the sentence says by whom.
            Invalid: there is no such decision, nothing can be edited, or this is no such value.
        """
        if decision not in DECIDED:
            raise Invalid("Choose approve or reject.", "decision")
        comment = comment.strip()
        if len(comment) > MAX_COMMENT:
            raise Invalid(f"The comment is longer than {MAX_COMMENT:,} characters. Shorten it.", "comment")
        run_id = self.get(actor, approval_id).run_id
        with self._db.transaction() as connection:
            repository.lock_run(connection, run_id)
            # The actor's value is as old as their page; since then they may have been suspended or moved.
            now = active_user(connection, actor.id)
            approval = self._seen(connection, now, approval_id) if now else None
            if now is None or approval is None:
                raise Forbidden
            if not may_decide(now, approval):
                raise Forbidden
            at = clock.now()
            if not approval.is_open or _is_over(approval, at):
                raise Conflict(said(approval))
            values: dict[str, Any] = {"comment": redact(comment), "value": _edited(approval, value)}
            self._close(connection, now, approval, DECIDED[decision], at, decided_by=now.id, **values)
        self._waking.let_begin()
        return self.get(actor, approval_id)

    # --- for the worker --------------------------------------------------------------------------

    def ask(self, run: Run, node_id: str, request: Request) -> Approval:
        """Ask for an approval and write to those who may decide; asked again, return what became of it.

        One that was closed, because the run ended, is asked anew: the run goes on.

        Raises:
            NoApprover: nobody active may decide.
            RunCancelled: the run has ended.
        """
        with self._db.read() as connection:
            found = repository.by_node(connection, run.id, node_id)
        if found is not None and found.status != "closed":
            return found
        estimate_micros = self._estimates.after_node(run, node_id)
        with self._db.transaction() as connection:
            if not repository.lock_run(connection, run.id):
                raise RunCancelled
            found = repository.by_node(connection, run.id, node_id)
            if found is not None and found.status != "closed":
                return found
            values = _asked(request, clock.now())
            values["cost_micros"] = self._usage.of_run(connection, run.id).known_cost_micros
            values["estimate_micros"] = estimate_micros
            if found is None:
                repository.add(connection, id=clock.new_id("approval"), run_id=run.id, node_id=node_id, **values)
            else:
                repository.change(connection, found.id, ("closed",), **values)
            asked = repository.by_node(connection, run.id, node_id)
            assert asked is not None  # noqa: S101 - it was just written
            if not self._letters.ask(connection, asked):
                raise NoApprover(who=called(asked.approver, asked.approver_name))
        return asked

    def state(self, run_id: str, node_id: str) -> Approval | None:
        """Return what became of what a node has asked; None when it has not. The caller may see the run."""
        with self._db.read() as connection:
            return repository.by_node(connection, run_id, node_id)

    def next_due_at(self) -> datetime | None:
        """Return when the next approval expires or wants a reminder; None when none does."""
        with self._db.read() as connection:
            return repository.first_due_at(connection)

    def sweep(self) -> int:
        """Let approvals expire whose time is over, and remind people of others, once; return how many."""
        with self._db.read() as connection:
            due = repository.due(connection, clock.now(), SWEPT_AT_ONCE)
        return sum(self._sweep(approval_id, run_id) for approval_id, run_id in due)

    def run_ended(self, connection: Connection, run: Run) -> None:
        """Close what a run has asked, in the transaction that ends it.

        Nor does an expired one stand when the run went wrong: if the run goes on, it is asked anew.
        """
        undecided = ("open",) if run.status == "succeeded" else ("open", "expired")
        repository.close_of_run(connection, run.id, undecided, clock.now())

    # --- inside ----------------------------------------------------------------------------------

    def _seen(self, connection: Connection, actor: User, approval_id: str) -> Approval:
        found = repository.seen_by(connection, actor, approval_id)
        if found is None:
            raise NotFound(what="approval")
        open_now = found.is_open and not _is_over(found, clock.now())
        return replace(found, may_decide=open_now and may_decide(actor, found))

    def _sweep(self, approval_id: str, run_id: str) -> bool:
        at = clock.now()
        with self._db.transaction() as connection:
            repository.lock_run(connection, run_id)
            approval = repository.by_id(connection, approval_id)
            if approval is None or not approval.is_open:
                return False
            if _is_over(approval, at):
                self._close(connection, None, approval, "expired", at)
                return True
            if approval.reminded_at is not None:
                return False
            repository.change(connection, approval.id, ("open",), reminded_at=at)
            self._letters.ask(connection, approval, is_reminder=True)
            return True

    def _close(
        self,
        connection: Connection,
        actor: User | None,
        approval: Approval,
        status: str,
        at: datetime,
        **values: Any,
    ) -> None:
        if not repository.change(connection, approval.id, ("open",), status=status, decided_at=at, **values):
            raise Conflict(said(approval))
        told = {"run_id": approval.run_id}
        self._audit.record(connection, actor, f"approval.{status}", "approval", approval.id, detail=told)
        closed = repository.by_id(connection, approval.id)
        if closed is not None:
            self._letters.tell_asker(connection, closed)
        self._waking.wake(connection, approval.run_id)


def _is_over(approval: Approval, at: datetime) -> bool:
    return approval.expires_at is not None and approval.expires_at <= at


def _edited(approval: Approval, value: Any) -> Any:
    if value is None:
        return None
    if approval.edit is None:
        raise Invalid("There is no value to edit here.", "value")
    return redact_tree(edited(value, approval.edit.value))


def _asked(request: Request, at: datetime) -> dict[str, Any]:
    """Return the columns of an approval that is asked at a moment."""
    shown = [{"name": name, "value": value} for name, value in (request.show or {}).items()]
    edit = {"name": request.edit.name, "value": request.edit.value} if request.edit else None
    return {
        "title": redact(" ".join(request.title.split()))[:MAX_TITLE] or "Approval",
        "message": redact(request.message.strip())[:MAX_MESSAGE],
        "data": redact_tree(shown),
        "editable": redact_tree(edit),
        "approver_kind": request.approver.kind,
        "approver_id": request.approver.id,
        "is_other_person": request.is_other_person,
        "status": "open",
        "created_at": at,
        "expires_at": _after(at, request.expires_hours),
        "remind_at": _after(at, request.remind_hours),
        "reminded_at": None,
        "decided_at": None,
        "decided_by": None,
        "comment": "",
        "value": None,
    }


def _after(at: datetime, hours: float | None) -> datetime | None:
    return None if hours is None else at + timedelta(hours=min(hours, LONGEST_HOURS))
