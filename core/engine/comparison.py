"""Compares two values by the operators of a type. Nothing is evaluated: an operator is a name in this list."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from core.engine import settings
from core.engine.forms import FormField
from core.engine.reading import read_as, read_moment
from core.engine.values import ValueType, as_text

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
# What the right value is called in sentences.
OTHER = "the value to compare with"
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


def type_of(config: Mapping[str, Any]) -> ValueType:
    """Return the type by which these settings compare."""
    given = settings.text(config, "type", "text")
    return next((name for name in TYPES if name == given), "text")


def words(operator_name: str, wanted: str) -> str:
    """Return how people read an operator of a type; its name where there is none."""
    for name, choices in OPERATORS.items():
        if name == wanted:
            return dict(choices).get(operator_name, operator_name)
    return operator_name


def holds(
    left: Any, operator_name: str, right: Any, wanted: ValueType, *, called: str, ignore_case: bool = True
) -> bool:
    """Return whether a comparison holds; ``called`` is the name of the left value.

    Raises:
        ValueWrong: a value cannot be read as the type.
    """
    if wanted == "number":
        numbers = read_as(left, "number", called), read_as(right, "number", OTHER)
        return bool(_ORDER[operator_name](*numbers))
    if wanted == "date":
        return _dates(read_moment(left, called), operator_name, read_moment(right, OTHER))
    if wanted == "boolean":
        return bool(read_as(left, "boolean", called)) is (operator_name == "true")
    if wanted == "list":
        return _lists(read_as(left, "list", called), operator_name, right)
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
        count: float = read_as(right, "number", OTHER)
        return len(left) > count if operator_name == "longer" else len(left) < count
    if operator_name in ALONE:
        return bool(left) is (operator_name == "filled")
    wanted = as_text(right).strip()
    return (wanted in [as_text(one).strip() for one in left]) is (operator_name == "contains")


def _dates(left: datetime, operator_name: str, right: datetime) -> bool:
    if operator_name == "on":
        return left.date() == right.date()
    return left < right if operator_name == "before" else left > right
