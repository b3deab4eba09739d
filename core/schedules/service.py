"""The rules of schedules: whose they are, when they are due, and what becomes of times that were missed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from core import clock
from core.accounts.capabilities import require
from core.accounts.models import User
from core.audit.service import Audit
from core.db import Connection, Database
from core.engine.graph import read_graph
from core.errors import Conflict, Forbidden, Invalid, NotFound
from core.firings.models import Firing, Source
from core.firings.rules import check_limits, looks_after
from core.firings.service import Firings
from core.names import clean_name
from core.runs.inputs import inputs_for
from core.schedules import cron, repository
from core.schedules.models import MAX_SCHEDULES, MISSED, Preview, Schedule, ScheduleDraft
from core.workflows.service import Workflows

SHOWN = 3
BATCH = 50
# So late is still on time: the worker looks every second, and may have to start first.
ON_TIME = timedelta(minutes=2)
# What was missed longer ago is not made up for.
LOOKED_BACK = timedelta(days=7)
MOST_MADE_UP = 24


class Schedules:
    """Workflows that run by the clock, in the name of who made the schedule."""

    def __init__(self, db: Database, workflows: Workflows, firings: Firings, audit: Audit) -> None:
        """Run ``workflows`` by ``firings``; tell ``audit``."""
        self._db = db
        self._workflows = workflows
        self._firings = firings
        self._audit = audit
        firings.register(self)

    def preview(self, expression: str, timezone: str) -> Preview:
        """Return what an expression means; raises ``Invalid`` when it cannot be read."""
        cleaned, zone = cron.clean_cron(expression), cron.clean_timezone(timezone)
        return Preview(cron.in_words(cleaned), tuple(cron.next_times(cleaned, zone, clock.now(), SHOWN)))

    def time_zones(self) -> Sequence[str]:
        """Return the names of the time zones that can be chosen."""
        return cron.time_zones()

    def list(self, actor: User, workflow_id: str | None = None) -> Sequence[Schedule]:
        """Return the actor's schedules; of a workflow that they may edit, everybody's. Newest first.

        Raises:
            NotFound: the workflow is a stranger's.
        """
        owner_id: str | None = actor.id
        if workflow_id is not None and self._workflows.facts(actor, workflow_id).access.reaches("edit"):
            owner_id = None
        with self._db.read() as connection:
            found = repository.schedules_of(connection, workflow_id, owner_id)
            last = self._firings.newest(connection, [schedule.id for schedule in found])
        return [replace(schedule, last=last.get(schedule.id)) for schedule in found]

    def get(self, actor: User, schedule_id: str) -> Schedule:
        """Return a schedule of the actor's, or of a workflow that they may edit; ``NotFound`` otherwise."""
        with self._db.read() as connection:
            schedule = repository.schedule(connection, schedule_id)
            last = self._firings.newest(connection, [schedule_id]).get(schedule_id)
        if schedule is None or not looks_after(self._workflows, actor, schedule.owner_id, schedule.workflow_id):
            raise NotFound(what="schedule")
        return replace(schedule, last=last)

    def history(self, actor: User, schedule_id: str, limit: int = 20) -> Sequence[Firing]:
        """Return the last times at which a schedule was due, newest first; ``NotFound`` for a stranger's."""
        return self._firings.last(self.get(actor, schedule_id).id, limit)

    def create(self, actor: User, workflow_id: str, draft: ScheduleDraft) -> Schedule:
        """Let a workflow run by the clock, in the actor's name.

        Raises:
            NotFound: the workflow is a stranger's.
            Forbidden: the actor may not run it.
            Conflict: it has no published version, or too many schedules.
            Invalid: a field has not the right form.
        """
        require(actor, "runs.start")
        draft = self._checked(actor, workflow_id, draft)
        at = clock.now()
        schedule = Schedule(
            id=clock.new_id("schedule"),
            workflow_id=workflow_id,
            workflow_name="",
            owner_id=actor.id,
            owner_name=actor.name,
            draft=draft,
            failures_in_row=0,
            paused_at=None,
            stopped_at=None,
            next_at=_next(draft, at),
            revision=1,
            created_at=at,
        )
        with self._db.transaction() as connection:
            if repository.count_of(connection, workflow_id) >= MAX_SCHEDULES:
                raise Conflict(f"This workflow has {MAX_SCHEDULES} schedules. Delete one that is not needed.")
            repository.insert_schedule(connection, schedule)
            self._record(connection, actor, "schedule.created", schedule)
        return self.get(actor, schedule.id)

    def change(self, actor: User, schedule_id: str, draft: ScheduleDraft, revision: int) -> Schedule:
        """Change a schedule of the actor's that was read at ``revision``; it counts from now on.

        Raises:
            NotFound: it is a stranger's.
            Forbidden: it is somebody else's: it runs in their name.
            Conflict: it was changed elsewhere in the meantime.
            Invalid: a field has not the right form.
        """
        schedule = self.get(actor, schedule_id)
        if schedule.owner_id != actor.id:
            raise Forbidden
        require(actor, "runs.start")
        draft = self._checked(actor, schedule.workflow_id, draft)
        at = clock.now()
        values = repository.values_of(draft)
        next_at = _next(draft, at) if schedule.is_active else None
        with self._db.transaction() as connection:
            if not repository.change(connection, schedule.id, revision, next_at=next_at, updated_at=at, **values):
                raise Conflict("This schedule was changed elsewhere. Reload the page to see the newer version.")
            self._record(connection, actor, "schedule.changed", schedule)
        return self.get(actor, schedule_id)

    def pause(self, actor: User, schedule_id: str) -> Schedule:
        """Let a schedule rest; its owner may, and who may edit the workflow. ``NotFound`` for a stranger's."""
        schedule = self.get(actor, schedule_id)
        at = clock.now()
        with self._db.transaction() as connection:
            if schedule.paused_at is None:
                repository.change(connection, schedule.id, paused_at=at, next_at=None, updated_at=at)
                self._record(connection, actor, "schedule.paused", schedule)
        return self.get(actor, schedule_id)

    def go_on(self, actor: User, schedule_id: str) -> Schedule:
        """Let a schedule that rests or has stopped go on, from now on; what it missed meanwhile is gone.

        Raises:
            NotFound: it is a stranger's.
        """
        schedule = self.get(actor, schedule_id)
        require(actor, "runs.start")
        at = clock.now()
        rested: dict[str, Any] = {"paused_at": None, "stopped_at": None, "failures_in_row": 0, "updated_at": at}
        with self._db.transaction() as connection:
            if not schedule.is_active:
                repository.change(connection, schedule.id, next_at=_next(schedule.draft, at), **rested)
                self._record(connection, actor, "schedule.resumed", schedule)
        return self.get(actor, schedule_id)

    def delete(self, actor: User, schedule_id: str) -> None:
        """Delete a schedule; its runs stay. ``NotFound`` for a stranger's."""
        schedule = self.get(actor, schedule_id)
        at = clock.now()
        with self._db.transaction() as connection:
            repository.change(connection, schedule.id, deleted_at=at, next_at=None, updated_at=at)
            self._record(connection, actor, "schedule.deleted", schedule)

    # --- for the worker --------------------------------------------------------------------------

    def fire_due(self) -> int:
        """Note what is due and let the schedules wait for their next times; return how many runs that makes."""
        at = clock.now()
        with self._db.read() as connection:
            due = repository.due(connection, at, BATCH)
        return sum(self._fire(schedule, at) for schedule in due)

    def next_due_at(self) -> datetime | None:
        """Return when the next schedule is due; None without any."""
        with self._db.read() as connection:
            return repository.next_due_at(connection)

    def source(self, connection: Connection, source_id: str, *, is_locked: bool = False) -> Source | None:
        """Return what fires, ``is_locked`` until the transaction ends; None when it is no schedule, or gone."""
        if is_locked:
            repository.lock(connection, source_id)
        schedule = repository.schedule(connection, source_id)
        if schedule is None:
            return None
        draft = schedule.draft
        return Source(
            id=schedule.id,
            kind="schedule",
            owner_id=schedule.owner_id,
            workflow_id=schedule.workflow_id,
            name=draft.name,
            budget_micros=draft.budget_micros,
            stop_after_failures=draft.stop_after_failures,
            failures_in_row=schedule.failures_in_row,
            has_stopped=schedule.stopped_at is not None,
        )

    def note_result(self, connection: Connection, source: Source, failures: int, *, has_stopped: bool) -> None:
        """Keep how often it has failed in a row, and that it has stopped."""
        values: dict[str, Any] = {"failures_in_row": failures}
        if has_stopped:
            values |= {"stopped_at": clock.now(), "next_at": None}
        repository.change(connection, source.id, **values)

    # --- inside ----------------------------------------------------------------------------------

    def _fire(self, schedule: Schedule, at: datetime) -> int:
        draft, due_at = schedule.draft, schedule.next_at
        if due_at is None:
            return 0
        since = max(due_at - timedelta(microseconds=1), at - LOOKED_BACK)
        times = cron.due_times(draft.cron, draft.timezone, since, at, MOST_MADE_UP) or [due_at]
        wanted = _wanted(times, draft, at)
        with self._db.transaction() as connection:
            if not repository.move_on(connection, schedule.id, due_at, _next(draft, at)):
                return 0
            for moment in wanted:
                self._firings.want(connection, schedule.id, moment.isoformat(), moment, draft.inputs)
            if not wanted:
                told = "Nothing could run at that time, so it was left out."
                self._firings.note_missed(connection, schedule.id, times[-1], told)
        return len(wanted)

    def _checked(self, actor: User, workflow_id: str, draft: ScheduleDraft) -> ScheduleDraft:
        if draft.missed not in MISSED:
            raise Invalid("Choose what becomes of missed times: skip, once or all.", "missed")
        check_limits(draft.budget_micros, draft.stop_after_failures)
        graph = read_graph(self._workflows.to_run(actor, workflow_id).graph)
        return replace(
            draft,
            name=clean_name(draft.name, 80, "Give the schedule a name"),
            cron=cron.clean_cron(draft.cron),
            timezone=cron.clean_timezone(draft.timezone),
            inputs=inputs_for(graph, draft.inputs),
        )

    def _record(self, connection: Connection, actor: User, action: str, schedule: Schedule) -> None:
        told = {"name": schedule.draft.name, "workflow": schedule.workflow_id}
        self._audit.record(connection, actor, action, "schedule", schedule.id, detail=told)


def _next(draft: ScheduleDraft, after: datetime) -> datetime | None:
    found = cron.next_times(draft.cron, draft.timezone, after, 1)
    return found[0] if found else None


def _wanted(times: Sequence[datetime], draft: ScheduleDraft, at: datetime) -> Sequence[datetime]:
    """Return for which of the due times there is a run."""
    if draft.missed == "all":
        return times
    is_on_time = at - times[-1] <= ON_TIME
    return times[-1:] if draft.missed == "once" or is_on_time else []
