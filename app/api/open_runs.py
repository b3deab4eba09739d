"""Runs that an open request waits for: followed while it is open, cancelled when nobody waits any more.

How often the database is asked stands here and nowhere else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from typing import Self, TypeVar

import anyio
from anyio import to_thread
from anyio.lowlevel import RunVar

from app import runtime
from app.api.failures import NotSignedIn, Stopping, TooManyOpen
from app.api.principal import Principal
from app.http.stopping import server_is_stopping
from core import clock
from core.runs.models import Run, RunEvent

T = TypeVar("T")
# The database is asked more and more seldom while nothing happens.
POLL_SECONDS, LONGEST_POLL_SECONDS, SLOWER = 0.3, 1.0, 1.1
# A token that is revoked ends what is open within five seconds: this, and the longest pause.
ALIVE_SECONDS = 3.0
MOST, MOST_OF_ONE = 200, 20
RETRY_SECONDS = 5
# A slow database must not take all the threads of the web process.
THREADS = 8
# So long a run has to wait before a request gives up on it.
WAIT_SECONDS = 2.0
WAITS = frozenset({"run_waiting", "node_waiting"})
ENDS = frozenset({"run_succeeded", "run_failed", "run_cancelled"})

_open: Counter[str] = Counter()
_limiter: RunVar[anyio.CapacityLimiter] = RunVar("threads of open runs")


class OpenRun:
    """A run and whoever waits for it. Close it in a ``finally``."""

    def __init__(self, principal: Principal) -> None:
        """Take a place for ``principal``; raises ``TooManyOpen`` when there is none."""
        user_id = principal.user.id
        if _open.total() >= MOST or _open[user_id] >= MOST_OF_ONE:
            raise TooManyOpen(wait_seconds=RETRY_SECONDS)
        _open[user_id] += 1
        self._principal = principal
        self._run: Run | None = None
        self._has_ended = False
        self._is_closed = False

    @classmethod
    async def start(cls, principal: Principal, begin: Callable[[], Run]) -> Self:
        """Start a run by ``begin``.

        Raises:
            TooManyOpen: too many requests wait already.
            CoreError: what ``begin`` raises.
        """
        opened = cls(principal)
        try:
            with anyio.CancelScope(shield=True):  # once it has started it is known, so that it can be cancelled
                opened._run = await in_thread(begin)
        except BaseException:
            await opened.close()
            raise
        return opened

    @property
    def run(self) -> Run:
        """The run as it was started."""
        assert self._run is not None  # noqa: S101 - who has it got it from ``start``
        return self._run

    async def events(self) -> AsyncIterator[Sequence[RunEvent]]:
        """Yield what has happened since, in order; an empty piece now and then; end with the run.

        They end, too, when it waits for a person or a time: nobody holds a request open for that, and the run goes
        on without one.

        Raises:
            NotSignedIn: the caller was signed out, or the token revoked.
            Stopping: the server stops.
        """
        core, user, seq = runtime.get_core(), self._principal.user, 0
        asked_at, pause_seconds = clock.monotonic_seconds(), POLL_SECONDS
        waits_since: float | None = None
        while not self._has_ended:
            found = await in_thread(partial(core.runs.events, user, self.run.id, seq))
            if found:
                seq = found[-1].seq
                self._has_ended = any(event.kind in ENDS for event in found)
            yield found
            if self._has_ended:
                return
            if found:
                waits_since = clock.monotonic_seconds() if found[-1].kind in WAITS else None
            elif waits_since is not None and clock.monotonic_seconds() - waits_since >= WAIT_SECONDS:
                if await in_thread(self._only_waits):
                    self._has_ended = True
                    return
                waits_since = clock.monotonic_seconds()
            if server_is_stopping():
                raise Stopping(wait_seconds=RETRY_SECONDS)
            if clock.monotonic_seconds() - asked_at >= ALIVE_SECONDS:
                asked_at = clock.monotonic_seconds()
                if not await in_thread(self._principal.is_alive):
                    raise NotSignedIn
            pause_seconds = POLL_SECONDS if found else min(pause_seconds * SLOWER, LONGEST_POLL_SECONDS)
            await anyio.sleep(pause_seconds)

    def _only_waits(self) -> bool:
        """Whether the run waits, and nothing inside it works."""
        runs, user = runtime.get_core().runs, self._principal.user
        if runs.get(user, self.run.id).status != "waiting":
            return False
        return all(child.status not in ("queued", "running") for child in runs.lineage(user, self.run.id).children)

    async def result(self) -> Run:
        """Return the run as it is now."""
        runs = runtime.get_core().runs
        return await in_thread(lambda: runs.get(self._principal.user, self.run.id))

    async def close(self) -> None:
        """Give the place back, and cancel the run unless its end was seen."""
        if self._is_closed:
            return
        self._is_closed = True
        user_id = self._principal.user.id
        _open[user_id] -= 1
        if _open[user_id] <= 0:
            del _open[user_id]
        if self._run is None or self._has_ended:
            return
        runs, run_id = runtime.get_core().runs, self._run.id
        with anyio.CancelScope(shield=True):
            await in_thread(lambda: runs.cancel(self._principal.user, run_id))


async def in_thread(work: Callable[[], T]) -> T:
    """Do what waits for the database in one of a few threads."""
    try:
        limiter = _limiter.get()
    except LookupError:
        limiter = anyio.CapacityLimiter(THREADS)
        _limiter.set(limiter)
    return await to_thread.run_sync(work, limiter=limiter)
