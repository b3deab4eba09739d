"""An edited value keeps the type of what it replaces."""

from __future__ import annotations

from typing import Any

import pytest

from core.approvals.editing import edited, type_of
from core.errors import Invalid

FILE = {"name": "a.txt", "media_type": "text/plain", "text": "old"}


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("words", "text"),
        ("2026-11-30", "date"),
        ("20261130", "text"),
        (5, "number"),
        (0.5, "number"),
        (True, "boolean"),
        ([], "list"),
        ({}, "object"),
        (FILE, "file"),
        (None, "any"),
    ],
)
def test_a_value_tells_its_type(value: Any, wanted: str) -> None:
    assert type_of(value) == wanted


@pytest.mark.parametrize(
    ("given", "original", "result"),
    [
        ("new", "old", "new"),
        (7, "old", "7"),
        ("1,200.50", 5, 1200.5),
        ("no", True, False),
        ("2026-12-01", "2026-11-30", "2026-12-01"),
        ("[1, 2]", [3], [1, 2]),
        (["4", 5], [3], [4, 5]),
        ([{"a": 1}, 2], [3, "x"], [{"a": 1}, 2]),
        ({"sum": "12", "to": "Bob"}, {"to": "Ann", "sum": 9}, {"sum": 12, "to": "Bob"}),
        ({"a": {"b": "1"}}, {"a": {"b": 2}}, {"a": {"b": 1}}),
        ("new", FILE, {**FILE, "text": "new"}),
        ({"name": "forged", "text": "new"}, FILE, {**FILE, "text": "new"}),
        ({"x": [1]}, None, {"x": [1]}),
    ],
)
def test_what_fits_is_taken(given: Any, original: Any, result: Any) -> None:
    assert edited(given, original) == result


@pytest.mark.parametrize(
    ("given", "original", "sentence"),
    [
        ("a lot", 5, "Enter a number"),
        (float("nan"), 5, "Enter a number"),
        ("perhaps", True, "Enter yes or no"),
        ("tomorrow", "2026-11-30", "Enter a date"),
        ("{}", [1], "Enter a list"),
        (["x"], [1], "1: Enter a number"),
        ({"a": 1}, {"a": 1, "b": 2}, "The field b is missing"),
        ({"a": 1, "c": 2}, {"a": 1}, "There is no field c"),
        ({"a": {"b": "x"}}, {"a": {"b": 2}}, r"a\.b: Enter a number"),
        ("x" * 200_001, "old", "longer than 200,000"),
        (object(), None, "not plain data"),
        (float("inf"), None, "not plain data"),
    ],
)
def test_what_does_not_fit_is_refused_with_a_sentence(given: Any, original: Any, sentence: str) -> None:
    with pytest.raises(Invalid, match=sentence) as refused:
        edited(given, original)
    assert refused.value.field == "value"


def test_a_value_that_is_nested_without_end_is_refused() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(Invalid, match="too deep"):
        edited(deep, None)
