"""Answers in the shapes of OpenAI's protocol, made of runs, agents and workflows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Literal

from app.api.offers import Offer, waiting_sentence
from app.api.schemas import Output
from core.runs.models import Run
from core.usage.models import ModelCall


class Model(Output):
    """An agent or a published workflow as a model. ``id`` is what to send as ``model``."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str
    name: str
    department: str
    description: str


class Models(Output):
    """The agents and workflows that the caller may run."""

    object: Literal["list"] = "list"
    data: list[Model]


class CachedTokens(Output):
    """How many of the prompt's tokens came from the provider's cache."""

    cached_tokens: int


class ChatUsage(Output):
    """What all model calls of the run used together; ``cost_micros`` is null while the price is unknown."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: CachedTokens
    cost_micros: int | None


class Said(Output):
    """The agent's answer."""

    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None


class Choice(Output):
    """The one answer."""

    index: Literal[0] = 0
    message: Said
    logprobs: None = None
    finish_reason: Literal["stop"] = "stop"


class ChatCompletion(Output):
    """An answer; ``id`` is the run's. ``usage`` is null when a provider did not say what it used."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[Choice]
    usage: ChatUsage | None


def model_of(offer: Offer) -> Model:
    """Return an agent or a workflow as a model."""
    return Model(
        id=offer.id,
        created=int(offer.created_at.timestamp()),
        owned_by=offer.owner_name,
        name=offer.name,
        department=offer.department,
        description=offer.description,
    )


def usage_of(run: Run, calls: Sequence[ModelCall]) -> ChatUsage | None:
    """Return what a run used; None when that is not known of one of its calls."""
    sent = [call for call in calls if call.status != "failed"]
    if any(call.input_tokens is None or call.output_tokens is None for call in sent):
        return None
    read, written = sum(call.input_tokens or 0 for call in sent), sum(call.output_tokens or 0 for call in sent)
    cached = CachedTokens(cached_tokens=sum(call.cached_tokens or 0 for call in sent))
    return ChatUsage(
        prompt_tokens=read,
        completion_tokens=written,
        total_tokens=read + written,
        prompt_tokens_details=cached,
        cost_micros=run.totals.known_cost_micros,
    )


def completion_of(run: Run, usage: ChatUsage | None) -> ChatCompletion:
    """Return a run that succeeded, or waits, as an answer."""
    return ChatCompletion(
        id=run.id,
        created=int(run.created_at.timestamp()),
        model=run.agent_id or run.workflow_id or "",
        choices=[Choice(message=Said(content=text_of(run)))],
        usage=usage,
    )


def text_of(run: Run) -> str:
    """Return what a run has to say: its answer, or that it waits."""
    return waiting_sentence(run) if run.status == "waiting" else run.output or ""


class Chunks:
    """Writes the pieces of one streamed answer."""

    def __init__(self, run: Run, *, has_usage: bool) -> None:
        """Answer for ``run``; with ``has_usage`` every piece has the field, empty but in the last one."""
        self._base: dict[str, Any] = {
            "id": run.id,
            "object": "chat.completion.chunk",
            "created": int(run.created_at.timestamp()),
            "model": run.agent_id or run.workflow_id or "",
        }
        self._has_usage = has_usage

    def role(self) -> bytes:
        """Return the first piece."""
        return self._piece({"role": "assistant", "content": ""}, None)

    def text(self, delta: str) -> bytes:
        """Return a piece of text."""
        return self._piece({"content": delta}, None)

    def end(self, usage: ChatUsage | None) -> bytes:
        """Return the end of an answer that is complete."""
        last = self._piece({}, "stop")
        if self._has_usage:
            told = usage.model_dump() if usage else None
            last += sse({**self._base, "choices": [], "usage": told})
        return last + b"data: [DONE]\n\n"

    def _piece(self, delta: dict[str, str], finish_reason: str | None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return sse({**self._base, "choices": [choice], **({"usage": None} if self._has_usage else {})})


def sse(value: object) -> bytes:
    """Return one event."""
    return f"data: {json.dumps(value)}\n\n".encode()
