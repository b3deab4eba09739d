"""What programs call by other protocols than ours: agents, and published workflows, in one shape."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from app import runtime
from app.api.principal import Principal
from core.accounts.models import User
from core.agents.models import Agent
from core.engine.graph import read_graph
from core.engine.values import Field
from core.errors import Invalid, NotFound
from core.runs.inputs import fields_of
from core.runs.models import Run
from core.workflows.models import Runnable, Workflow

READS_WORKFLOWS = "workflows:read"


@dataclass(frozen=True)
class Offer:
    """An agent or a workflow; an agent has no ``fields``: it takes one text. ``is_live``: it streams its answer."""

    kind: Literal["agent", "workflow"]
    id: str
    name: str
    description: str
    department: str
    owner_name: str
    created_at: datetime
    fields: tuple[Field, ...] = ()
    is_live: bool = False


def of_agent(agent: Agent) -> Offer:
    """Return an agent as an offer. Without tools its one model call is the answer."""
    told = agent.definition
    description = f"{told.role}: {told.goal}"
    owner = agent.access.owner_name or "zoark"
    is_live = not told.tools
    return Offer(
        "agent", agent.id, told.name, description, told.department, owner, agent.created_at, is_live=is_live
    )


def of_workflow(runnable: Runnable) -> Offer:
    """Return a workflow as an offer, with the inputs of its published version."""
    of = runnable.workflow
    description = of.description or of.name
    owner = of.access.owner_name or "zoark"
    fields = fields_of(read_graph(runnable.graph))
    return Offer("workflow", of.id, of.name, description, of.department, owner, of.created_at, fields)


def runnable(principal: Principal) -> list[Offer]:
    """Return the agents that a caller may run now, then the workflows that they may run."""
    found = [of_agent(agent) for agent in runtime.get_core().agents.runnable(principal.user)]
    return [*found, *_seen_workflows(principal)]


def visible(principal: Principal) -> list[Offer]:
    """Return everything that may have a name for a caller, also agents that lack a key just now."""
    agents = runtime.get_core().agents.list(principal.user)
    return [*(of_agent(agent) for agent in agents if agent.access.reaches("run")), *_seen_workflows(principal)]


def called(principal: Principal, name: str) -> Offer:
    """Return what a caller may run under this id or name.

    Raises:
        NotFound: there is none.
        Invalid: several have this name.
        CoreError: what is raised about a thing that the caller sees and may not run.
    """
    core = runtime.get_core()
    looks: tuple[Callable[[], Offer], ...] = (
        lambda: of_agent(core.agents.to_run(principal.user, name)),
        lambda: of_workflow(core.workflows.to_run(principal.user, name)),
    )
    for look in looks:
        try:
            return look()
        except NotFound:
            continue
    agents = [of_agent(agent) for agent in core.agents.runnable(principal.user)]
    return only([offer for offer in (*agents, *_workflows(principal.user)) if offer.name == name])


def only(found: Sequence[Offer]) -> Offer:
    """Return the one that was found; raises ``NotFound`` or ``Invalid``."""
    if len(found) > 1:
        raise Invalid("Several have this name. Send the id of one; GET /models lists them.", "model")
    if not found:
        raise NotFound(what="agent")
    return found[0]


def start(actor: User, offer: Offer, inputs: Mapping[str, Any], budget_micros: int | None = None) -> Run:
    """Start a run of an offer; an agent's only input is called ``input``. Raises what the core raises."""
    runs = runtime.get_core().runs
    if offer.kind == "agent":
        return runs.start_agent_run(actor, offer.id, str(inputs["input"]), budget_micros)
    return runs.start_workflow_run(actor, offer.id, inputs, budget_micros)


def inputs_of(offer: Offer, text: str) -> Mapping[str, Any]:
    """Return the inputs in a message: the one input as it is, several as a JSON object.

    Raises:
        Invalid: the workflow takes no text, or wants a JSON object.
    """
    if offer.kind == "agent":
        return {"input": text}
    asked = [field for field in offer.fields if field.is_required] or list(offer.fields)
    if not asked:
        return {}
    if len(asked) == 1 and not _is_object(text):
        return {asked[0].name: text}
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict):
        names = {field.name for field in offer.fields}
        return found if len(asked) > 1 or set(found) <= names else {asked[0].name: text}
    names_told = ", ".join(field.name for field in offer.fields)
    raise Invalid(f"This workflow has several inputs. Send them as a JSON object with: {names_told}.", "messages")


def waiting_sentence(run: Run) -> str:
    """Say to a program that cannot wait for people why there is no answer yet."""
    until = f" until {run.wake_at:%Y-%m-%d %H:%M} UTC" if run.wake_at else " for somebody's decision"
    return (
        f"The workflow {run.title} waits{until}. Its run is {run.id}, in the state waiting. "
        "It goes on by itself; read its result later on the page Runs, or at GET /api/v1/runs/" + run.id + "."
    )


def _is_object(text: str) -> bool:
    return text.lstrip().startswith("{")


def _seen_workflows(principal: Principal) -> list[Offer]:
    is_narrow = principal.scopes is not None and READS_WORKFLOWS not in principal.scopes
    return [] if is_narrow else _workflows(principal.user)


def _workflows(actor: User) -> list[Offer]:
    workflows = runtime.get_core().workflows
    return [
        of_workflow(workflows.to_run(actor, workflow.id))
        for workflow in workflows.list(actor)
        if _may_run(workflow)
    ]


def _may_run(workflow: Workflow) -> bool:
    return workflow.published_version is not None and workflow.access.reaches("run")
