"""The rules of workflows: whose they are, how drafts are saved, and what runs of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from core import clock
from core.accounts.capabilities import require
from core.accounts.models import User
from core.agents.service import Agents
from core.audit.service import Audit
from core.db import Connection, Database
from core.departments.service import Departments
from core.engine.graph import read_graph
from core.engine.problems import Problem
from core.errors import Forbidden, NotFound
from core.keys.service import Keys
from core.names import clean_name
from core.sharing.service import Sharing
from core.workflows import repository
from core.workflows.checks import Checks
from core.workflows.difference import Difference, Setting, difference, settings_of
from core.workflows.entered import clean_description, stored_form
from core.workflows.failures import NotPublished, WorkflowArchived
from core.workflows.models import (
    BEGINNING,
    MAX_NAME,
    Draft,
    Runnable,
    Workflow,
    WorkflowFilter,
)
from core.workflows.versions import Versions

# An editor saves every few seconds: the audit log is told when somebody begins.
PAUSE_OF_EDITING = timedelta(minutes=10)


class Workflows(Versions):
    """Create, edit, publish and run workflows: a person's own, and those shared with them as far as that goes."""

    def __init__(
        self, db: Database, agents: Agents, keys: Keys, departments: Departments, sharing: Sharing, audit: Audit
    ) -> None:
        """Check references with the nouns they are of, rights with ``sharing``; tell ``audit``."""
        super().__init__(db, sharing, audit)
        self._departments = departments
        self._checks = Checks(db, agents, keys, departments, sharing)
        self._listeners: list[Callable[[Connection, User, str], None]] = []
        sharing.register("workflow", repository.owner_of)

    def on_retired(self, tell: Callable[[Connection, User, str], None]) -> None:
        """Call ``tell`` with the actor and the id in the transaction that archives or deletes a workflow."""
        self._listeners.append(tell)

    def create(
        self,
        actor: User,
        name: str,
        department: str,
        description: str = "",
        graph: Mapping[str, Any] | None = None,
    ) -> Draft:
        """Store a new workflow; without a graph it begins with an input and an output.

        Raises:
            Forbidden: the actor's role may not edit.
            Invalid: a field has not the right form.
            GraphInvalid: the graph has not the right form.
        """
        return self._create(actor, name, department, description, BEGINNING if graph is None else graph, {})

    def list(self, actor: User, wanted: WorkflowFilter | None = None) -> Sequence[Workflow]:
        """Return the actor's workflows and those shared with them, last changed first; not the archived ones."""
        with self._db.read() as connection:
            levels = self._sharing.levels(connection, actor, "workflow")
            found = repository.workflows_of(connection, actor.id, levels, wanted or WorkflowFilter())
            of = self._sharing.accesses(connection, actor, "workflow", levels, {w.id: w.owner_id for w in found})
        return [replace(workflow, access=of[workflow.id]) for workflow in found]

    def save_draft(self, actor: User, workflow_id: str, graph: Mapping[str, Any], revision: int) -> Draft:
        """Save what is being edited, on top of the draft that was read at ``revision``. It may be wrong.

        Raises:
            NotFound: the workflow is a stranger's.
            Forbidden: it is not shared with the actor to edit.
            WorkflowArchived: it has to be brought back first.
            GraphInvalid: the graph has not even the right form.
            DraftChanged: somebody else has saved it in the meantime; says who, and when.
        """
        before = self._editable(actor, workflow_id)
        document = stored_form(graph)
        if document == before.graph:
            return before
        at = clock.now()
        begins = before.draft_by != actor.id or at - before.draft_at > PAUSE_OF_EDITING
        with self._db.transaction() as connection:
            is_saved = repository.save_draft(connection, before.id, document, revision, actor.id, at)
            if is_saved and begins:
                self._record(connection, actor, "workflow.edited", before.id)
        if not is_saved:
            raise self._changed(actor, workflow_id)
        return self.get(actor, workflow_id)

    def change(
        self,
        actor: User,
        workflow_id: str,
        *,
        name: str | None = None,
        description: str | None = None,
        department: str | None = None,
    ) -> Workflow:
        """Give a workflow another name, description or department; None leaves the present one.

        Raises:
            NotFound: the workflow is a stranger's.
            Forbidden: it is not shared with the actor to edit.
            WorkflowArchived: it has to be brought back first.
            Invalid: a field has not the right form.
        """
        before = self._editable(actor, workflow_id)
        wanted = {
            "name": before.name if name is None else clean_name(name, MAX_NAME),
            "description": before.description if description is None else clean_description(description),
            "department": before.department if department is None else department,
        }
        changes = {field: value for field, value in wanted.items() if value != getattr(before, field)}
        if "department" in changes:
            self._departments.check(changes["department"])
        if changes:
            with self._db.transaction() as connection:
                repository.change(connection, before.id, updated_at=clock.now(), **changes)
                told = {field: value for field, value in changes.items() if field != "description"}
                self._record(connection, actor, "workflow.changed", before.id, fields=sorted(changes), **told)
        return self.facts(actor, workflow_id)

    def duplicate(
        self, actor: User, workflow_id: str, name: str | None = None, graph: Mapping[str, Any] | None = None
    ) -> Draft:
        """Make a copy that is the actor's own: of the draft, or of ``graph``, which could not be saved over it.

        Raises:
            NotFound: the workflow is a stranger's.
            Forbidden: the actor's role may not edit.
            Invalid: this is no name.
            GraphInvalid: the graph has not the right form.
        """
        of = self.get(actor, workflow_id)
        wanted = f"Copy of {of.name}"[:MAX_NAME] if name is None else name
        copied = of.graph if graph is None else graph
        return self._create(actor, wanted, of.department, of.description, copied, {"of": of.id})

    def archive(self, actor: User, workflow_id: str) -> Workflow:
        """Put a workflow away: it does not run, is not edited, and its schedules and triggers start nothing.

        Raises:
            NotFound: the workflow is a stranger's.
            Forbidden: it is not shared with the actor to edit.
        """
        return self._put_away(actor, workflow_id, is_archived=True)

    def unarchive(self, actor: User, workflow_id: str) -> Workflow:
        """Bring an archived workflow back. Raises what ``archive`` raises."""
        return self._put_away(actor, workflow_id, is_archived=False)

    def delete(self, actor: User, workflow_id: str) -> None:
        """Delete a workflow; its runs and their costs stay.

        Raises:
            NotFound: the workflow is a stranger's.
            Forbidden: it is somebody else's.
        """
        workflow = self.facts(actor, workflow_id)
        if not workflow.access.is_owner:
            raise Forbidden
        with self._db.transaction() as connection:
            repository.change(connection, workflow.id, deleted_at=clock.now())
            self._sharing.forget(connection, "workflow", workflow.id)
            self._retire(connection, actor, workflow.id)
            self._record(connection, actor, "workflow.deleted", workflow.id)

    def problems(
        self, actor: User, graph: Mapping[str, Any], workflow_id: str | None = None
    ) -> tuple[Problem, ...]:
        """Return what keeps a graph from running for the actor, with everything that it refers to; empty is well.

        Args:
            actor: whose rights count.
            graph: what may still be wrong.
            workflow_id: the workflow that it belongs to, which it must not contain.

        Raises:
            GraphInvalid: it has not even the right form.
        """
        return self._checks.problems(actor, read_graph(graph), workflow_id, self.to_run)

    def difference(
        self, actor: User, workflow_id: str, before: int | None = None, after: int | None = None
    ) -> Difference:
        """Return what was changed between two versions, by their numbers; None is the draft.

        Raises:
            NotFound: the workflow is a stranger's, or there is no such version.
        """
        draft = self.get(actor, workflow_id)
        graphs = [
            draft.graph if number is None else self.version(actor, workflow_id, number).graph
            for number in (before, after)
        ]
        return difference(read_graph(graphs[0]), read_graph(graphs[1]), self._names(actor))

    def settings(self, actor: User, workflow_id: str, node_id: str) -> tuple[Setting, ...]:
        """Return what a node of the draft is set to, in words.

        Raises:
            NotFound: the workflow is a stranger's, or has no such node.
        """
        node = read_graph(self.get(actor, workflow_id).graph).by_id.get(node_id)
        if node is None:
            raise NotFound(what="step")
        return settings_of(node, self._names(actor))

    def to_run(self, actor: User, workflow_id: str, version: int | None = None) -> Runnable:
        """Return what a run of a workflow executes: the published version, or an older one.

        Raises:
            NotFound: the workflow is a stranger's, or has no such version.
            Forbidden: it is shared with the actor to look at only.
            WorkflowArchived: it has to be brought back first.
            NotPublished: there is no published version yet.
        """
        workflow = self.facts(actor, workflow_id)
        if not workflow.access.reaches("run"):
            raise Forbidden
        if workflow.archived_at is not None:
            raise WorkflowArchived
        number = workflow.published_version if version is None else version
        if number is None:
            raise NotPublished
        return Runnable(workflow, self.version(actor, workflow_id, number).graph, number)

    def to_test(self, actor: User, workflow_id: str) -> Runnable:
        """Return the draft, for a test by somebody who edits it.

        Raises:
            NotFound: the workflow is a stranger's.
            Forbidden: it is not shared with the actor to edit.
            WorkflowArchived: it has to be brought back first.
        """
        draft = self._editable(actor, workflow_id)
        return Runnable(draft, draft.graph, None)

    # --- inside ----------------------------------------------------------------------------------

    def _create(
        self,
        actor: User,
        name: str,
        department: str,
        description: str,
        graph: Mapping[str, Any],
        told: Mapping[str, object],
    ) -> Draft:
        require(actor, "agents.edit")
        name, description, document = clean_name(name, MAX_NAME), clean_description(description), stored_form(graph)
        self._departments.check(department)
        at = clock.now()
        draft = Draft(
            id=clock.new_id("workflow"),
            owner_id=actor.id,
            department=department,
            name=name,
            description=description,
            revision=1,
            draft_by=actor.id,
            draft_by_name=actor.name,
            draft_at=at,
            published_version=None,
            created_at=at,
            updated_at=at,
            graph=document,
        )
        with self._db.transaction() as connection:
            repository.insert_workflow(connection, draft)
            self._record(connection, actor, "workflow.created", draft.id, **told)
        return self.get(actor, draft.id)

    def _put_away(self, actor: User, workflow_id: str, *, is_archived: bool) -> Workflow:
        workflow = self.facts(actor, workflow_id)
        self._require_edit(actor, workflow)
        if is_archived != (workflow.archived_at is not None):
            at = clock.now()
            with self._db.transaction() as connection:
                values = {"archived_at": at if is_archived else None, "updated_at": at}
                repository.change(connection, workflow.id, **values)
                if is_archived:
                    self._retire(connection, actor, workflow.id)
                action = "workflow.archived" if is_archived else "workflow.unarchived"
                self._record(connection, actor, action, workflow.id)
        return self.facts(actor, workflow_id)

    def _names(self, actor: User) -> dict[str, str]:
        return self._checks.names(actor) | {workflow.id: workflow.name for workflow in self.list(actor)}

    def _retire(self, connection: Connection, actor: User, workflow_id: str) -> None:
        for tell in self._listeners:
            tell(connection, actor, workflow_id)
