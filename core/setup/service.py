"""The rules of setting up: when it opens by itself, when Home reminds of it, and that it is done once for all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from core import clock
from core.accounts.capabilities import can, require
from core.accounts.models import User
from core.audit.service import Audit
from core.db import Database
from core.errors import Invalid
from core.setup import repository
from core.setup.models import STEPS, SetupProgress, Step, StepState


class Setup:
    """Remembers how far the administrators have come."""

    def __init__(self, db: Database, audit: Audit) -> None:
        """Keep the progress in ``db``; tell ``audit``."""
        self._db = db
        self._audit = audit

    def progress(self, actor: User) -> SetupProgress:
        """Return how far setting up has come."""
        require(actor, "settings.manage")
        with self._db.read() as connection:
            return repository.progress(connection)

    def reminder(self, actor: User) -> SetupProgress | None:
        """Return how far it has come when Home is to remind the actor of it, else None."""
        if not can(actor, "settings.manage"):
            return None
        with self._db.read() as connection:
            now = repository.progress(connection)
        return now if now.reminds else None

    def opens_by_itself(self, actor: User) -> bool:
        """Whether Home leads the actor there; the first look at a fresh installation begins it.

        Only who began it is led there, until it is finished or put off: an installation that is in use already, and
        administrators who come later, are only reminded.
        """
        if not can(actor, "settings.manage"):
            return False
        with self._db.read() as connection:
            now = repository.progress(connection)
            may_begin = now == SetupProgress() and repository.is_fresh(connection)
        if may_begin:
            with self._db.transaction() as connection:
                now = repository.lock(connection)
                if now.begun_by is None:
                    now = replace(now, begun_by=actor.id)
                    repository.write(connection, now)
        return now.begun_by == actor.id and now.finished_at is None and now.postponed_at is None

    def note_step(self, actor: User, step: Step, state: StepState) -> SetupProgress:
        """Remember that a step was done or skipped; skipping does not undo what was done."""
        require(actor, "settings.manage")
        if step not in STEPS or state not in ("done", "skipped"):
            raise Invalid("There is no such step.", "step")
        with self._db.transaction() as connection:
            now = repository.lock(connection)
            if state == "done" or now.steps.get(step) != "done":
                now = replace(now, steps={**now.steps, step: state})
                repository.write(connection, now)
        return now

    def finish(self, actor: User) -> None:
        """Remember that setting up is done: Home neither leads there nor reminds of it any more."""
        self._note_once(actor, "finished_at", "setup.finished")

    def postpone(self, actor: User) -> None:
        """Put it off: Home does not lead there any more, but reminds of it."""
        self._note_once(actor, "postponed_at", "setup.postponed")

    def hide_reminder(self, actor: User) -> None:
        """Have Home remind nobody of it any more."""
        self._note_once(actor, "card_hidden_at", "setup.reminder_hidden")

    def _note_once(self, actor: User, moment: repository.Moment, action: str) -> None:
        """Write down when something happened for the first time."""
        require(actor, "settings.manage")
        with self._db.transaction() as connection:
            now = repository.lock(connection)
            if getattr(now, moment) is None:
                values: dict[str, Any] = {moment: clock.now()}
                repository.write(connection, replace(now, **values))
                told = {"steps": dict(now.steps)}
                self._audit.record(connection, actor, action, "organisation", "setup", detail=told)
