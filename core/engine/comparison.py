"""Compares two values by the operators of a type. Nothing is evaluated: an operator is a name in this list."""

from __future__ import annotations

import operator
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from core.engine.forms import FormField
from core.engine.values import ValueType, as_text, read_number, read_value

TYPES: dict[ValueType, str] = {
    "number": "Number",
    "text": "Text",
    "date": "Date",
    "boolean": "Yes or no",
    "list": "List",
}
# By type: each operator and how people read it.
OPERATORS: dict[ValueType, tuple[tuple[str, str], ...]] = {
    "number": (
        ("=", "is"),
        ("!=", "is not"),
        ("<", "is less than"),
        ("<=", "is at most"),
        (">", "is more than"),
        (">=", "is at least"),
    ),
    "text": (
        ("equals", "is"),
        ("differs", "is not"),
        ("contains", "contains"),
        ("lacks", "does not contain"),
        ("starts", "starts with"),
        ("ends", "ends with"),
        ("empty", "is empty"),
        ("filled", "is not empty"),
    ),
    "date": (("before", "is before"), ("after", "is after"), ("on", "is on the day")),
    "boolean": (("true", "is yes"), ("false", "is no")),
    "list": (
        ("contains", "contains"),
        ("lacks", "does not contain"),
        ("longer", "has more entries than"),
        ("shorter", "has fewer entries than"),
        ("empty", "is empty"),
        ("filled", "is not empty"),
    ),
}
# These look at one value only.
ALONE = frozenset({"empty", "filled", "true", "false"})
_WITH_ANOTHER = tuple(
    dict.fromkeys(name for choices in OPERATORS.values() for name, _ in choices if name not in ALONE)
)
_ORDER: dict[str, Callable[[float, float], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def form(when: tuple[str, tuple[Any, ...]]) -> tuple[FormField, ...]:
    """Return the fields that ask how to compare: ``type``, ``operator``, ``right`` and ``ignore_case``."""
    operators = (
        FormField(
            "operator",
            "Comparison",
            "choice",
            options=choices,
            is_required=True,
            shown_when=("type", (wanted,)),
        )
        for wanted, choices in OPERATORS.items()
    )
    return (
        FormField(
            "type",
            "Compare as",
            "choice",
            help="“5,000” as a number is 5000.",
            default="text",
            options=tuple(TYPES.items()),
            shown_when=when,
        ),
        *operators,
        FormField(
            "right", "With", "template", is_required=True, maximum=2000, shown_when=("operator", _WITH_ANOTHER)
        ),
        FormField(
            "ignore_case",
            "Capital and small letters are the same",
            "switch",
            default=True,
            shown_when=("type", ("text",)),
        ),
    )


def words(operator_name: str, wanted: str) -> str:
    """Return how people read an operator of a type; its name where there is none."""
    for name, choices in OPERATORS.items():
        if name == wanted:
            return dict(choices).get(operator_name, operator_name)
    return operator_name


def holds(left: Any, operator_name: str, right: Any, wanted: ValueType, *, ignore_case: bool = True) -> bool:
    """Return whether a comparison holds.

    Raises:
        ValueError: a value cannot be read as the type; a sentence that says what it should be.
    """
    if wanted == "number":
        return _ORDER[operator_name](read_number(left), read_number(right))
    if wanted == "date":
        return _dates(_moment(left), operator_name, _moment(right))
    if wanted == "boolean":
        return bool(read_value(left, "boolean")) is (operator_name == "true")
    if wanted == "list":
        return _lists(read_value(left, "list"), operator_name, right)
    return _texts(as_text(left), operator_name, as_text(right), ignore_case=ignore_case)


def _texts(left: str, operator_name: str, right: str, *, ignore_case: bool) -> bool:
    left, right = left.strip(), right.strip()
    if ignore_case:
        left, right = left.casefold(), right.casefold()
    return {
        "equals": left == right,
        "differs": left != right,
        "contains": right in left,
        "lacks": right not in left,
        "starts": left.startswith(right),
        "ends": left.endswith(right),
        "empty": not left,
        "filled": bool(left),
    }[operator_name]


def _lists(left: list[Any], operator_name: str, right: Any) -> bool:
    if operator_name in ("longer", "shorter"):
        count = read_number(right)
        return len(left) > count if operator_name == "longer" else len(left) < count
    if operator_name in ALONE:
        return bool(left) is (operator_name == "filled")
    wanted = as_text(right).strip()
    return (wanted in [as_text(one).strip() for one in left]) is (operator_name == "contains")


def _dates(left: datetime, operator_name: str, right: datetime) -> bool:
    if operator_name == "on":
        return left.date() == right.date()
    return left < right if operator_name == "before" else left > right


def _moment(given: Any) -> datetime:
    text = read_value(given, "date")
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
