"""Workflows: publishing them, and the versions that were published."""

from __future__ import annotations

from typing import Annotated

from fastapi import Body, Path, Query, Response
from pydantic import Field

from app import runtime
from app.api.paging import PageQuery, decode, encode, piece
from app.api.principal import Principal, caller
from app.api.problems import problems
from app.api.revisions import IfMatch, check_match
from app.api.route import router as new_router
from app.api.schemas import Id, Input, Output, Page
from app.api.schemas import Query as Parameters
from app.api.workflow_shapes import VersionFactsShown, VersionShown, version_facts_shown, version_shown
from core.workflows.difference import Change
from core.workflows.models import MAX_NOTE, Version

router = new_router("workflows")

Reads = Annotated[Principal, caller("workflows:read")]
Writes = Annotated[Principal, caller("workflows:write")]

MAX_VERSION = 2**31 - 1
Note = Annotated[str, Field(max_length=MAX_NOTE, description="What is new, in a few words.")]
Number = Annotated[int, Path(ge=1, le=MAX_VERSION, description="Which version.")]


class Publication(Input):
    """What is said of a new version."""

    note: Note = ""


PublicationOrNothing = Annotated[Publication, Body(default_factory=Publication)]


class DifferenceQuery(Parameters):
    """Up to what."""

    to: Annotated[int | None, Field(ge=1, le=MAX_VERSION, description="A version; the draft without it.")] = None


class FieldChangeShown(Output):
    """A setting as it was and as it is, both as text."""

    label: str
    before: str
    after: str


class NodeChangeShown(Output):
    """What became of a node. Only a changed one has fields."""

    change: Change
    node_id: str
    title: str
    kind: str
    fields: list[FieldChangeShown]


class EdgeChangeShown(Output):
    """A connection that came or went, by the names of its nodes."""

    change: Change
    source: str
    target: str
    when: str


class DifferenceShown(Output):
    """What was changed; `moved` counts nodes that stand elsewhere on the canvas."""

    nodes: list[NodeChangeShown]
    edges: list[EdgeChangeShown]
    moved: int


class RollBack(Input):
    """Which version to publish anew."""

    version: Annotated[int, Field(ge=1, le=MAX_VERSION)]
    note: Note = ""


@router.post("/workflows/{workflow_id}/publish", status_code=201, responses=problems(404, 409, 412))
def publish_workflow(
    caller: Writes, workflow_id: Id, body: PublicationOrNothing, response: Response, if_match: IfMatch = None
) -> VersionShown:
    """Make the draft the version that runs. With If-Match only as it was read.

    A draft that could not run is refused; `errors` say why, with the ids of nodes in their pointers.
    """
    workflows = runtime.get_core().workflows
    revision = workflows.facts(caller.user, workflow_id).revision
    check_match(if_match, revision)
    return _published(workflows.publish(caller.user, workflow_id, body.note, revision), response)


@router.post("/workflows/{workflow_id}/roll-back", status_code=201, responses=problems(404, 409))
def roll_back_workflow(caller: Writes, workflow_id: Id, body: RollBack, response: Response) -> VersionShown:
    """Publish what an older version did as a new version. A draft with changes of its own stays as it is."""
    workflows = runtime.get_core().workflows
    return _published(workflows.roll_back(caller.user, workflow_id, body.version, body.note), response)


@router.get("/workflows/{workflow_id}/versions", responses=problems(404))
def list_versions(caller: Reads, workflow_id: Id, query: Annotated[PageQuery, Query()]) -> Page[VersionFactsShown]:
    """Return the versions of a workflow, newest first."""
    before = decode(query.cursor, int)[0] if query.cursor is not None else None
    versions = runtime.get_core().workflows.versions(caller.user, workflow_id, before, query.limit + 1)
    found, after = piece(versions, query, lambda version: encode(version.number))
    return Page(items=[version_facts_shown(version) for version in found], next=after)


@router.get("/workflows/{workflow_id}/versions/{number}", responses=problems(404))
def get_version(caller: Reads, workflow_id: Id, number: Number) -> VersionShown:
    """Return one version with its graph."""
    return version_shown(runtime.get_core().workflows.version(caller.user, workflow_id, number))


@router.get("/workflows/{workflow_id}/versions/{number}/difference", responses=problems(404))
def get_difference(
    caller: Reads, workflow_id: Id, number: Number, query: Annotated[DifferenceQuery, Query()]
) -> DifferenceShown:
    """Say in words what was changed since a version: up to another one or, without `to`, up to the draft."""
    found = runtime.get_core().workflows.difference(caller.user, workflow_id, number, query.to)
    return DifferenceShown.model_validate(found)


def _published(version: Version, response: Response) -> VersionShown:
    address = f"/api/v1/workflows/{version.workflow_id}/versions/{version.number}"
    response.headers["Location"] = address
    return version_shown(version)
