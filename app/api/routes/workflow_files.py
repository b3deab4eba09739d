"""Workflows as files: exported, looked at before an import, and imported."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Annotated, Self

from fastapi import Query, Response
from pydantic import Field, model_validator

from app import runtime
from app.api.principal import Principal, caller
from app.api.problems import problems
from app.api.revisions import etag
from app.api.route import router as new_router
from app.api.schemas import Id, Input, Output
from app.api.schemas import Query as QueryModel
from app.api.workflow_shapes import DraftShown, draft_shown
from core.engine.graph import MAX_ID
from core.errors import Invalid
from core.workflows.interchange.archive import MAX_ARCHIVE_BYTES
from core.workflows.interchange.formats import MAX_CHARACTERS
from core.workflows.interchange.models import Choices, Format, ImportPlan
from core.workflows.models import MAX_NAME
from core.workflows.versions import MAX_NUMBER

router = new_router("workflows")

Reads = Annotated[Principal, caller("workflows:read")]
Writes = Annotated[Principal, caller("workflows:write")]

Text = Annotated[str, Field(max_length=MAX_CHARACTERS)]
Name = Annotated[str, Field(min_length=1, max_length=MAX_ID, description="A name of the file.", examples=["clerk"])]


class ExportQuery(QueryModel):
    """In which form, and which version of a workflow: without one its draft."""

    format: Annotated[Format, Field(description="Our own form as JSON or YAML, or a project of CrewAI as zip.")] = (
        "json"
    )
    version: Annotated[int | None, Field(ge=1, le=MAX_NUMBER, description="A published version.")] = None


class ProjectSent(Input):
    """The files of a project of CrewAI."""

    agents: Annotated[Text, Field(description="agents.yaml")]
    tasks: Annotated[Text, Field(description="tasks.yaml")]
    crew: Annotated[Text | None, Field(description="crew.py, read as text: is the crew led by a manager?")] = None

    def files(self) -> Mapping[str, bytes]:
        """Return them by their names."""
        files = {"agents.yaml": self.agents, "tasks.yaml": self.tasks, "crew.py": self.crew}
        return {name: text.encode() for name, text in files.items() if text is not None}


class FileSent(Input):
    """What is imported: exactly one of these."""

    document: Annotated[Text | None, Field(description="A workflow that was exported as JSON or YAML.")] = None
    project: ProjectSent | None = None
    zip: Annotated[
        str | None, Field(max_length=MAX_ARCHIVE_BYTES, description="A project of CrewAI as zip file, in base64.")
    ] = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if sum(one is not None for one in (self.document, self.project, self.zip)) != 1:
            raise ValueError("send exactly one of document, project and zip")
        return self

    def data(self) -> bytes | Mapping[str, bytes]:
        """Return it as the core reads it; raises ``Invalid``."""
        if self.project is not None:
            return self.project.files()
        if self.document is not None:
            return self.document.encode()
        try:
            return base64.b64decode(self.zip or "", validate=True)
        except (binascii.Error, ValueError):
            raise Invalid("The zip file is not in base64.", "zip") from None


class Chosen(Input):
    """What stands for a name of the file."""

    name: Name
    id: Id


class ModelChosen(Input):
    """The model of an agent that says none."""

    name: Name
    model: Annotated[str, Field(min_length=1, max_length=200, examples=["gpt-4o-mini"])]


Chosens = Annotated[list[Chosen], Field(max_length=200)]


class ImportSent(FileSent):
    """A file, and what stands for its names. An agent that is not chosen is made anew, on the key chosen for it."""

    name: Annotated[str | None, Field(min_length=1, max_length=MAX_NAME, description="Else that of the file.")] = (
        None
    )
    department: Annotated[str | None, Field(max_length=40, examples=["support"])] = None
    agents: Chosens = Field(default_factory=list)
    keys: Chosens = Field(default_factory=list)
    models: Annotated[list[ModelChosen], Field(max_length=200)] = Field(default_factory=list)
    workflows: Chosens = Field(default_factory=list)
    people: Chosens = Field(default_factory=list)

    def choices(self) -> Choices:
        """Return what was chosen."""
        return Choices(
            name=self.name or "",
            department=self.department or "",
            agents=_by_name(self.agents),
            keys=_by_name(self.keys),
            models={one.name: one.model for one in self.models},
            workflows=_by_name(self.workflows),
            people=_by_name(self.people),
        )


class PlannedAgent(Output):
    """An agent of the file. Without ``role`` it is not described: it can only be chosen, or left out.

    ``suggested`` is an agent of the caller's that is called the same and does the same.
    """

    name: str
    title: str
    role: str
    key: str
    model: str
    suggested: Id | None


class PlannedKey(Output):
    """A key that agents of the file work on; ``suggested`` is one of the caller's for the same provider."""

    name: str
    provider: str
    suggested: Id | None


