"""Ids sort by age and say what they name; tokens cannot be guessed."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from core import clock

START = datetime(2026, 3, 1, tzinfo=UTC)


def test_an_id_says_what_it_names_and_fits_its_column() -> None:
    found = clock.new_id("worker")
    assert re.fullmatch(r"worker_[0-9a-hjkmnp-tv-z]{26}", found)
    assert len(clock.new_id("p" * 13)) == 40


def test_ids_made_later_sort_later(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    for step in (0, 0.001, 1, 60, 86400, 86400 * 365 * 1000):
        monkeypatch.setattr(clock, "now", lambda step=step: START + timedelta(seconds=step))
        made.append(clock.new_id("run"))
    assert made == sorted(made)


def test_ids_of_the_same_moment_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: START)
    assert len({clock.new_id("run") for _ in range(2000)}) == 2000


def test_now_is_aware_and_in_utc() -> None:
    before = datetime.now(UTC)
    assert before <= clock.now() <= datetime.now(UTC)
    assert clock.now().utcoffset() == timedelta(0)


def test_tokens_differ_and_carry_256_bits() -> None:
    tokens = {clock.new_token() for _ in range(200)}
    assert len(tokens) == 200
    assert {len(token) for token in tokens} == {43}
