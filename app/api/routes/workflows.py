"""Workflows: drawing them, checking them, and putting them away."""

from __future__ import annotations

from typing import Annotated

from fastapi import Body, Query, Response
from pydantic import Field

from app import runtime
from app.api.graph_shapes import GraphSent, Problems, problems_shown
from app.api.paging import PageQuery, cut
from app.api.principal import Principal, caller
from app.api.problems import problems
from app.api.revisions import IfMatch, check_match, etag
from app.api.route import router as new_router
from app.api.schemas import Change, Id, Input, Page
from app.api.workflow_shapes import DraftShown, WorkflowShown, draft_shown, workflow_shown
from core.engine.graph import read_graph
from core.workflows.models import MAX_DESCRIPTION, MAX_NAME, Draft, WorkflowFilter

router = new_router("workflows")

Reads = Annotated[Principal, caller("workflows:read")]
Writes = Annotated[Principal, caller("workflows:write")]

Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME, examples=["Answer letters"])]
Department = Annotated[str, Field(max_length=40, examples=["support"])]
Description = Annotated[str, Field(max_length=MAX_DESCRIPTION)]


class WorkflowDraft(Input):
    """A new workflow. Without a graph it begins with an input and an output."""

    name: Name
    department: Department
    description: Description = ""
    graph: GraphSent | None = None


class WorkflowChange(Change):
    """What to change of a workflow; a graph becomes its draft, whatever that was."""

    name: Name
    department: Department
    description: Description
    graph: GraphSent


class GraphToSave(Input):
    """What is being edited."""

    graph: GraphSent


class GraphToCheck(Input):
    """A graph, and the workflow that it would belong to, if any: it must not contain that."""

    graph: GraphSent
    workflow_id: Id | None = None


class CopyDraft(Input):
    """How a copy is called, and what it does: the same as the draft unless a graph is sent."""

    name: Name | None = None
    graph: GraphSent | None = None


CopyDraftOrNothing = Annotated[CopyDraft, Body(default_factory=CopyDraft)]


class WorkflowsQuery(PageQuery):
    """Which workflows."""

    archived: Annotated[bool, Field(description="Those that were put away, instead of the others.")] = False
    department: Department | None = None
    words: Annotated[str, Field(max_length=200, description="Words of the name or description.")] = ""


@router.post("/workflows", status_code=201)
def create_workflow(caller: Writes, body: WorkflowDraft, response: Response) -> DraftShown:
    """Make a workflow. It runs once it is published."""
    graph = body.graph.document() if body.graph else None
    made = runtime.get_core().workflows.create(caller.user, body.name, body.department, body.description, graph)
    return _made(made, response)


@router.get("/workflows")
def list_workflows(caller: Reads, query: Annotated[WorkflowsQuery, Query()]) -> Page[WorkflowShown]:
    """Return the caller's workflows and those shared with them, last changed first."""
    wanted = WorkflowFilter(query.archived, query.words, query.department)
    workflows = runtime.get_core().workflows.list(caller.user, wanted)
    found, after = cut(workflows, query, lambda workflow: workflow.id)
    return Page(items=[workflow_shown(workflow) for workflow in found], next=after)


@router.post("/workflows/problems")
def check_graph(caller: Reads, body: GraphToCheck) -> Problems:
    """Say what would keep a graph from running for the caller, without keeping it."""
    found = runtime.get_core().workflows.problems(caller.user, body.graph.document(), body.workflow_id)
    return problems_shown(found)


@router.get("/workflows/{workflow_id}", responses=problems(404))
def get_workflow(caller: Reads, workflow_id: Id, response: Response) -> DraftShown:
    """Return one workflow with its draft, whose revision is the ETag."""
    return _shown(runtime.get_core().workflows.get(caller.user, workflow_id), response)


@router.patch("/workflows/{workflow_id}", responses=problems(404, 409))
def change_workflow(caller: Writes, workflow_id: Id, body: WorkflowChange) -> WorkflowShown:
    """Give a workflow another name, department, description or draft."""
    workflows = runtime.get_core().workflows
    changes = body.model_dump(exclude_unset=True, exclude={"graph"})
    graph = body.graph.document() if "graph" in body.model_fields_set else None
    if graph is not None:
        read_graph(graph)  # refused before anything is changed
    changed = workflows.change(caller.user, workflow_id, **changes)
    if graph is not None:
        workflows.save_draft(caller.user, workflow_id, graph, changed.revision)
        changed = workflows.facts(caller.user, workflow_id)
    return workflow_shown(changed)


@router.delete("/workflows/{workflow_id}", status_code=204, responses=problems(404))
def delete_workflow(caller: Writes, workflow_id: Id) -> None:
    """Delete a workflow; its runs and their costs stay."""
    runtime.get_core().workflows.delete(caller.user, workflow_id)


@router.put("/workflows/{workflow_id}/draft", responses=problems(404, 409, 412))
def save_draft(
    caller: Writes, workflow_id: Id, body: GraphToSave, response: Response, if_match: IfMatch = None
) -> DraftShown:
    """Save what is being edited. With If-Match it is saved only when nobody else did so since."""
    workflows = runtime.get_core().workflows
    revision = workflows.facts(caller.user, workflow_id).revision
    check_match(if_match, revision)
    return _shown(workflows.save_draft(caller.user, workflow_id, body.graph.document(), revision), response)


@router.get("/workflows/{workflow_id}/problems", responses=problems(404))
def list_problems(caller: Reads, workflow_id: Id) -> Problems:
    """Say what keeps the draft from running for the caller."""
    workflows = runtime.get_core().workflows
    draft = workflows.get(caller.user, workflow_id)
    return problems_shown(workflows.problems(caller.user, draft.graph, draft.id))


@router.post("/workflows/{workflow_id}/duplicate", status_code=201, responses=problems(404))
def duplicate_workflow(caller: Writes, workflow_id: Id, body: CopyDraftOrNothing, response: Response) -> DraftShown:
    """Make a copy that belongs to the caller."""
    graph = body.graph.document() if body.graph else None
    made = runtime.get_core().workflows.duplicate(caller.user, workflow_id, body.name, graph)
    return _made(made, response)


@router.post("/workflows/{workflow_id}/archive", responses=problems(404))
def archive_workflow(caller: Writes, workflow_id: Id) -> WorkflowShown:
    """Put a workflow away: it does not run, is not edited, and its schedules and triggers start nothing."""
    return workflow_shown(runtime.get_core().workflows.archive(caller.user, workflow_id))


@router.post("/workflows/{workflow_id}/unarchive", responses=problems(404))
def unarchive_workflow(caller: Writes, workflow_id: Id) -> WorkflowShown:
    """Bring an archived workflow back."""
    return workflow_shown(runtime.get_core().workflows.unarchive(caller.user, workflow_id))


def _made(draft: Draft, response: Response) -> DraftShown:
    response.headers["Location"] = f"/api/v1/workflows/{draft.id}"
    return _shown(draft, response)


def _shown(draft: Draft, response: Response) -> DraftShown:
    response.headers["ETag"] = etag(draft.revision)
    return draft_shown(draft)
