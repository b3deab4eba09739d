"""The hub of events: one look for all who listen, nothing lost or twice, nothing told for longer than it may be."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from typing import Any, cast

import pytest

from app import runtime
from app.api import event_channel, event_hub
from app.api.event_hub import EventHub, Listener
from app.api.failures import TooManyListeners
from app.api.principal import Principal
from core import clock
from core.runs.models import Head, RunEvent

RUN = "run_1"


class Feed:
    """Runs whose events a test writes."""

    def __init__(self) -> None:
        self.written: list[RunEvent] = []
        self.status: Any = "running"
        self.looks = 0
        self.reads: list[tuple[int, int]] = []
        self.is_down = False

    def write(self, count: int = 1) -> None:
        for _ in range(count):
            self.written.append(RunEvent(len(self.written) + 1, clock.now(), "tick", None, {}))

    def end(self) -> None:
        self.write()
        self.status = "succeeded"

    def heads(self, run_ids: Collection[str]) -> Mapping[str, Head]:
        self.looks += 1
        if self.is_down:
            raise ConnectionError("down")
        return {run_id: Head(self.status, len(self.written)) for run_id in run_ids if run_id == RUN}

    def events(self, _run_id: str, after: int, limit: int) -> Sequence[RunEvent]:
        self.reads.append((after, limit))
        return self.written[after : after + limit]


class Caller:
    """Who calls, in the place of a principal."""

    def __init__(self, name: str = "alice") -> None:
        self.caller = name
        self.lives = True
        self.asked = 0

    def is_alive(self) -> bool:
        self.asked += 1
        return self.lives


@pytest.fixture
def feed(monkeypatch: pytest.MonkeyPatch) -> Feed:
    feed = Feed()
    monkeypatch.setattr(runtime, "get_core", lambda: type("Core", (), {"run_feed": feed}))
    monkeypatch.setattr(event_hub, "POLL_SECONDS", 0.002)
    monkeypatch.setattr(event_hub, "SOONEST_SECONDS", 0.001)
    monkeypatch.setattr(event_hub, "ALIVE_SECONDS", 0.0)
    return feed


def principal(name: str = "alice") -> tuple[Caller, Principal]:
    caller = Caller(name)
    return caller, cast(Principal, caller)


async def heard_by(listener: Listener, position: int = 0, until: int = 10**6) -> list[int]:
    """Return the numbers of what a listener hears up to one of them, or to the end."""
    found: list[int] = []
    while not (listener.has_all(position) or listener.must_leave or position >= until):
        if news := await listener.after(position):
            found += [one.event.seq for one in news]
            position = found[-1]
        else:
            await listener.changed(5)
    return found


async def looked(feed: Feed) -> None:
    """Wait for a look that began after now, and what comes of it."""
    until = feed.looks + 2
    while feed.looks < until:
        await asyncio.sleep(0.001)


def run(test: Callable[[EventHub], Coroutine[Any, Any, None]]) -> None:
    async def limited() -> None:
        hub = EventHub()
        async with asyncio.timeout(20):
            await test(hub)
            while hub._task is not None:  # it rests once nobody listens
                await asyncio.sleep(0.001)

    asyncio.run(limited())


def test_listeners_who_come_early_late_or_back_hear_every_event_once(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_channel, "KEPT_EVENTS", 10)
    monkeypatch.setattr(event_hub, "CATCH_UP_EVENTS", 7)
    _, alice = principal()

    async def one(hub: EventHub, leaves_at: int) -> list[int]:
        with hub.listen(RUN, alice) as listener:
            first = await heard_by(listener, until=leaves_at)
        await asyncio.sleep(0)
        with hub.listen(RUN, alice) as listener:
            return first + await heard_by(listener, first[-1] if first else 0)

    async def test(hub: EventHub) -> None:
        feed.write(5)
        tasks = [asyncio.create_task(one(hub, number * 3)) for number in range(20)]
        for count in (1, 3, 40, 2, 1, 60, 1):
            await looked(feed)
            feed.write(count)
        feed.end()
        tasks.append(asyncio.create_task(one(hub, 0)))
        for task in tasks:
            assert await task == list(range(1, len(feed.written) + 1))

    run(test)


def test_a_hundred_listeners_cost_one_look(feed: Feed) -> None:
    alice, who = principal()

    async def one(hub: EventHub) -> list[int]:
        with hub.listen(RUN, who) as listener:
            return await heard_by(listener)

    async def test(hub: EventHub) -> None:
        tasks = [asyncio.create_task(one(hub)) for _ in range(100)]
        await asyncio.sleep(0)
        await looked(feed)
        for _ in range(5):
            feed.write()
            await looked(feed)
        feed.end()
        assert [await task for task in tasks] == [[1, 2, 3, 4, 5, 6]] * 100

    run(test)
    assert len(feed.reads) <= 6
    assert alice.asked <= feed.looks


def test_who_does_not_listen_holds_neither_others_nor_memory(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_channel, "KEPT_BYTES", 2000)
    _, who = principal()

    async def test(hub: EventHub) -> None:
        with hub.listen(RUN, who) as slow, hub.listen(RUN, who) as quick:
            position = 0
            for _ in range(20):
                feed.write(30)
                position = (await heard_by(quick, position, until=len(feed.written)))[-1]
                assert hub._channels[RUN]._bytes <= 2000
            feed.end()
            assert await heard_by(quick, position) == [601]
            assert await heard_by(slow) == list(range(1, 602))

    run(test)


def test_a_session_that_was_ended_hears_nothing_more_and_others_go_on(feed: Feed) -> None:
    alice, hers = principal("alice")
    _, bobs = principal("bob")

    async def test(hub: EventHub) -> None:
        with hub.listen(RUN, hers) as one, hub.listen(RUN, bobs) as other:
            waits = asyncio.create_task(hub.wait_for_end(RUN, hers, 30))
            feed.write()
            assert await heard_by(one, until=1) == [1]
            alice.lives = False
            assert await heard_by(one, 1) == []
            assert one.is_revoked
            assert await waits is False
            feed.end()
            assert await heard_by(other) == [1, 2]
            assert not other.is_revoked

    run(test)


def test_waiting_ends_with_the_run_with_the_time_and_with_the_server(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, who = principal()

    async def test(hub: EventHub) -> None:
        assert await hub.wait_for_end(RUN, who, 0) is True
        assert await hub.wait_for_end(RUN, who, 0.02) is True
        waits = asyncio.create_task(hub.wait_for_end(RUN, who, 30))
        await asyncio.sleep(0)
        await looked(feed)
        feed.end()
        assert await waits is True
        feed.status = "running"
        waits = asyncio.create_task(hub.wait_for_end(RUN, who, 30))
        monkeypatch.setattr(event_hub, "server_is_stopping", lambda: True)
        assert await waits is True

    run(test)


def test_a_database_that_is_away_for_a_moment_loses_nothing(feed: Feed) -> None:
    _, who = principal()

    async def test(hub: EventHub) -> None:
        feed.is_down = True
        with hub.listen(RUN, who) as listener:
            feed.write(3)
            await looked(feed)
            feed.is_down = False
            feed.end()
            assert await heard_by(listener) == [1, 2, 3, 4]

    run(test)


def test_a_run_that_is_gone_is_over(feed: Feed) -> None:
    _, who = principal()

    async def test(hub: EventHub) -> None:
        with hub.listen("run_0", who) as listener:
            assert await heard_by(listener, 7) == []
            assert listener.status is None

    run(test)


def test_there_is_room_for_so_many_of_one_caller_and_of_all(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_hub, "MOST_LISTENERS", 3)
    monkeypatch.setattr(event_hub, "MOST_OF_ONE_CALLER", 2)
    (_, alices), (_, bobs) = principal("alice"), principal("bob")

    async def test(hub: EventHub) -> None:
        with hub.listen(RUN, alices), hub.listen(RUN, alices):
            with pytest.raises(TooManyListeners), hub.listen(RUN, alices):
                pass
            assert await hub.wait_for_end(RUN, alices, 30) is True  # at once
            with hub.listen(RUN, bobs):
                assert not hub.has_room(bobs)
        assert hub.has_room(alices)

    run(test)
