"""The fake's own account of what it was asked and what it billed, apart from the product's count."""

import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal, NamedTuple

from tests.fakes.http import Request
from tests.fakes.wire import key_of

Outcome = Literal["pending", "answered", "fault", "client_gone"]


class Totals(NamedTuple):
    """Billed calls and tokens: answered chats only."""

    calls: int
    tokens_in: int
    tokens_out: int


@dataclass
class RequestRecord:
    n: int
    at: float
    path: str
    key: str
    model: str
    stream: bool
    message_count: int
    tool_names: list[str]
    markers: list[str]
    outcome: Outcome
    tokens_in: int
    tokens_out: int
    body: str
    is_chat: bool = False
    method: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        return asdict(self)


class RequestLog:
    """Written by the server's thread, read by the test's."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._records: list[RequestRecord] = []
        self._in_flight = 0
        self.max_in_flight = 0

    def open_record(self, request: Request) -> RequestRecord:
        text = request.text()
        with self._changed:
            record = RequestRecord(
                n=len(self._records) + 1,
                at=time.time(),
                path=request.path,
                key=key_of(request),
                model="",
                stream=False,
                message_count=0,
                tool_names=[],
                markers=re.findall(r"MARK-[\w-]+", text),
                outcome="pending",
                tokens_in=0,
                tokens_out=0,
                body=text,
                method=request.method,
                headers=dict(request.headers),
            )
            self._records.append(record)
            self._in_flight += 1
            self.max_in_flight = max(self.max_in_flight, self._in_flight)
            self._changed.notify_all()
        return record

    def close_record(
        self, record: RequestRecord, outcome: Outcome, tokens_in: int = 0, tokens_out: int = 0
    ) -> None:
        """The first outcome stays; later ones are not heard."""
        with self._changed:
            if record.outcome == "pending":
                record.outcome, record.tokens_in, record.tokens_out = outcome, tokens_in, tokens_out
                self._in_flight -= 1
                self._changed.notify_all()

    def records(self) -> list[RequestRecord]:
        with self._changed:
            return list(self._records)

    def totals(self, key: str | None = None) -> Totals:
        billed = [
            record
            for record in self.records()
            if record.is_chat and record.outcome == "answered" and key in (None, record.key)
        ]
        return Totals(len(billed), sum(r.tokens_in for r in billed), sum(r.tokens_out for r in billed))

    def wait_until(self, is_enough: Callable[[list[RequestRecord]], bool], timeout_seconds: float) -> bool:
        give_up_at = time.monotonic() + timeout_seconds
        with self._changed:
            while not is_enough(self._records):
                left = give_up_at - time.monotonic()
                if left <= 0:
                    return False
                # Asked again and again: a record tells more of itself after it was announced.
                self._changed.wait(min(left, 0.05))
            return True

    def clear(self) -> None:
        with self._changed:
            # Requests still under way keep counting as in flight until they end.
            self._records = []
            self.max_in_flight = self._in_flight
