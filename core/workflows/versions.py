"""Drafts become versions here. A version never changes; rolling back publishes an old one anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from core import clock
from core.accounts.capabilities import require
from core.accounts.models import User
from core.audit.service import Audit
from core.db import Connection, Database
from core.db.types import storable
from core.engine.problems import Problem
from core.errors import Conflict, Forbidden, Invalid, NotFound
from core.sharing.service import Sharing
from core.workflows import repository
from core.workflows.failures import DraftChanged, WorkflowArchived, WorkflowInvalid
from core.workflows.models import (
    MAX_NOTE,
    VERSIONS_LIMIT,
    Draft,
    Version,
    VersionFacts,
    Workflow,
)

# PostgreSQL's column holds 31 bits, and a caller may name any number.
MAX_NUMBER = 2**31 - 1


class Versions:
    """Reads workflows, and publishes their drafts; the half of ``Workflows`` that knows versions."""

    def __init__(self, db: Database, sharing: Sharing, audit: Audit) -> None:
        """Ask ``sharing`` for rights; tell ``audit``."""
        self._db = db
        self._sharing = sharing
        self._audit = audit

    def get(self, actor: User, workflow_id: str) -> Draft:
        """Return one workflow with its draft; ``NotFound`` for a stranger's."""
        with self._db.read() as connection:
            access = self._sharing.access(connection, actor, "workflow", workflow_id)
            draft = repository.draft(connection, workflow_id) if access else None
            if draft is None or access is None:
                raise NotFound(what="workflow")
            number = draft.published_version
            version = None if number is None else repository.version(connection, workflow_id, number)
        is_published = version is not None and version.graph == draft.graph
        return replace(draft, access=access, is_published=is_published)

    def facts(self, actor: User, workflow_id: str) -> Workflow:
        """Return one workflow without its draft; ``NotFound`` for a stranger's."""
        with self._db.read() as connection:
            access = self._sharing.access(connection, actor, "workflow", workflow_id)
            workflow = repository.facts(connection, workflow_id) if access else None
        if workflow is None or access is None:
            raise NotFound(what="workflow")
        return replace(workflow, access=access)

    def publish(self, actor: User, workflow_id: str, note: str = "", revision: int | None = None) -> Version:
        """Make the draft, as it is at ``revision``, the version that runs; None takes it as it is now.

        Raises:
            NotFound: the workflow is a stranger's.
            Forbidden: it is not shared with the actor to edit.
            WorkflowArchived: it has to be brought back first.
            Invalid: the note is too long.
            WorkflowInvalid: it could not run; has all problems.
            DraftChanged: somebody else has saved it in the meantime; says who, and when.
            Conflict: the published version is the same already.
        """
        draft = self._editable(actor, workflow_id)
        if revision is not None and revision != draft.revision:
            raise self._changed(actor, workflow_id)
        if draft.is_published:
            raise Conflict(f"Nothing has changed since version {draft.published_version} was published.")
        return self._publish(actor, draft, draft.graph, note, "workflow.published", {})

    def roll_back(self, actor: User, workflow_id: str, number: int, note: str = "") -> Version:
        """Publish what an older version did as a new version. A draft with changes of its own stays as it is.

        Raises:
            NotFound: the workflow is a stranger's, or there is no such version.
            Forbidden, WorkflowArchived: see ``publish``.
            Invalid: the note is too long.
            WorkflowInvalid: it could not run any more; has all problems.
            DraftChanged: somebody saves the draft just now.
            Conflict: this is the version that runs.
        """
        draft = self._editable(actor, workflow_id)
        old = self.version(actor, workflow_id, number)
        if number == draft.published_version:
            raise Conflict(f"Version {number} is the one that runs.")
        note = note or f"Back to version {number}"
        return self._publish(actor, draft, old.graph, note, "workflow.rolled_back", {"to": number})

    def versions(
        self, actor: User, workflow_id: str, before: int | None = None, limit: int = VERSIONS_LIMIT
    ) -> Sequence[VersionFacts]:
        """Return the versions of a workflow, newest first; with ``before``, a number, those older than that."""
        workflow = self.facts(actor, workflow_id)
        with self._db.read() as connection:
            return repository.versions(connection, workflow.id, before, min(limit, VERSIONS_LIMIT + 1))

    def version(self, actor: User, workflow_id: str, number: int) -> Version:
        """Return one version.

        Raises:
            NotFound: the workflow is a stranger's, or there is no such version.
        """
        workflow = self.facts(actor, workflow_id)
        found = None
        if 0 < number <= MAX_NUMBER:
            with self._db.read() as connection:
                found = repository.version(connection, workflow.id, number)
        if found is None:
            raise NotFound(what="version")
        return found

    def problems(
        self, actor: User, graph: Mapping[str, Any], workflow_id: str | None = None
    ) -> tuple[Problem, ...]:
        """Return what keeps a graph from running for the actor."""
        raise NotImplementedError

    # --- inside ----------------------------------------------------------------------------------

    def _editable(self, actor: User, workflow_id: str) -> Draft:
        draft = self.get(actor, workflow_id)
        self._require_edit(actor, draft)
        if draft.archived_at is not None:
            raise WorkflowArchived
        return draft

    def _publish(
        self,
        actor: User,
        draft: Draft,
        graph: Mapping[str, Any],
        note: str,
        action: str,
        told: Mapping[str, object],
    ) -> Version:
        note = " ".join(storable(note).split())
        if len(note) > MAX_NOTE:
            raise Invalid(f"The note is longer than {MAX_NOTE} characters. Shorten it.", "note")
        found = self.problems(actor, graph, draft.id)
        if errors := [problem for problem in found if not problem.is_warning]:
            raise WorkflowInvalid(errors)
        at, revision, number = clock.now(), draft.revision, None
        # Where nobody has gone on editing, whoever opens the editor is to see what runs.
        follows = draft.is_published and graph != draft.graph
        with self._db.transaction() as connection:
            if not follows or repository.save_draft(connection, draft.id, graph, revision, actor.id, at):
                revision += follows
                number = repository.publish(connection, draft.id, graph, revision, note, actor.id, at)
            if number is not None:
                self._record(connection, actor, action, draft.id, version=number, **told)
        if number is None:
            raise self._changed(actor, draft.id)
        return self.version(actor, draft.id, number)

    def _require_edit(self, actor: User, workflow: Workflow) -> None:
        if not workflow.access.reaches("edit"):
            raise Forbidden
        require(actor, "agents.edit")

    def _changed(self, actor: User, workflow_id: str) -> DraftChanged:
        now = self.facts(actor, workflow_id)
        return DraftChanged(now.draft_by_name, now.draft_at, now.revision)

    def _record(self, connection: Connection, actor: User, action: str, workflow_id: str, **detail: object) -> None:
        self._audit.record(connection, actor, action, "workflow", workflow_id, detail=detail)
