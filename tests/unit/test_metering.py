"""Streamed text leaves in whole words, and a call is booked by what it may have cost."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from core import clock
from core.engine.control import RunControl, Stopped
from core.engine.metering import MAX_HELD_BACK, ActiveCall, NodeMeter
from core.errors import BadKey, BadResponse, CoreError, ModelTimeout, RateLimited, RunCancelled
from core.llm.pricing import Cost, Tokens
from core.runs.journal import RunJournal
from core.security import redact as redaction
from core.security.redact import MASK, redact_tree, register_secret
from core.usage.models import CallOrigin
from core.usage.service import Usage

ORIGIN = CallOrigin("run_1", "agent", None, "user_1", None, "key_1", "openai", "gpt-4o")
BOUND = Tokens(100, 10_000)


@dataclass
class Books:
    """Stands for usage and journal; the journal redacts as the real one does."""

    events: list[tuple[str, Any]] = field(default_factory=list)
    booked: list[tuple[Any, ...]] = field(default_factory=list)

    def open_call(self, origin: CallOrigin, bound: Tokens, own: object = None) -> str:
        self.booked.append(("open", bound))
        return "call_1"

    def settle(self, call_id: str, origin: CallOrigin, tokens: Tokens | None, *_: object) -> Cost:
        self.booked.append(("settle", tokens))
        return Cost(7, "test")

    def fail(self, call_id: str, code: str, duration_ms: int) -> None:
        self.booked.append(("fail", code))

    def interrupt(self, call_id: str, origin: CallOrigin, bound: Tokens, *_: object) -> Cost:
        self.booked.append(("interrupt", bound))
        return Cost(9, "test")

    def event(self, run_id: str, kind: str, node_id: str | None, data: Any) -> None:
        self.events.append((kind, redact_tree(dict(data))))

    def shown(self) -> list[str]:
        return [data["text"] for kind, data in self.events if kind == "model_text"]


class Clock:
    """Time that passes only when told."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Clock:
    stopped = Clock()
    monkeypatch.setattr(clock, "monotonic_seconds", stopped)
    monkeypatch.setattr(redaction, "_secrets", set())
    return stopped


@pytest.fixture
def books() -> Books:
    return Books()


@pytest.fixture
def control(time: Clock) -> RunControl:
    return RunControl("run_1", 3600)


@pytest.fixture
def call(books: Books, control: RunControl) -> ActiveCall:
    return NodeMeter(cast(Usage, books), cast(RunJournal, books), ORIGIN, None, control).begin(BOUND)


def _stream(call: ActiveCall, time: Clock, pieces: list[str]) -> None:
    for piece in pieces:
        time.seconds += 0.3
        call.text(piece)


def test_a_reader_sees_streamed_text_in_whole_words(call: ActiveCall, books: Books, time: Clock) -> None:
    _stream(call, time, ["Hel", "lo wor", "ld\nof ", "words"])
    assert books.shown() == ["Hello ", "world\nof "]
    call.answered(Tokens(1, 1))
    assert "".join(books.shown()) == "Hello world\nof words"


def test_a_reader_gets_no_event_for_each_of_many_fast_pieces(call: ActiveCall, books: Books, time: Clock) -> None:
    for _ in range(100):
        time.seconds += 0.01
        call.text("word ")
    assert 3 <= len(books.shown()) <= 4
    call.answered(None)
    assert "".join(books.shown()) == "word " * 100


@pytest.mark.parametrize("length", [12, 150, 250, 1999, 2000])
@pytest.mark.parametrize("before", ["say ", "x" * 1990, "y" * 3000 + ","], ids=len)
def test_a_reader_never_sees_a_secret_split_over_pieces(
    call: ActiveCall, books: Books, time: Clock, length: int, before: str
) -> None:
    secret = ("Zk0" + "abcdefghij" * 200)[:length]
    register_secret(secret)
    text = before + secret + ", and" + "z" * 2500 + " more words"
    _stream(call, time, [text[i : i + 7] for i in range(0, len(text), 7)])
    call.answered(None)
    assert "".join(books.shown()) == text.replace(secret, MASK)


def test_a_word_without_end_is_shown_in_parts(call: ActiveCall, books: Books, time: Clock) -> None:
    _stream(call, time, ["x" * 1000] * 10)
    assert sum(map(len, books.shown())) == 10_000 - MAX_HELD_BACK
    call.answered(None)
    assert "".join(books.shown()) == "x" * 10_000


def test_an_answered_call_is_settled_with_the_providers_count(call: ActiveCall, books: Books) -> None:
    call.answered(Tokens(10, 5, 2))
    assert books.booked == [("open", BOUND), ("settle", Tokens(10, 5, 2))]
    assert books.events[-1][0] == "model_call_finished"
    assert books.events[-1][1]["cost_micros"] == 7


@pytest.mark.parametrize("error", [BadKey(), RateLimited()], ids=lambda error: error.code)
def test_a_refused_call_is_booked_as_free(call: ActiveCall, books: Books, error: CoreError) -> None:
    call.failed(error)
    assert books.booked[-1] == ("fail", error.code)
    assert books.events[-1] == (
        "model_call_failed",
        {"call_id": "call_1", "code": error.code, "message": error.sentence},
    )


@pytest.mark.parametrize("error", [ModelTimeout(), RunCancelled()], ids=lambda error: error.code)
def test_a_call_given_up_on_is_booked_at_its_bound(call: ActiveCall, books: Books, error: CoreError) -> None:
    call.failed(error)
    assert books.booked[-1] == ("interrupt", BOUND)


def test_a_call_that_broke_off_while_answering_is_booked_at_its_bound(
    call: ActiveCall, books: Books, time: Clock
) -> None:
    _stream(call, time, ["Half an ans"])
    call.failed(CoreError())
    assert books.booked[-1] == ("interrupt", BOUND)
    assert "".join(books.shown()) == "Half an ans"


def test_a_call_whose_answer_cannot_be_read_is_booked_at_its_bound(books: Books, control: RunControl) -> None:
    taken = [3, 3]
    meter = NodeMeter(
        cast(Usage, books), cast(RunJournal, books), ORIGIN, None, control, accepted=lambda: taken.pop(0)
    )
    meter.begin(BOUND).failed(BadResponse())
    assert books.booked[-1] == ("fail", "bad_response")  # refused: nothing was taken in between
    taken[:] = [3, 4]
    meter.begin(BOUND).failed(BadResponse())
    assert books.booked[-1] == ("interrupt", BOUND)


def test_a_stopped_run_opens_no_further_call(books: Books, control: RunControl) -> None:
    control.stop("cancelled")
    meter = NodeMeter(cast(Usage, books), cast(RunJournal, books), ORIGIN, None, control)
    with pytest.raises(Stopped) as caught:
        meter.begin(BOUND)
    assert caught.value.error.code == "cancelled"
    assert books.booked == []


def test_a_stream_ends_when_its_time_is_over(call: ActiveCall, time: Clock) -> None:
    call.text("in time ")
    time.seconds += 3601
    with pytest.raises(Stopped) as caught:
        call.text("too late")
    assert caught.value.error.code == "timeout"
