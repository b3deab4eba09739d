"""The rules of triggers: whose they are, whose messages they take, and what a message starts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from core import clock
from core.accounts.capabilities import require
from core.accounts.models import User
from core.accounts.proof import require_recent_proof
from core.accounts.service import Accounts
from core.audit.service import Audit
from core.db import Connection, Database
from core.engine.graph import read_graph
from core.errors import Conflict, CoreError, Forbidden, Invalid, NotFound
from core.firings.models import Firing, Source
from core.firings.rules import check_limits, looks_after
from core.firings.service import Firings
from core.limits.service import Limits
from core.names import clean_name
from core.runs.inputs import fields_of
from core.security.sealing import Vault
from core.triggers import repository
from core.triggers.failures import SignatureRefused, TriggerAsleep
from core.triggers.messages import picked, read_body
from core.triggers.models import MAX_TRIGGERS, NewTrigger, Trigger, TriggerDraft
from core.triggers.verification import Envelope, check, open_envelope
from core.webhooks.signing import new_secret
from core.workflows.service import Workflows

MAX_PATH = 200
# Messages that one trigger takes: a burst, then so many an hour.
PER_HOUR = 3600
BURST = 120


class Triggers:
    """Addresses that start workflows, in the name of who made them."""

    def __init__(
        self,
        db: Database,
        vault: Vault,
        accounts: Accounts,
        workflows: Workflows,
        firings: Firings,
        limits: Limits,
        audit: Audit,
    ) -> None:
        """Seal secrets with ``vault``; run ``workflows`` by ``firings``; take messages as ``limits`` allow."""
        self._db = db
        self._vault = vault
        self._accounts = accounts
        self._workflows = workflows
        self._firings = firings
        self._limits = limits
        self._audit = audit
        firings.register(self)

    def list(self, actor: User, workflow_id: str | None = None) -> Sequence[Trigger]:
        """Return the actor's triggers; of a workflow that they may edit, everybody's. Newest first.

        Raises:
            NotFound: the workflow is a stranger's.
        """
        owner_id: str | None = actor.id
        if workflow_id is not None and self._workflows.facts(actor, workflow_id).access.reaches("edit"):
            owner_id = None
        with self._db.read() as connection:
            found = repository.triggers_of(connection, workflow_id, owner_id)
            last = self._firings.newest(connection, [trigger.id for trigger in found])
        return [replace(trigger, last=last.get(trigger.id)) for trigger in found]

    def get(self, actor: User, trigger_id: str) -> Trigger:
        """Return a trigger of the actor's, or of a workflow that they may edit; ``NotFound`` otherwise."""
        with self._db.read() as connection:
            trigger = repository.trigger(connection, trigger_id)
            last = self._firings.newest(connection, [trigger_id]).get(trigger_id)
        if trigger is None or not looks_after(self._workflows, actor, trigger.owner_id, trigger.workflow_id):
            raise NotFound(what="trigger")
        return replace(trigger, last=last)

    def history(self, actor: User, trigger_id: str, limit: int = 20) -> Sequence[Firing]:
        """Return the last messages that a trigger has taken, newest first; ``NotFound`` for a stranger's."""
        return self._firings.last(self.get(actor, trigger_id).id, limit)

    def create(self, actor: User, workflow_id: str, draft: TriggerDraft) -> NewTrigger:
        """Make an address that starts a workflow in the actor's name; its secret is shown this once.

        Raises:
            NotFound: the workflow is a stranger's.
            Forbidden: the actor may not run it.
            StepUpRequired: it is long ago that the actor proved who they are.
            Conflict: it has no published version, or too many triggers.
            Invalid: a field has not the right form.
        """
        require(actor, "runs.start")
        require_recent_proof(actor)
        draft = self._checked(actor, workflow_id, draft)
        secret = new_secret()
        trigger = Trigger(
            id=clock.new_id("hook"),
            workflow_id=workflow_id,
            workflow_name="",
            owner_id=actor.id,
            owner_name=actor.name,
            draft=draft,
            has_secret=True,
            failures_in_row=0,
            paused_at=None,
            stopped_at=None,
            revision=1,
            created_at=clock.now(),
        )
        sealed = self._vault.seal(secret.get_secret_value(), **_context(trigger.id, 1))
        with self._db.transaction() as connection:
            if repository.count_of(connection, workflow_id) >= MAX_TRIGGERS:
                raise Conflict(f"This workflow has {MAX_TRIGGERS} triggers. Delete one that is not needed.")
            repository.insert_trigger(connection, trigger, sealed)
            self._record(connection, actor, "trigger.created", trigger)
        return NewTrigger(self.get(actor, trigger.id), secret)

    def change(self, actor: User, trigger_id: str, draft: TriggerDraft, revision: int) -> Trigger:
        """Change a trigger of the actor's that was read at ``revision``.

        Raises:
            NotFound: it is a stranger's.
            Forbidden: it is somebody else's: it runs in their name.
            Conflict: it was changed elsewhere in the meantime.
            Invalid: a field has not the right form.
        """
        trigger = self._own(actor, trigger_id)
        values = repository.values_of(self._checked(actor, trigger.workflow_id, draft))
        with self._db.transaction() as connection:
            if not repository.change(connection, trigger.id, revision, updated_at=clock.now(), **values):
                raise Conflict("This trigger was changed elsewhere. Reload the page to see the newer version.")
            self._record(connection, actor, "trigger.changed", trigger)
        return self.get(actor, trigger_id)

    def rotate_secret(self, actor: User, trigger_id: str) -> NewTrigger:
        """Make a new secret; the one before is worth nothing from now on.

        Raises:
            NotFound: it is a stranger's.
            Forbidden: it is somebody else's.
            StepUpRequired: it is long ago that the actor proved who they are.
            Conflict: somebody else has just changed it.
        """
        trigger = self._own(actor, trigger_id)
        require_recent_proof(actor)
        secret = new_secret()
        with self._db.read() as connection:
            _, version = repository.secret_of(connection, trigger.id)
        sealed = self._vault.seal(secret.get_secret_value(), **_context(trigger.id, version + 1))
        values = {"secret_sealed": sealed, "secret_version": version + 1, "updated_at": clock.now()}
        with self._db.transaction() as connection:
            if not repository.change(connection, trigger.id, trigger.revision, **values):
                raise Conflict("This trigger was changed elsewhere just now. Reload it and try again.")
            self._record(connection, actor, "trigger.secret_rotated", trigger)
        return NewTrigger(self.get(actor, trigger.id), secret)

    def pause(self, actor: User, trigger_id: str) -> Trigger:
        """Take no more messages; its owner may, and who may edit the workflow. ``NotFound`` for a stranger's."""
        trigger = self.get(actor, trigger_id)
        at = clock.now()
        with self._db.transaction() as connection:
            if trigger.paused_at is None:
                repository.change(connection, trigger.id, paused_at=at, updated_at=at)
                self._record(connection, actor, "trigger.paused", trigger)
        return self.get(actor, trigger_id)

    def go_on(self, actor: User, trigger_id: str) -> Trigger:
        """Take messages again, after a pause or after it has stopped by itself; ``NotFound`` for a stranger's."""
        trigger = self.get(actor, trigger_id)
        require(actor, "runs.start")
        rested: dict[str, Any] = {"paused_at": None, "stopped_at": None, "failures_in_row": 0}
        with self._db.transaction() as connection:
            if not trigger.is_active:
                repository.change(connection, trigger.id, updated_at=clock.now(), **rested)
                self._record(connection, actor, "trigger.resumed", trigger)
        return self.get(actor, trigger_id)

    def delete(self, actor: User, trigger_id: str) -> None:
        """Delete a trigger with its secret; its runs stay. ``NotFound`` for a stranger's."""
        trigger = self.get(actor, trigger_id)
        at = clock.now()
        with self._db.transaction() as connection:
            repository.change(connection, trigger.id, deleted_at=at, secret_sealed=None, updated_at=at)
            self._record(connection, actor, "trigger.deleted", trigger)

    def receive(self, trigger_id: str, headers: Mapping[str, str], body: bytes) -> Firing:
        """Take a message of whoever knows the secret, and start its run; the same message starts one run only.

        Args:
            trigger_id: which trigger is called.
            headers: those of the message, with names in lower case.
            body: JSON, an object; 256,000 bytes at most.

        Raises:
            NotFound: there is no such trigger.
            RateLimitedHere: too many messages.
            SignatureRefused, MessageTooOld: it is not from who knows the secret, or not fresh.
            TriggerAsleep: it takes no messages now.
            Invalid: the body is no object, or too long.
        """
        with self._db.read() as connection:
            trigger = repository.trigger(connection, trigger_id)
        if trigger is None:
            raise NotFound(what="trigger")
        self._limits.take(f"trigger {trigger.id}", PER_HOUR, burst=BURST)
        envelope = open_envelope(headers)
        self._check_signature(trigger, envelope, body)
        if not trigger.is_active:
            raise TriggerAsleep
        inputs = self._inputs(trigger, read_body(body))
        with self._db.transaction() as connection:
            firing = self._firings.want(connection, trigger.id, envelope.message_id, clock.now(), inputs)
            known = None if firing else self._firings.wanted(connection, trigger.id, envelope.message_id)
        if firing is not None:
            return self._firings.start(firing)
        if known is None:
            raise NotFound(what="trigger")
        return known

    def forget_unreadable(self, connection: Connection, master_keys: Collection[int]) -> dict[str, int]:
        """Forget secrets that were sealed with lost master keys: a new one is to be made."""
        return {"triggers": repository.forget_sealed_with(connection, master_keys, clock.now())}

    # --- for firings -----------------------------------------------------------------------------

    def source(self, connection: Connection, source_id: str, *, is_locked: bool = False) -> Source | None:
        """Return what fires, ``is_locked`` until the transaction ends; None when it is no trigger, or gone."""
        if is_locked:
            repository.lock(connection, source_id)
        trigger = repository.trigger(connection, source_id)
        if trigger is None:
            return None
        return Source(
            id=trigger.id,
            kind="trigger",
            owner_id=trigger.owner_id,
            workflow_id=trigger.workflow_id,
            name=trigger.draft.name,
            budget_micros=trigger.draft.budget_micros,
            stop_after_failures=trigger.draft.stop_after_failures,
            failures_in_row=trigger.failures_in_row,
            has_stopped=trigger.stopped_at is not None,
        )

    def note_result(self, connection: Connection, source: Source, failures: int, *, has_stopped: bool) -> None:
        """Keep how often it has failed in a row, and that it has stopped."""
        values: dict[str, Any] = {"stopped_at": clock.now()} if has_stopped else {}
        repository.change(connection, source.id, failures_in_row=failures, **values)

    # --- inside ----------------------------------------------------------------------------------

    def _own(self, actor: User, trigger_id: str) -> Trigger:
        trigger = self.get(actor, trigger_id)
        if trigger.owner_id != actor.id:
            raise Forbidden
        require(actor, "runs.start")
        return trigger

    def _checked(self, actor: User, workflow_id: str, draft: TriggerDraft) -> TriggerDraft:
        graph = read_graph(self._workflows.to_run(actor, workflow_id).graph)
        known = {field.name for field in fields_of(graph)}
        mapping = {name: path.strip() for name, path in draft.mapping.items() if path.strip()}
        for name, path in mapping.items():
            if name not in known:
                raise Invalid(f"The workflow has no input called {name}.", "mapping")
            if len(path) > MAX_PATH:
                raise Invalid(f"The path of {name} is longer than {MAX_PATH} characters.", "mapping")
        check_limits(draft.budget_micros, draft.stop_after_failures)
        return replace(draft, name=clean_name(draft.name, 80, "Give the trigger a name"), mapping=mapping)

    def _check_signature(self, trigger: Trigger, envelope: Envelope, body: bytes) -> None:
        with self._db.read() as connection:
            sealed, version = repository.secret_of(connection, trigger.id)
        if sealed is None:
            raise SignatureRefused
        secret = self._vault.unseal(sealed, **_context(trigger.id, version))
        check(envelope, body, secret, int(clock.now().timestamp()))

    def _inputs(self, trigger: Trigger, document: Mapping[str, Any]) -> dict[str, Any]:
        mapping = trigger.draft.mapping or {name: name for name in self._fields(trigger, document)}
        return picked(mapping, document)

    def _fields(self, trigger: Trigger, document: Mapping[str, Any]) -> Collection[str]:
        """Return the inputs that the workflow has now; where it cannot run, its start says why."""
        owner = self._accounts.user(trigger.owner_id)
        try:
            graph = self._workflows.to_run(owner, trigger.workflow_id).graph if owner else None
        except CoreError:
            graph = None
        return document if graph is None else [field.name for field in fields_of(read_graph(graph))]

    def _record(self, connection: Connection, actor: User, action: str, trigger: Trigger) -> None:
        told = {"name": trigger.draft.name, "workflow": trigger.workflow_id}
        self._audit.record(connection, actor, action, "trigger", trigger.id, detail=told)


def _context(trigger_id: str, version: int) -> dict[str, Any]:
    return {"table": "triggers", "field": "secret", "row": trigger_id, "version": version}
