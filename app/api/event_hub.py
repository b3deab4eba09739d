"""Tells everybody who watches a run of its events; the database is asked once for all of them.

A listener keeps only its place. The newest events of a run are kept once for all its listeners; who has fallen
behind them, or comes late, reads from the database. So a slow listener holds neither others nor memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import TypeVar
from weakref import WeakKeyDictionary

from anyio import CapacityLimiter, to_thread

from app import runtime
from app.api.event_channel import Channel, Heard, Piece, heard, read_pieces
from app.api.failures import TooManyListeners
from app.api.principal import Principal
from app.http.stopping import server_is_stopping
from core import clock
from core.logs import get_logger

T = TypeVar("T")

POLL_SECONDS = 0.3
# A new listener need not wait for the next time; many that come at once cost one look.
SOONEST_SECONDS = 0.05
# A session that was ended hears nothing any more within five seconds.
ALIVE_SECONDS = 3.0
CATCH_UP_EVENTS = 200
# Open answers cost a connection and about 50 kB each.
MOST_LISTENERS, MOST_OF_ONE_CALLER = 1000, 300

log = get_logger(__name__)


class Listener:
    """Somebody who watches a run."""

    def __init__(self, hub: EventHub, channel: Channel, principal: Principal) -> None:
        """Watch what comes through ``channel``, for as long as ``principal`` may."""
        self._hub = hub
        self._channel = channel
        self.principal = principal
        self.is_revoked = False

    @property
    def must_leave(self) -> bool:
        """Whether nothing more may be told: who listens has lost the right, or the server stops."""
        return self.is_revoked or self._hub.is_closing

    @property
    def is_over(self) -> bool:
        """Whether the run has ended."""
        return self._channel.is_over

    @property
    def status(self) -> str | None:
        """The run's state as far as it is known; None when the run is gone."""
        return self._channel.status

    def has_all(self, position: int) -> bool:
        """Whether nothing comes after event number ``position`` any more."""
        is_gone = self._channel.status is None
        return self._channel.is_over and (is_gone or position >= (self._channel.head or 0))

    async def after(self, position: int) -> Sequence[Heard]:
        """Return some of the events after number ``position``, in order; none when there are none yet."""
        kept = self._channel.after(position)
        if kept is not None:
            return kept
        return await self._hub.in_thread(_read_events, self._channel.run_id, position)

    async def changed(self, seconds: float) -> bool:
        """Wait for news; False when there were none for so long."""
        try:
            async with asyncio.timeout(seconds):
                await self._channel.news.wait()
        except TimeoutError:
            return False
        return True


class EventHub:
    """Watches the runs that somebody listens to, on one event loop."""

    def __init__(self) -> None:
        """Begin with the first listener, rest after the last."""
        self._channels: dict[str, Channel] = {}
        self._listeners: dict[Listener, Channel] = {}
        self._task: asyncio.Task[None] | None = None
        self._kick = asyncio.Event()
        # Not the threads that answer requests: those may all be busy.
        self._threads = CapacityLimiter(4)
        self.is_closing = False

    def has_room(self, principal: Principal) -> bool:
        """Whether one more may listen."""
        own = sum(one.principal.caller == principal.caller for one in self._listeners)
        return len(self._listeners) < MOST_LISTENERS and own < MOST_OF_ONE_CALLER

    @contextmanager
    def listen(self, run_id: str, principal: Principal) -> Iterator[Listener]:
        """Watch a run; the caller has checked that they may see it.

        Raises:
            TooManyListeners: there is no room.
        """
        if not self.has_room(principal):
            raise TooManyListeners(wait_seconds=5)
        channel = self._channels.setdefault(run_id, Channel(run_id))
        listener = Listener(self, channel, principal)
        self._listeners[listener] = channel
        channel.listeners += 1
        self._kick.set()
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._work(), name="event hub")
        try:
            yield listener
        finally:
            del self._listeners[listener]
            channel.listeners -= 1
            if not channel.listeners and self._channels.get(run_id) is channel:
                del self._channels[run_id]

    async def wait_for_end(self, run_id: str, principal: Principal, seconds: float) -> bool:
        """Wait until a run has ended, but not for longer; False when who waits has lost the right to know.

        Where too many wait already, this does not.
        """
        if seconds <= 0 or not self.has_room(principal):
            return True
        until = clock.monotonic_seconds() + seconds
        with self.listen(run_id, principal) as listener:
            while not (listener.is_over or listener.must_leave):
                left = until - clock.monotonic_seconds()
                if left <= 0:
                    break
                await listener.changed(left)
            return not listener.is_revoked

    async def in_thread(self, call: Callable[..., T], *arguments: object) -> T:
        """Return what a call returns that reads the database."""
        return await to_thread.run_sync(partial(call, *arguments), limiter=self._threads)

    # --- inside ----------------------------------------------------------------------------------

    async def _work(self) -> None:
        asked_at = clock.monotonic_seconds()
        try:
            while self._channels:
                self._kick.clear()
                self.is_closing = server_is_stopping()
                if self.is_closing:
                    for channel in self._channels.values():
                        channel.wake()
                try:
                    await self._look()
                    if clock.monotonic_seconds() - asked_at >= ALIVE_SECONDS:
                        await self._ask_who_lives()
                        asked_at = clock.monotonic_seconds()
                except Exception as error:  # the database may be back in a moment
                    log.warning("runs could not be watched", error=type(error).__name__)
                await asyncio.sleep(SOONEST_SECONDS)
                with suppress(TimeoutError):
                    async with asyncio.timeout(POLL_SECONDS - SOONEST_SECONDS):
                        await self._kick.wait()
        finally:
            self._task = None

    async def _look(self) -> None:
        asked = {run_id: channel.head for run_id, channel in self._channels.items()}
        pieces: dict[str, Piece] = await self.in_thread(read_pieces, runtime.get_core().run_feed, asked)
        for run_id, piece in pieces.items():
            channel = self._channels.get(run_id)
            if channel is not None:
                channel.take(piece)

    async def _ask_who_lives(self) -> None:
        """Ask once for each caller, however often they listen."""
        callers = {one.principal.caller: one.principal for one in self._listeners}
        ended = await self.in_thread(_ended, list(callers.values()))
        for listener, channel in self._listeners.items():
            if listener.principal.caller in ended:
                listener.is_revoked = True
                channel.wake()


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, EventHub] = WeakKeyDictionary()


def hub() -> EventHub:
    """Return the hub of the running event loop; a server has one."""
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        _hubs[loop] = EventHub()
    return _hubs[loop]


def _read_events(run_id: str, after: int) -> list[Heard]:
    return [heard(event) for event in runtime.get_core().run_feed.events(run_id, after, CATCH_UP_EVENTS)]


def _ended(principals: Sequence[Principal]) -> set[str]:
    return {one.caller for one in principals if not one.is_alive()}
