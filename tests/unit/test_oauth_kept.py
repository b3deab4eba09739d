"""What providers publish is kept for ten minutes, and never what could not be read."""

from __future__ import annotations

import pytest

from core import clock
from core.errors import BadResponse
from core.oauth.kept import MOST, Kept


@pytest.fixture
def passed(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    moment = [0.0]
    monkeypatch.setattr(clock, "monotonic_seconds", lambda: moment[0])
    return moment


def test_a_value_is_read_again_after_ten_minutes_or_on_demand(passed: list[float]) -> None:
    kept, values = Kept(), iter(range(9))
    read = lambda: next(values)  # noqa: E731
    assert [kept.get("keys", "u", read), kept.get("keys", "u", read)] == [0, 0]
    assert kept.get("endpoints", "u", read) == 1
    assert kept.get("keys", "u", read, is_fresh=True) == 2
    passed[0] = 600
    assert kept.get("keys", "u", read) == 3


def test_a_failure_is_passed_on_and_replaces_nothing(passed: list[float]) -> None:
    def fail() -> str:
        raise BadResponse

    kept = Kept()
    with pytest.raises(BadResponse):
        kept.get("keys", "u", fail)
    assert kept.get("keys", "u", lambda: "good") == "good"
    with pytest.raises(BadResponse):
        kept.get("keys", "u", fail, is_fresh=True)
    assert kept.get("keys", "u", fail) == "good"


def test_it_does_not_grow_without_end(passed: list[float]) -> None:
    kept = Kept()
    for number in range(MOST * 3):
        kept.get("keys", str(number), lambda: "x")
    assert len(kept._found) <= MOST
