"""The chat completions of OpenAI's protocol."""

from __future__ import annotations

from tests.api.calls.call import Call, Sent, everybody, for_members
from tests.support.stage import Stage

TEXT = "Which of the callers may ask this?"


def model(stage: Stage) -> Sent:
    return Sent({"model": stage.agent().id})


def chat(stage: Stage) -> Sent:
    """There is no worker here: the run is ended as soon as it has started."""
    stage.core.runs.waking.on_work(lambda: end_runs(stage))
    message = {"role": "user", "content": TEXT}
    return Sent(body={"model": stage.agent().id, "messages": [message]})


def end_runs(stage: Stage) -> None:
    for run in stage.core.runs.list(stage.owner):
        if run.is_active and run.inputs == {"input": TEXT}:
            stage.core.journal.succeed(run.id, "All but viewers and strangers.")


CALLS = {
    "list_models": Call(everybody(200)),
    "get_model": Call((404, 404, 200, 200, 200), model),
    "create_chat_completion": Call(for_members(200), chat),
}
