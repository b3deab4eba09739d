"""What the listeners of one run share: its newest events, written out once for all of them."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.api.run_shapes import EventShown
from core.runs.feed import RunFeed
from core.runs.models import RunEvent

# So much of a run is kept in memory while somebody watches it.
KEPT_EVENTS, KEPT_BYTES = 500, 1_000_000


@dataclass(frozen=True)
class Heard:
    """An event, and how it is written in a stream."""

    event: RunEvent
    text: bytes


@dataclass(frozen=True)
class Piece:
    """What is new in a run since event number ``since``, up to ``head``; ``status`` is None when it is gone."""

    since: int | None
    head: int
    status: str | None
    is_over: bool
    heard: Sequence[Heard] = ()


class Channel:
    """The newest events of a run. ``head`` is the last one that is known; None before the first look."""

    def __init__(self, run_id: str) -> None:
        """Begin without any: who comes first reads the past from the database."""
        self.run_id = run_id
        self.head: int | None = None
        self.status: str | None = None
        self.is_over = False
        self.listeners = 0
        self.news = asyncio.Event()
        self._kept: deque[Heard] = deque()
        self._bytes = 0

    def after(self, position: int) -> list[Heard] | None:
        """Return what is kept after event number ``position``; None when something before it is not kept."""
        if self.head is None or position >= self.head:
            return []
        first = self._kept[0].event.seq if self._kept else self.head + 1
        if position < first - 1:
            return None
        found = []
        for one in reversed(self._kept):
            if one.event.seq <= position:
                break
            found.append(one)
        return found[::-1]

    def take(self, piece: Piece) -> None:
        """Add what is new and wake the listeners, unless this was asked before the channel was."""
        if piece.since != self.head:
            return
        is_news = (self.head, self.is_over) != (piece.head, piece.is_over)
        self.head, self.status, self.is_over = piece.head, piece.status, piece.is_over
        for one in piece.heard:
            self._kept.append(one)
            self._bytes += len(one.text)
        while len(self._kept) > KEPT_EVENTS or self._bytes > KEPT_BYTES:
            self._bytes -= len(self._kept.popleft().text)
        if is_news:
            self.wake()

    def wake(self) -> None:
        """Let every listener look again."""
        self.news.set()
        self.news = asyncio.Event()


def read_pieces(feed: RunFeed, asked: Mapping[str, int | None]) -> dict[str, Piece]:
    """Return what is new in runs, given the last event that is known of each."""
    heads = feed.heads(list(asked))
    pieces = {}
    for run_id, since in asked.items():
        head = heads.get(run_id)
        if head is None:
            pieces[run_id] = Piece(since, since or 0, None, is_over=True)
            continue
        last, found = head.last_seq, []
        if since is not None and last > since:
            found = [heard(event) for event in feed.events(run_id, since, KEPT_EVENTS)]
            last = found[-1].event.seq if found else since
        is_over = not head.is_active and last >= head.last_seq
        pieces[run_id] = Piece(since, last, head.status, is_over, found)
    return pieces


def heard(event: RunEvent) -> Heard:
    """Write an event out."""
    told = EventShown.model_validate(event).model_dump(mode="json")
    # Many clients cut lines at every character that Unicode calls a line break, so these are escaped.
    data = json.dumps(told, ensure_ascii=True, separators=(",", ":"))
    return Heard(event, f"id: {event.seq}\nevent: {event.kind}\ndata: {data}\n\n".encode())