class PlannedWorkflow(Output):
    """A workflow that this one runs."""

    name: str
    title: str


class PlanShown(Output):
    """What an import would bring, and what has to be chosen for it. ``notes`` say what does not come along."""

    name: str
    description: str
    department: str | None
    nodes: int
    agents: list[PlannedAgent]
    keys: list[PlannedKey]
    workflows: list[PlannedWorkflow]
    people: list[str]
    notes: list[str]


@router.get(
    "/workflows/{workflow_id}/export",
    response_class=Response,
    responses={
        200: {
            "description": "The file",
            "content": {
                "application/json": {"schema": {"type": "object"}},
                "application/yaml": {"schema": {"type": "string"}},
                "application/zip": {"schema": {"type": "string", "format": "binary"}},
            },
        },
        **problems(404),
    },
)
def export_workflow(caller: Reads, workflow_id: Id, query: Annotated[ExportQuery, Query()]) -> Response:
    """Return a workflow as a file, with the agents that the caller can see; without keys, ids and people."""
    found = runtime.get_core().interchange.export(caller.user, workflow_id, query.format, query.version)
    disposition = f'attachment; filename="{found.name.encode("ascii", "replace").decode().replace("?", "_")}"'
    return Response(found.content, media_type=found.media_type, headers={"Content-Disposition": disposition})


@router.post("/workflows/import/plan")
def plan_import(caller: Writes, body: FileSent) -> PlanShown:
    """Say what a file would bring, without keeping anything."""
    return _shown(runtime.get_core().interchange.plan_import(caller.user, body.data()))


@router.post("/workflows/import", status_code=201, responses=problems(404))
def import_workflow(caller: Writes, body: ImportSent, response: Response) -> DraftShown:
    """Make the workflow of a file, and its agents unless others were chosen."""
    interchange = runtime.get_core().interchange
    made = interchange.apply_import(caller.user, interchange.plan_import(caller.user, body.data()), body.choices())
    response.headers["Location"] = f"/api/v1/workflows/{made.id}"
    response.headers["ETag"] = etag(made.revision)
    return draft_shown(made)


def _by_name(chosen: list[Chosen]) -> Mapping[str, str]:
    return {one.name: one.id for one in chosen}


def _shown(plan: ImportPlan) -> PlanShown:
    bundle = plan.bundle
    return PlanShown(
        name=bundle.name,
        description=bundle.description,
        department=plan.department,
        nodes=len(bundle.graph.nodes),
        agents=[
            PlannedAgent(
                name=name,
                title=str(agent["name"]) if agent else "",
                role=str(agent["role"]) if agent else "",
                key=str(agent.get("key", "")) if agent else "",
                model=str(agent.get("model", "")) if agent else "",
                suggested=plan.agents.get(name),
            )
            for name, agent in bundle.agents.items()
        ],
        keys=[
            PlannedKey(name=name, provider=provider, suggested=plan.keys.get(name))
            for name, provider in bundle.keys.items()
        ],
        workflows=[PlannedWorkflow(name=name, title=title) for name, title in bundle.workflows.items()],
        people=list(bundle.people),
        notes=list(bundle.notes),
    )
