"""A run as one DBOS workflow, a node as one step: what has finished is never done again."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import partial
from typing import Any

from dbos import DBOS

from core.engine.execution import NodeRunner, Outcome
from core.engine.graph import Graph, parse_graph
from core.errors import CoreError, Internal, OwnerInactive
from core.logs import get_logger
from core.runs.journal import RunJournal
from core.runs.models import RunTask
from core.runs.queue import WORKFLOW_NAME

MAX_PARALLEL_NODES = 8

log = get_logger(__name__)


class StoredFailure(CoreError):
    """{message}"""

    def __init__(self, code: str, message: str) -> None:
        """Carry the code and sentence that a step stored."""
        super().__init__(message=message)
        self.code = code


def register_workflow(journal: RunJournal, runner: NodeRunner, has_ended: Callable[[], None]) -> None:
    """Tell DBOS how a run is executed. The workflow's arguments are the run's id and the segment of it.

    ``has_ended`` is called whenever a run has ended here: another one may begin.
    """

    @DBOS.workflow(name=WORKFLOW_NAME)
    def run_graph(run_id: str, segment: int = 1) -> str:
        try:
            return execute(run_id, segment)
        finally:
            has_ended()

    def execute(run_id: str, segment: int) -> str:
        beginning = journal.begin(run_id, segment)
        task = journal.task(run_id) if beginning else None
        if task is None:
            return "nothing to do"
        try:
            output = _execute(journal, runner, task, beginning == "taken_up")
        except StoredFailure as failure:
            if failure.code == "cancelled":
                journal.cancelled(run_id)
            elif failure.code == OwnerInactive.code:
                journal.cancelled(run_id, failure)
            else:
                journal.fail(run_id, failure)
            return failure.code
        except CoreError as error:
            journal.fail(run_id, error)
            return error.code
        except Exception:
            log.exception("run failed unexpectedly", run_id=run_id)
            journal.fail(run_id, Internal(reference=run_id))
            return "internal"
        journal.succeed(run_id, output)
        return "succeeded"


def _execute(journal: RunJournal, runner: NodeRunner, task: RunTask, is_resumed: bool) -> str:
    graph = parse_graph(task.graph)
    if is_resumed:
        # First of all: a run that was cancelled meanwhile starts no node any more.
        runner.settle_interrupted(task, graph)
    # All step numbers are drawn first, in the graph's order: nodes may then run in any order and replay right.
    steps = {node.id: DBOS.reserve_step() for node in graph.nodes}
    values: dict[str, str] = dict(task.run.inputs)
    done: set[str] = set()
    running: dict[Future[Outcome], str] = {}
    with ThreadPoolExecutor(MAX_PARALLEL_NODES, thread_name_prefix="node") as pool:
        while len(done) < len(graph.nodes):
            for node in _ready(graph, done, running.values()):
                if journal.cancel_requested([task.run.id]):
                    raise StoredFailure("cancelled", "")
                step = partial(steps[node.id].run, {"name": node.id}, runner.run, task, graph, node, dict(values))
                running[pool.submit(contextvars.copy_context().run, step)] = node.id
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                node_id = running.pop(future)
                values[node_id] = _output(future.result())
                done.add(node_id)
    return _final(graph, values)


def _ready(graph: Graph, done: set[str], running: Any) -> list[Any]:
    busy = done | set(running)
    return [n for n in graph.nodes if n.id not in busy and set(graph.sources_of(n.id)) <= done]


def _output(outcome: Outcome) -> str:
    if outcome["code"]:
        raise StoredFailure(outcome["code"], outcome["message"] or "")
    return outcome["output"] or ""


def _final(graph: Graph, values: Mapping[str, str]) -> str:
    """Return the output of the last node, or of each last node under its name."""
    ends = graph.final_nodes()
    if len(ends) == 1:
        return values[ends[0]]
    return "\n\n".join(f"**{node_id}**\n\n{values[node_id]}" for node_id in ends)
