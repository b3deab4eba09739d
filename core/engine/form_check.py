"""Checks a node's settings against the form of its kind, so that no kind has to say for itself what a text is."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from core.engine.forms import FormField, setting, shown
from core.engine.graph import MAX_ID, RESERVED, Node
from core.engine.problems import Problem
from core.engine.values import FIELD_TYPES

MISSING = "setting_missing"
WRONG = "setting_wrong"
APPROVERS = ("person", "role", "department")
_PATH = re.compile(r"[\w-]+(?:\.[\w-]+)*")
_NAME = re.compile(r"[\w-]+")
# What is read as text, if nothing more is known of it.
_TEXTS = frozenset({"line", "text", "template", "choice", "agent", "tool", "workflow", "key", "model"})

# Of each field: what is wrong with it, as the end of a sentence.
Found = Iterator[tuple[str, str]]


def form_problems(node: Node, form: Sequence[FormField]) -> Iterator[Problem]:
    """Yield what is missing in a node's settings or has not the form that its field asks for."""
    for field in shown(form, node.config):
        for code, what in _of_field(field, setting(field, node.config)):
            yield Problem(code, f"{node.title}: {what}.", node.id, field.name)


def wrong(node: Node, field: str, what: str) -> Problem:
    """Return the problem of a setting that is of the right form and makes no sense."""
    return Problem(WRONG, f"{node.title}: {what}", node.id, field)


def missing(node: Node, field: str, what: str) -> Problem:
    """Return the problem of something that is not there yet."""
    return Problem(MISSING, f"{node.title}: {what}", node.id, field)


def _of_field(field: FormField, value: Any) -> Found:
    if value is None or value in ("", [], {}, ()):
        if field.is_required:
            yield MISSING, f"{field.label} is missing"
        return
    checks = {
        "reference": _reference,
        "references": _references,
        "number": _number,
        "whole": _number,
        "switch": lambda field, value: _when(not isinstance(value, bool), f"{field.label} is not yes or no"),
        "moment": _moment,
        "choices": _texts,
        "agents": _texts,
        "tools": _texts,
        "approver": _approver,
        "fields": _fields,
        "rows": _rows,
        "group": _group,
        "node": _node,
        "arguments": _templates,
        "inputs": _templates,
    }
    check: Callable[[FormField, Any], Found] = _text if field.widget in _TEXTS else checks.get(field.widget, _any)
    yield from check(field, value)


def _any(field: FormField, value: Any) -> Found:
    yield from ()


def _when(is_wrong: bool, what: str) -> Found:
    if is_wrong:
        yield WRONG, what


def _text(field: FormField, value: Any) -> Found:
    if not isinstance(value, str):
        yield WRONG, f"{field.label} is not text"
    elif not value.strip() and field.is_required:
        yield MISSING, f"{field.label} is missing"
    elif field.maximum is not None and len(value) > field.maximum:
        yield WRONG, f"{field.label} is longer than {field.maximum:,.0f} characters"
    elif field.widget == "choice" and value not in dict(field.options):
        yield WRONG, f"{field.label} is not one of the choices"


def _texts(field: FormField, value: Any) -> Found:
    if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
        yield WRONG, f"{field.label} is not a list of names"
        return
    if len(set(value)) < len(value):
        yield WRONG, f"{field.label} has something twice"
    if field.widget == "choices" and not set(value) <= set(dict(field.options)):
        yield WRONG, f"{field.label} has something that is not one of the choices"
    yield from _count(field, value)


def _count(field: FormField, value: Sequence[Any]) -> Found:
    if field.minimum is not None and len(value) < field.minimum:
        yield MISSING, f"{field.label} needs at least {field.minimum:g} entries"
    if field.maximum is not None and len(value) > field.maximum:
        yield WRONG, f"{field.label} has more than {field.maximum:g} entries"


def _reference(field: FormField, value: Any) -> Found:
    yield from _when(
        not isinstance(value, str) or not _PATH.fullmatch(value),
        f"{field.label} is not the name of a value, such as node.field, without braces",
    )


