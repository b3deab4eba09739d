"""Between a node and its model: lets a call pass when the limits of its key, person and department have room."""

from __future__ import annotations

import time
from collections.abc import Callable

from core import clock
from core.engine.control import RunControl, Stopped
from core.errors import ModelTimeout
from core.llm.pricing import Tokens
from core.quotas.failures import RateLimitReached, RateLimitTimeout
from core.quotas.models import Use
from core.quotas.rates import Rates
from core.runs.journal import RunJournal
from core.usage.models import CallOrigin

POLL_SECONDS = 0.25
# Calls that end give back what they did not use: room may come before the window says so.
LONGEST_WAIT_SECONDS = 1.0


class Gate:
    """Lets everything pass."""

    def open(self, bound: Tokens, open_call: Callable[[], str]) -> str:
        """Return the id of the call that ``open_call`` opens, as soon as it may be sent."""
        return open_call()

    def used(self, call_id: str, tokens: Tokens) -> None:
        """Say what a call has really used; one of which nothing is said counts at its bound."""


class RateGate(Gate):
    """Lets the calls of one node pass at the rate that is allowed."""

    def __init__(self, rates: Rates, journal: RunJournal, origin: CallOrigin, control: RunControl) -> None:
        """Ask ``rates``; say in ``journal`` that a call waits; obey ``control``."""
        self._rates = rates
        self._journal = journal
        self._origin = origin
        self._control = control
        self._uses: dict[str, Use] = {}
        self._has_told = False

    def open(self, bound: Tokens, open_call: Callable[[], str]) -> str:
        """Wait for room, then open the call.

        Raises:
            RateLimitTooSmall: the call never has room.
            Stopped: the run was cancelled, or the node's time was over (``RateLimitTimeout``).
        """
        use = self._room(bound.input + bound.output)
        try:
            call_id = open_call()
        except BaseException:
            self._rates.give_back(use)  # it was not sent
            raise
        self._has_told = False
        self._uses[call_id] = use
        return call_id

    def used(self, call_id: str, tokens: Tokens) -> None:
        """Give back what a call did not use, or take what it used beyond its bound."""
        if use := self._uses.pop(call_id, None):
            self._rates.settle(use, tokens.input + tokens.output)

    def _room(self, tokens: int) -> Use:
        while True:
            try:
                return self._rates.take(self._origin, tokens)
            except RateLimitReached as reached:
                self._tell(reached)
                self._pause(reached)

    def _tell(self, reached: RateLimitReached) -> None:
        if self._has_told:
            return
        self._has_told = True
        self._journal.event(
            self._origin.run_id,
            "model_call_waiting",
            self._origin.node_id,
            {"limit": reached.limit, "wait_seconds": round(reached.wait_seconds, 1)},
        )

    def _pause(self, reached: RateLimitReached) -> None:
        seconds = max(POLL_SECONDS, min(reached.wait_seconds, LONGEST_WAIT_SECONDS))
        until = clock.monotonic_seconds() + seconds
        while clock.monotonic_seconds() < until:
            try:
                self._control.check()
            except Stopped as stop:
                if isinstance(stop.error, ModelTimeout):
                    raise Stopped(RateLimitTimeout(limit=reached.limit)) from None
                raise
            time.sleep(POLL_SECONDS)
