"""A segment of a run as one DBOS workflow, a node as one step: what has finished is never done again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from dbos import DBOS

from core.db.engine import is_passing
from core.engine.control import Controls
from core.engine.course import Course, NotOurs, Take
from core.engine.crash_points import reach
from core.engine.execution import NodeRunner, Outcome
from core.engine.graph import Node, parse_graph
from core.errors import CoreError, Internal, OwnerInactive, RunCancelled
from core.logs import get_logger
from core.runs.journal import RunJournal
from core.runs.models import RunTask
from core.runs.queue import WORKFLOW_NAME

PAUSE_SECONDS = 1.0

log = get_logger(__name__)


def register_workflow(
    journal: RunJournal,
    runner: NodeRunner,
    controls: Controls,
    has_ended: Callable[[], None],
    is_ending: threading.Event,
) -> None:
    """Tell DBOS how a run is executed. The workflow's arguments are the run's id and the segment of it.

    ``has_ended`` is called whenever a run has ended or waits here: another one may begin. Once ``is_ending`` is
    set, what fails may do so because DBOS is gone: it is left to the worker that takes over.
    """

    @DBOS.workflow(name=WORKFLOW_NAME)
    def run_graph(run_id: str, segment: int = 1) -> str:
        try:
            while True:
                try:
                    return execute(run_id, segment)
                except Exception as error:  # the database may be away for a moment; what was kept is kept
                    log.warning("cannot execute a run now", run_id=run_id, error=type(error).__name__)
                    threading.Event().wait(None if is_ending.is_set() else PAUSE_SECONDS)
        finally:
            has_ended()

    def execute(run_id: str, segment: int) -> str:
        beginning = journal.begin(run_id, segment)
        task = journal.task(run_id) if beginning else None
        if task is None:
            return "nothing to do"
        reach("segment begun")
        try:
            course = Course(journal, runner, controls, task, _steps_of(task))
            finished = course.follow(is_taken_up=beginning == "taken_up")
        except NotOurs:
            return "nothing to do"
        except RunCancelled:
            journal.cancelled(run_id)
            return "cancelled"
        except CoreError as error:
            if error.code == OwnerInactive.code:
                journal.cancelled(run_id, error)
            else:
                journal.fail(run_id, error)
            return error.code
        except Exception as error:
            if is_ending.is_set() or is_passing(error):
                raise
            log.exception("run failed unexpectedly", run_id=run_id)
            journal.fail(run_id, Internal(reference=run_id))
            return "internal"
        if finished is None:
            return "waits"
        reach("run about to end")
        journal.succeed(run_id, finished.output, finished.outputs)
        return "succeeded"


def _steps_of(task: RunTask) -> Take:
    """Return how a node becomes a step.

    All step numbers are drawn first, in the graph's order: nodes may then run in any order and replay right. A step
    stores how its node went, not what it gave: that stands in the run's own memory.
    """
    steps = {node.id: DBOS.reserve_step() for node in parse_graph(task.graph).nodes}

    def take(node: Node, go: Callable[[], Outcome]) -> Outcome:
        fresh: list[Outcome] = []

        def step() -> dict[str, str | None]:
            fresh.append(go())
            return {"status": fresh[0].status, "branch": fresh[0].branch, "code": fresh[0].code}

        try:
            stored = steps[node.id].run({"name": node.id}, step)
        except Exception:
            # What it came to is in the run's memory, whether DBOS could write down that it did or not.
            if not fresh:
                raise
            log.warning("a step was not recorded", node_id=node.id)
            return fresh[0]
        reach("step recorded")
        return fresh[0] if fresh else _replayed(stored) or go()

    return take


def _replayed(stored: Mapping[str, Any]) -> Outcome | None:
    """Return the outcome of a step that ended under a release which kept it here; else it is in the memory."""
    if "output" not in stored:
        return None
    if stored["code"]:
        return Outcome("failed", code=stored["code"], message=stored["message"])
    return Outcome("succeeded", stored["output"])