def _references(field: FormField, value: Any) -> Found:
    yield from _when(
        not isinstance(value, list) or not all(isinstance(one, str) and _PATH.fullmatch(one) for one in value),
        f"{field.label} is not a list of names of values, such as node.field, without braces",
    )


def _number(field: FormField, value: Any) -> Found:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or (isinstance(value, float) and not math.isfinite(value)):
        yield WRONG, f"{field.label} is not a number"
    elif field.widget == "whole" and value != int(value):
        yield WRONG, f"{field.label} is not a whole number"
    elif field.minimum is not None and value < field.minimum:
        yield WRONG, f"{field.label} is less than {field.minimum:g}"
    elif field.maximum is not None and value > field.maximum:
        yield WRONG, f"{field.label} is more than {field.maximum:,g}"


def _moment(field: FormField, value: Any) -> Found:
    try:
        datetime.fromisoformat(value)
    except (ValueError, TypeError):
        yield WRONG, f"{field.label} is not a moment, such as 2026-11-30T09:00+01:00"


def _approver(field: FormField, value: Any) -> Found:
    if not isinstance(value, Mapping) or value.get("kind") not in APPROVERS:
        yield WRONG, f"{field.label} is not a person, a role or a department"
    elif not isinstance(value.get("id"), str) or not value["id"]:
        yield MISSING, f"{field.label} is missing"


def _fields(field: FormField, value: Any) -> Found:
    if not isinstance(value, list):
        yield WRONG, f"{field.label} is not a list"
        return
    names: set[str] = set()
    for number, row in enumerate(value, 1):
        if not isinstance(row, Mapping):
            yield WRONG, f"{field.label}, entry {number} is not an object"
            continue
        name = row.get("name")
        if not isinstance(name, str) or not name:
            yield MISSING, f"{field.label}, entry {number} has no name"
        elif len(name) > MAX_ID or not _NAME.fullmatch(name):
            yield WRONG, f"{field.label}, entry {number}: a name has letters, digits, _ and - only"
        elif name in RESERVED:
            yield WRONG, f"{field.label}, entry {number}: nothing can be called {name}"
        elif name in names:
            yield WRONG, f"{field.label} has two entries called {name}"
        else:
            names.add(name)
        if row.get("type", "text") not in FIELD_TYPES:
            yield WRONG, f"{field.label}, entry {number} has a type that does not exist"
        if not isinstance(row.get("help", ""), str):
            yield WRONG, f"{field.label}, entry {number}: the help is not text"
        if not isinstance(row.get("is_required", True), bool):
            yield WRONG, f"{field.label}, entry {number}: required is not yes or no"
    yield from _count(field, value)


def _rows(field: FormField, value: Any) -> Found:
    if not isinstance(value, list):
        yield WRONG, f"{field.label} is not a list"
        return
    for number, row in enumerate(value, 1):
        if isinstance(row, Mapping):
            yield from _columns(field, row, f"{field.label}, entry {number}")
        else:
            yield WRONG, f"{field.label}, entry {number} is not an object"
    yield from _count(field, value)


def _group(field: FormField, value: Any) -> Found:
    if isinstance(value, Mapping):
        yield from _columns(field, value, field.label)
    else:
        yield WRONG, f"{field.label} is not an object"


def _columns(field: FormField, row: Mapping[str, Any], called: str) -> Found:
    for column in shown(field.columns, row):
        for code, what in _of_field(column, setting(column, row)):
            yield code, f"{called}: {what}"


def _node(field: FormField, value: Any) -> Found:
    if not isinstance(value, Mapping):
        yield WRONG, f"{field.label} is not an object"
    elif not isinstance(value.get("kind"), str) or value["kind"] not in dict(field.options):
        yield WRONG, f"{field.label} is of no kind that can stand there"


def _templates(field: FormField, value: Any) -> Found:
    yield from _when(
        not isinstance(value, Mapping)
        or not all(isinstance(key, str) and isinstance(text, str) for key, text in value.items()),
        f"{field.label} is not an object of texts",
    )
