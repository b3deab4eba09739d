"""A workflow without a model, published, for what starts it by itself; and a clock that tests set."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import pytest

from core import clock
from core.accounts.models import User
from core.bootstrap import Core
from core.runs.models import Run

FIELDS = [{"name": "amount", "type": "number"}, {"name": "note", "type": "text", "is_required": False}]
GRAPH = {
    "nodes": [
        {"id": "start", "kind": "input", "fields": FIELDS},
        {"id": "end", "kind": "output", "name": "answer", "format": "text", "value": "{{amount}} {{note}}"},
    ],
    "edges": [{"source": "start", "target": "end"}],
}


def published(core: Core, owner: User, name: str = "Letters") -> str:
    """Make a workflow, publish it and return its id."""
    made = core.workflows.create(owner, name, "hr", graph=GRAPH)
    core.workflows.publish(owner, made.id)
    return made.id


@contextmanager
def at_time(monkeypatch: pytest.MonkeyPatch, moment: str) -> Iterator[None]:
    """Let it be a moment, such as 2026-03-02T08:59:00+00:00."""
    with monkeypatch.context() as patch:
        patch.setattr(clock, "now", lambda: datetime.fromisoformat(moment))
        yield


def run_of(core: Core, owner: User, workflow_id: str) -> list[Run]:
    """Return the runs of a workflow, oldest first."""
    return [run for run in reversed(core.runs.list(owner)) if run.workflow_id == workflow_id]


def end(core: Core, run: Run, error: Exception | None = None) -> None:
    """Let a run end as a worker would: well, or with an error."""
    core.journal.begin(run.id)
    if error is None:
        core.journal.succeed(run.id, "done")
    else:
        core.journal.fail(run.id, error)  # type: ignore[arg-type]
