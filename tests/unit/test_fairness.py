"""Whose run is next: nobody waits behind a crowd, no limit is passed, no place stays empty without need."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import clock
from core.quotas.models import Allowance, Quota, Rules, Scope
from core.turns.fairness import Load, Waiting, ahead, choose, full

NOW = datetime(2026, 11, 24, tzinfo=UTC)
NO_RULES = Rules()


def line(owner: str, count: int, first: int = 0, department: str | None = None, key: str = "") -> list[Waiting]:
    """Return somebody's waiting runs, a second apart."""
    keys = frozenset({key} - {""})
    return [
        Waiting(f"{owner}{n}", owner, department, NOW + timedelta(seconds=first + n), keys) for n in range(count)
    ]


def rules(*limits: tuple[Scope, str, int | None]) -> Rules:
    return Rules.of(
        Quota(f"quota_{n}", scope, scope_id, Allowance(concurrent_runs=limit), clock.now())
        for n, (scope, scope_id, limit) in enumerate(limits)
    )


def test_one_run_waits_for_the_next_place_only_behind_five_hundred() -> None:
    waiting = [*line("a", 500), *line("b", 1, first=900)]
    at_work = Load({("person", "a"): 8}, {"a": NOW})
    assert choose(waiting, at_work, NO_RULES, 1) == ["b0"]


def test_who_is_alone_gets_every_place_in_order() -> None:
    assert choose(line("a", 9), Load(), NO_RULES, 4) == ["a0", "a1", "a2", "a3"]


def test_two_people_take_turns_at_one_place() -> None:
    turns = {"a": NOW, "b": NOW - timedelta(seconds=5)}
    waiting = [*line("a", 3), *line("b", 3)]
    assert choose(waiting, Load({}, turns), NO_RULES, 1) == ["b0"]
    assert choose(waiting, Load({}, {**turns, "b": NOW + timedelta(seconds=1)}), NO_RULES, 1) == ["a0"]


def test_who_never_had_a_turn_comes_first() -> None:
    waiting = [*line("a", 3), *line("b", 1, first=50)]
    assert choose(waiting, Load({}, {"a": NOW, "b": None}), NO_RULES, 2) == ["b0", "a0"]


@pytest.mark.parametrize(
    ("limits", "chosen"),
    [
        ((("person", "", 2),), ["a0", "b0", "a1", "b1"]),
        ((("person", "a", 1),), ["a0", "b0", "b1", "b2"]),
        ((("person", "", 1), ("person", "b", None)), ["a0", "b0", "b1", "b2"]),
        ((("department", "hr", 3),), ["a0", "b0", "a1"]),
        ((("department", "", 1),), ["a0"]),
        ((("department", "sales", 1),), ["a0", "b0", "a1", "b1", "a2", "b2"]),
        ((("key", "k", 1),), ["b0", "a0", "b1", "b2"]),
    ],
)
def test_limits_hold_runs_back(limits: tuple[tuple[Scope, str, int | None], ...], chosen: list[str]) -> None:
    waiting = [*line("a", 3, department="hr", key="k"), *line("b", 3, department="hr")]
    assert sorted(choose(waiting, Load(), rules(*limits), 6)) == sorted(chosen)


def test_a_run_whose_key_is_busy_does_not_hold_back_the_next_one() -> None:
    waiting = [*line("a", 2, key="busy"), *line("a", 1, first=9, key="idle")]
    waiting[2] = Waiting("other", "a", None, NOW, frozenset({"idle"}))
    assert choose(waiting, Load({("key", "busy"): 1}), rules(("key", "", 1)), 3) == ["other"]


PEOPLE = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=5)
LIMIT = st.none() | st.integers(1, 4)


@given(PEOPLE, LIMIT, LIMIT, st.integers(0, 12))
def test_choosing_is_fair_keeps_to_limits_and_leaves_no_place_empty(
    people: list[tuple[int, int]], of_person: int | None, of_department: int | None, free: int
) -> None:
    waiting, at_work = [], Counter[tuple[Scope, str]]()
    for number, (queued, working) in enumerate(people):
        owner, department = f"p{number}", "hr" if number % 2 else "sales"
        waiting += line(owner, queued, department=department)
        at_work.update({("person", owner): working, ("department", department): working})
    limits = rules(("person", "", of_person), ("department", "", of_department))
    chosen = choose(waiting, Load(at_work), limits, free)
    assert len(chosen) == len(set(chosen)) <= free
    after = Counter(at_work)
    by_id = {run.run_id: run for run in waiting}
    for run_id in chosen:
        assert full(by_id[run_id], after, limits) is None
        after.update(by_id[run_id].subjects)
    left = [run for run in waiting if run.run_id not in chosen]
    could = [run for run in left if full(run, after, limits) is None]
    assert len(chosen) == free or not could
    for begun in (by_id[run_id] for run_id in chosen):
        for run in could:
            # Whoever could still begin has at most one run fewer at work than anybody who got a place.
            assert after["person", begun.owner_id] <= after["person", run.owner_id] + 1


@given(PEOPLE)
def test_no_more_runs_begin_before_mine_than_is_said(people: list[tuple[int, int]]) -> None:
    waiting, counts = [], {}
    at_work: dict[tuple[Scope, str], int] = {}
    for number, (queued, working) in enumerate(people):
        waiting += line(f"p{number}", queued)
        counts[f"p{number}"] = queued
        at_work["person", f"p{number}"] = working
    order = choose(waiting, Load(at_work), NO_RULES, len(waiting))
    for run in waiting:
        said = ahead(int(run.run_id[2:]), run.owner_id, counts, at_work)
        # At a tie either may be first: each other person can be one run further.
        assert said <= order.index(run.run_id) <= said + len(people) - 1
