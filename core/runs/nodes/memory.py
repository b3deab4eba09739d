"""The worker's memory of nodes: each change stands in one transaction with its event.

Nothing is written for a run that has ended, was asked to stop or goes on elsewhere: a late result is dropped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from core import clock
from core.db import Connection, Database
from core.db.engine import is_passing
from core.errors import CoreError
from core.runs import repository
from core.runs.models import Run
from core.runs.nodes import repository as nodes
from core.runs.nodes.models import NODE, NodeState
from core.runs.segments import repository as segments
from core.security.redact import redact

MAX_SHOWN = 20_000
TRIES = 16
PAUSE_SECONDS = 0.5


class NodeMemory:
    """Reads and writes what became of nodes. ``item`` is a round of a for-each node, else ``NODE``."""

    def __init__(self, db: Database) -> None:
        """Work on ``db``."""
        self._db = db
        self._doubt_listeners: list[Callable[[Connection, Run], None]] = []

    def on_doubt(self, tell: Callable[[Connection, Run], None]) -> None:
        """Call ``tell`` with a run of which something is in doubt that was not before, in that transaction."""
        self._doubt_listeners.append(tell)

    def states(self, run_id: str) -> Sequence[NodeState]:
        """Return what is known of a run's nodes and rounds."""
        with self._db.read() as connection:
            return nodes.of_run(connection, run_id)

    def rounds(self, run_id: str, node_id: str) -> Sequence[NodeState]:
        """Return what is known of the rounds of a node, in order."""
        with self._db.read() as connection:
            return [state for state in nodes.of_node(connection, run_id, node_id) if state.item != NODE]

    def state(self, run_id: str, node_id: str, item: int = NODE) -> NodeState | None:
        """Return what is known of a node or round; None when it has not begun."""
        with self._db.read() as connection:
            return nodes.one(connection, run_id, node_id, item)

    def start(self, run: Run, node_id: str, item: int = NODE) -> NodeState | None:
        """Note that a node works, and return how it stands: one that is over says what came of it.

        None: the run does not work any more, or was asked to stop.
        """
        at = clock.now()
        with self._db.transaction() as connection:
            if not segments.is_at_work(connection, run.id, run.segment, or_stopping=False):
                return None
            if nodes.start(connection, run.id, node_id, item, at):
                _tell(connection, run, at, "node_started", node_id, item)
            return nodes.one(connection, run.id, node_id, item)

    def wait(self, run: Run, node_id: str, item: int = NODE, due_at: datetime | None = None) -> bool:
        """Note that a node waits; False when the result was dropped."""
        told = {"due_at": due_at.isoformat() if due_at else None}
        return self._change(run, node_id, item, "waiting", "node_waiting", told, due_at=due_at)

    def finish(self, run: Run, node_id: str, item: int, output: Any, branch: str = "", **values: Any) -> bool:
        """Note that a node has finished with plain data that was redacted; False when the result was dropped."""
        told = {"output": _shown(output), **({"branch": branch} if branch else {})}
        if "error_code" in values:
            told["instead_of"] = {"code": values["error_code"], "message": values["error_message"]}
        return self._change(
            run,
            node_id,
            item,
            "succeeded",
            "node_finished",
            told,
            output=output,
            branch=branch,
            ended_at=clock.now(),
            **values,
        )

    def fail(self, run: Run, node_id: str, item: int, error: CoreError, branch: str = "", **values: Any) -> bool:
        """Note that a node has failed, and the way that leads on from there; False when it was dropped."""
        told = {"code": error.code, "message": redact(error.sentence)}
        return self._change(
            run,
            node_id,
            item,
            "failed",
            "node_failed",
            {**told, **({"branch": branch} if branch else {})},
            output=told,
            branch=branch,
            error_code=told["code"],
            error_message=told["message"],
            ended_at=clock.now(),
            **values,
        )

    def doubt(self, run: Run, node_id: str, item: int = NODE) -> bool:
        """Note that a node may have acted outside or not; False when it was dropped."""

        def ask(connection: Connection) -> None:
            if sum(state.status == "in_doubt" for state in nodes.of_run(connection, run.id)) == 1:
                for tell in self._doubt_listeners:
                    tell(connection, run)

        return self._change(run, node_id, item, "in_doubt", "node_in_doubt", {}, ask)

    def skip(self, run: Run, node_ids: Iterable[str]) -> bool:
        """Note that no way leads to these nodes; False when it was dropped."""
        at = clock.now()
        with self._db.transaction() as connection:
            if not segments.is_at_work(connection, run.id, run.segment):
                return False
            for node_id in node_ids:
                nodes.add(connection, run.id, [NodeState(node_id, NODE, "skipped", started_at=at, ended_at=at)])
                _tell(connection, run, at, "node_skipped", node_id, NODE)
        return True

    def act(self, run: Run, node_id: str, item: int = NODE) -> bool:
        """Note that a node is about to act outside; False when the run should not any more."""
        return self._quietly(run, node_id, item, acted_at=clock.now())

    def acted(self, run: Run, node_id: str, item: int, result: Any) -> bool:
        """Keep what came of acting outside until the node finishes."""
        return self._quietly(run, node_id, item, output={"acted": result})

    def has_not_acted(self, run: Run, node_id: str, item: int) -> bool:
        """Note that nothing happened outside after all."""
        return self._quietly(run, node_id, item, acted_at=None)

    def _quietly(self, run: Run, node_id: str, item: int, **values: Any) -> bool:
        def write(connection: Connection) -> bool:
            return nodes.change(connection, run.id, node_id, item, ("running",), **values)

        return self._patiently(run, write)

    def _change(
        self,
        run: Run,
        node_id: str,
        item: int,
        status: str,
        kind: str,
        told: dict[str, Any],
        then: Callable[[Connection], None] | None = None,
        **values: Any,
    ) -> bool:
        at = clock.now()

        def write(connection: Connection) -> bool:
            if not nodes.change(connection, run.id, node_id, item, ("running",), status=status, **values):
                # Written before the connection was lost?
                state = nodes.one(connection, run.id, node_id, item)
                return state is not None and state.status == status
            _tell(connection, run, at, kind, node_id, item, told)
            if then is not None:
                then(connection)
            return True

        return self._patiently(run, write)

    def _patiently(self, run: Run, write: Callable[[Connection], bool]) -> bool:
        """Write what a node has come to, though the database may be away for a moment: it was paid for."""
        for _ in range(TRIES - 1):
            try:
                return self._at_work(run, write)
            except Exception as error:
                if not is_passing(error):
                    raise
                time.sleep(PAUSE_SECONDS)
        return self._at_work(run, write)

    def _at_work(self, run: Run, write: Callable[[Connection], bool]) -> bool:
        with self._db.transaction() as connection:
            return segments.is_at_work(connection, run.id, run.segment) and write(connection)


def _tell(
    connection: Connection,
    run: Run,
    at: datetime,
    kind: str,
    node_id: str,
    item: int,
    data: dict[str, Any] | None = None,
) -> None:
    number = {} if item == NODE else {"round": item}
    said = kind if item == NODE else kind.replace("node_", "round_", 1)
    repository.add_event(connection, run.id, at, said, node_id, {**(data or {}), **number})


def _shown(output: Any) -> Any:
    """Return what the trace shows of an output: all of it, unless it is long."""
    from core.engine.values import as_text

    text = as_text(output)
    return output if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]} …"
