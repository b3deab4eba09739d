"""The rounds of a for-each node: several at once, each remembered by itself, none done twice."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from threading import Lock
from typing import TYPE_CHECKING, Any

from core.engine.control import Stopped
from core.engine.crash_points import reach
from core.engine.failures import InDoubt
from core.engine.fitting import fitting
from core.errors import CoreError, Internal, RunCancelled
from core.logs import get_logger

if TYPE_CHECKING:
    from core.engine.nodes.base import NodeContext, Result

MOST_PARALLEL = 8

RunOne = Callable[["NodeContext", Any], "Result"]

log = get_logger(__name__)


class Rounds:
    """Runs the rounds of one node that are not over."""

    def __init__(self, context: NodeContext, items: Sequence[Any], run_one: RunOne) -> None:
        """Take over what is remembered."""
        self._context = context
        self._items = items
        self._run_one = run_one
        self._memory = context.services.journal.nodes
        self._limit_seconds = context.control.limit_seconds
        self._lock = Lock()
        self._dues: list[datetime | None] = []
        self._error: BaseException | None = None
        known = {state.item: state for state in self._memory.rounds(context.run.id, context.node_id)}
        self._outputs: dict[int, Any] = {
            n: state.output for n, state in known.items() if state.status == "succeeded"
        }
        ahead = [n for n in range(len(items)) if n not in self._outputs]
        # What waits keeps its place among those that may be at work at once.
        ahead.sort(key=lambda n: n not in known or known[n].status not in ("waiting", "in_doubt"))
        self._ahead = iter(ahead)

    def run(self, parallel: int) -> Result:
        """Run them, at most so many at once.

        Raises:
            CoreError: the first round that failed; others were let come to their end.
        """
        from core.engine.nodes.base import Done, Waiting

        self._context.control.lift_deadline()
        places = min(max(1, parallel), MOST_PARALLEL, max(1, len(self._items)))
        with ThreadPoolExecutor(places, thread_name_prefix="round") as pool:
            for place in [pool.submit(contextvars.copy_context().run, self._fill_place) for _ in range(places)]:
                place.result()
        if self._error is not None:
            raise self._error
        if self._dues:
            return Waiting(min((due_at for due_at in self._dues if due_at is not None), default=None))
        return Done([self._outputs[n] for n in range(len(self._items))])

    def _fill_place(self) -> None:
        """Run one round after the other; one that waits takes the place."""
        while self._error is None and (number := self._next()) is not None:
            try:
                if not self._round(number):
                    return
            except (CoreError, Stopped) as error:
                self._error = self._error or error

    def _next(self) -> int | None:
        with self._lock:
            return next(self._ahead, None)

    def _round(self, number: int) -> bool:
        """Run a round; False when it waits."""
        from core.engine.nodes.base import Waiting

        context, run = self._context, self._context.run
        context.control.check()
        state = self._memory.start(run, context.node_id, number)
        if state is None:
            raise RunCancelled
        if state.status == "in_doubt":
            self._dues.append(None)
            return False
        reach("round started")
        try:
            result = self._once(number)
            if isinstance(result, Waiting):
                self._kept(self._memory.wait(run, context.node_id, number, result.due_at))
                self._dues.append(result.due_at)
                return False
            output = fitting(result.output)
        except InDoubt:
            self._kept(self._memory.doubt(run, context.node_id, number))
            self._dues.append(None)
            return False
        except CoreError as error:
            if not isinstance(error, RunCancelled):
                self._kept(self._memory.fail(run, context.node_id, number, error))
            raise
        self._kept(self._memory.finish(run, context.node_id, number, output))
        reach("round finished")
        self._outputs[number] = output
        return True

    def _once(self, number: int) -> Result:
        context = self._context
        with context.controls.node(context.run.id, self._limit_seconds, context.node_id) as control:
            services = replace(context.services, journal=context.services.journal.of_round(number))
            inner = replace(context, services=services, control=control, item=number)
            try:
                return self._run_one(inner, self._items[number])
            except CoreError:
                raise
            except Stopped as stop:
                raise stop.error from None
            except Exception as error:
                log.exception("a round failed unexpectedly", run_id=context.run.id, node_id=context.node_id)
                raise Internal(reference=context.run.id) from error

    @staticmethod
    def _kept(is_kept: bool) -> None:
        if not is_kept:
            raise RunCancelled
