"""What a client that waits is told of a run's events: what happens, never what the model thinks or says."""

from __future__ import annotations

from core.runs.models import RunEvent

SENTENCES = {
    "run_queued": "Waiting for a worker",
    "run_started": "Started",
    "run_resumed": "Taken up again",
    "run_waiting": "Waiting",
    "run_continued": "Going on",
    "model_call_started": "Asking {model}",
    "model_call_waiting": "Waiting for room in {limit}",
    "model_call_finished": "The model has answered",
    "tool_started": "Using the tool {tool}",
    "tool_finished": "The tool {tool} is done",
    "node_retry": "Trying again: {message}",
}


def sentence_of(event: RunEvent) -> str | None:
    """Return what to tell of an event; None for what is not worth telling."""
    sentence = SENTENCES.get(event.kind)
    return sentence.format(**event.data) if sentence else None
