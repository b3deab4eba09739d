"""How runs, their events and their model calls look in JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from app.api.schemas import Id, Output
from core.prices.models import Source
from core.quotas.models import Scope
from core.runs.models import QueuePlace, Run, Status
from core.usage.models import CallStatus, ModelCall


class RunStarted(Output):
    """The run that was started; its address is in Location."""

    run_id: Id


class RunErrorShown(Output):
    """Why a run failed, or was stopped; ``code`` is stable."""

    code: Annotated[str, Field(examples=["budget_exceeded"])]
    message: str


class FullShown(Output):
    """A limit of runs side by side that is reached."""

    scope: Scope
    working: int
    limit: int


class QueuePlaceShown(Output):
    """Why a run waits: for ``ahead`` others that have their turn first, or for a limit that is ``full``."""

    ahead: int
    full: FullShown | None


class RunShown(Output):
    """A run. What is not known yet is null; ``cost_micros`` is null while the price of a call is unknown."""

    id: Id
    status: Status
    output: str | None
    error: RunErrorShown | None
    cost_micros: int | None
    input_tokens: int
    output_tokens: int
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    title: str
    agent_id: Id | None
    department: str | None
    workflow_id: Id | None
    workflow_version: Annotated[int | None, Field(description="The version that it runs; null for a draft.")]
    is_test: bool
    inputs: dict[str, Any]
    outputs: Annotated[dict[str, Any] | None, Field(description="What its output nodes gave, by name.")]
    wake_at: Annotated[datetime | None, Field(description="When a waiting run goes on by itself.")]
    origin_run_id: Annotated[Id | None, Field(description="The run whose results it took over.")]
    shared_at: Annotated[datetime | None, Field(description="Since when whoever has its link may look at it.")]
    parent_run_id: Annotated[Id | None, Field(description="The run that waits for it: it is a part of that.")]
    budget_micros: Annotated[int | None, Field(description="The most it may cost; null without a limit.")]
    model_calls: int
    unpriced_calls: Annotated[int, Field(description="How many of its model calls have no known price.")]
    is_stopping: Annotated[bool, Field(description="It was asked to stop and has not yet.")]
    queue: Annotated[
        QueuePlaceShown | None, Field(description="Why it waits for its turn; only where one run is asked for.")
    ] = None


class EventShown(Output):
    """Something that happened in a run; ``seq`` begins at 1 and has no gaps. ``data`` depends on ``kind``."""

    seq: int
    at: datetime
    kind: Annotated[str, Field(examples=["model_text"])]
    node_id: str | None
    data: Annotated[dict[str, Any], Field(examples=[{"call_id": "call_01jd8x…", "text": "Dear"}])]


class PriceStepShown(Output):
    """A price, in micro-dollars per million tokens, of calls with at least so many input tokens."""

    from_input_tokens: int
    input_micros_per_million: int
    cached_micros_per_million: int
    output_micros_per_million: int


class PriceShown(Output):
    """What a call is billed with. An open call may have several ``steps``, an unknown price none."""

    source: Source
    version: str
    steps: list[PriceStepShown]


class ModelCallShown(Output):
    """A call of a model: what it used and cost, never what was said."""

    id: Id
    node_id: str
    provider: str
    model: str
    status: CallStatus
    input_tokens: int | None
    output_tokens: int | None
    cached_tokens: int | None
    cost_micros: int | None
    price: PriceShown
    error_code: str | None
    started_at: datetime
    duration_ms: int | None


class EstimateShown(Output):
    """What a run may cost: the median and the most of ``runs`` last ones; without any, the most of the first calls.

    The costs are null while the price is unknown.
    """

    cost_micros: int | None
    most_cost_micros: int | None
    runs: int


def run_shown(run: Run, place: QueuePlace | None = None) -> RunShown:
    """Show a run."""
    totals = run.totals
    return RunShown(
        id=run.id,
        status=run.status,
        output=run.output,
        error=RunErrorShown.model_validate(run.error) if run.error else None,
        cost_micros=None if totals.unpriced_calls else totals.cost_micros,
        input_tokens=totals.input_tokens,
        output_tokens=totals.output_tokens,
        created_at=run.created_at,
        started_at=run.started_at,
        ended_at=run.ended_at,
        title=run.title,
        agent_id=run.agent_id,
        department=run.department,
        workflow_id=run.workflow_id,
        workflow_version=run.workflow_version,
        is_test=run.is_test,
        inputs=dict(run.inputs),
        outputs=dict(run.outputs) if run.outputs is not None else None,
        wake_at=run.wake_at,
        origin_run_id=run.origin_run_id,
        shared_at=run.shared_at,
        parent_run_id=run.parent.run_id if run.parent else None,
        budget_micros=run.budget_micros,
        model_calls=totals.calls,
        unpriced_calls=totals.unpriced_calls,
        is_stopping=run.is_stopping,
        queue=QueuePlaceShown.model_validate(place) if place else None,
    )


def call_shown(call: ModelCall) -> ModelCallShown:
    """Show a model call."""
    steps = [
        PriceStepShown(
            from_input_tokens=step.from_input_tokens,
            input_micros_per_million=step.unit.input,
            cached_micros_per_million=step.unit.cached,
            output_micros_per_million=step.unit.output,
        )
        for step in call.price.steps
    ]
    return ModelCallShown(
        id=call.id,
        node_id=call.node_id,
        provider=call.provider,
        model=call.model,
        status=call.status,
        input_tokens=call.input_tokens,
        output_tokens=call.output_tokens,
        cached_tokens=call.cached_tokens,
        cost_micros=call.cost_micros,
        price=PriceShown(source=call.price.source, version=call.price.version, steps=steps),
        error_code=call.error_code,
        started_at=call.started_at,
        duration_ms=call.duration_ms,
    )
