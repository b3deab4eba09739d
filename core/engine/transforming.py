"""The operations of a transform node, each a function of a value and the node's settings. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from core.engine import comparison, settings
from core.engine.reading import ValueMissing, read_as, read_json, wrong_value
from core.engine.template import fill_value
from core.engine.values import as_text, read_number

# Above this a whole number has no float of its own.
EXACT = 2**53
Config = Mapping[str, Any]
Values = Mapping[str, Any]


def transformed(given: Any, config: Config, called: str, values: Values) -> Any:
    """Return a value after the operation in ``config``; ``called`` is its name in sentences.

    Raises:
        ValueWrong: it, or an entry of it, is not what the operation works on.
        ValueMissing: an entry has not the field that is asked for.
    """
    operation = settings.text(config, "operation", "pick")
    if operation == "filter":
        return _filter(read_as(given, "list", called), config, called, values)
    if operation in _OF_LISTS:
        return _OF_LISTS[operation](read_as(given, "list", called), config, called)
    return _OTHERS[operation](given, config, called)


def _pick(given: Any, config: Config, called: str) -> Any:
    names = [settings.text(row, "name") for row in settings.rows(config, "fields")]
    return _each(given, called, lambda one: {name: one[name] for name in names if name in one})


def _rename(given: Any, config: Config, called: str) -> Any:
    names = {settings.text(row, "old"): settings.text(row, "new") for row in settings.rows(config, "names")}
    return _each(given, called, lambda one: {names.get(name, name): value for name, value in one.items()})


def _each(given: Any, called: str, change: Callable[[Mapping[str, Any]], Any]) -> Any:
    """Change an object, or each object of a list."""
    data = read_json(given, called)
    if isinstance(data, list):
        return [change(read_as(one, "object", f"entry {number} of {called}")) for number, one in enumerate(data, 1)]
    return change(read_as(data, "object", called))


def _filter(given: list[Any], config: Config, called: str, values: Values) -> list[Any]:
    wanted = comparison.type_of(config)
    right = fill_value(settings.text(config, "right"), values)
    return [
        one
        for number, one in enumerate(given, 1)
        if comparison.holds(
            _part(one, config, called, number),
            settings.text(config, "operator"),
            right,
            wanted,
            called=_named(config, called, number),
            ignore_case=settings.switch(config, "ignore_case", default=True),
        )
    ]


def _sort(given: list[Any], config: Config, called: str) -> list[Any]:
    """Sort by numbers where all are, else by text; equals keep their order."""
    parts = [_part(one, config, called, number) for number, one in enumerate(given, 1)]
    keys: Sequence[Any]
    try:
        keys = [read_number(part) for part in parts]
    except ValueError:
        keys = [as_text(part).casefold() for part in parts]
    order = sorted(
        range(len(given)), key=lambda place: keys[place], reverse=settings.switch(config, "is_descending")
    )
    return [given[place] for place in order]


def _unique(given: list[Any], config: Config, called: str) -> list[Any]:
    found: dict[str, Any] = {}
    for number, one in enumerate(given, 1):
        part = _part(one, config, called, number)
        found.setdefault(json.dumps(part, sort_keys=True, default=str), one)
    return list(found.values())


def _sum(given: list[Any], config: Config, called: str) -> int | float:
    """Add up as people write numbers: 0.1 and 0.2 are 0.3."""
    parts = (
        read_as(_part(one, config, called, number), "number", _named(config, called, number))
        for number, one in enumerate(given, 1)
    )
    total = sum((Decimal(str(part)) for part in parts), Decimal(0))
    if total == total.to_integral_value() and abs(total) < EXACT:
        return int(total)
    if math.isfinite(found := float(total)):
        return found
    raise wrong_value(given, "a list of numbers that can be added up", called)


def _join(given: list[Any], config: Config, called: str) -> str:
    parts = (as_text(_part(one, config, called, number)) for number, one in enumerate(given, 1))
    return _separator(config).join(parts)


def _split(given: Any, config: Config, called: str) -> list[str]:
    parts = (part.strip() for part in as_text(given).split(_separator(config)))
    return [part for part in parts if part]


def _first(given: list[Any], config: Config, called: str) -> Any:
    return _end(given, 0, called)


def _last(given: list[Any], config: Config, called: str) -> Any:
    return _end(given, -1, called)


def _end(given: list[Any], place: int, called: str) -> Any:
    if not given:
        raise wrong_value(given, "a list with an entry", called)
    return given[place]


def _separator(config: Config) -> str:
    return settings.text(config, "separator") or "\n"


def _part(one: Any, config: Config, called: str, number: int) -> Any:
    """Return the field of an entry that is asked for, or the entry itself."""
    name = settings.text(config, "field")
    if not name:
        return one
    if not isinstance(one, Mapping) or name not in one:
        raise ValueMissing(path=f"{name} of entry {number} of {called}")
    return one[name]


def _named(config: Config, called: str, number: int) -> str:
    name = settings.text(config, "field")
    return f"{name} of entry {number} of {called}" if name else f"entry {number} of {called}"


_OF_LISTS: Mapping[str, Callable[[list[Any], Config, str], Any]] = {
    "sort": _sort,
    "unique": _unique,
    "first": _first,
    "last": _last,
    "count": lambda given, config, called: len(given),
    "sum": _sum,
    "join": _join,
}
_OTHERS: Mapping[str, Callable[[Any, Config, str], Any]] = {
    "pick": _pick,
    "rename": _rename,
    "split": _split,
    "parse_json": lambda given, config, called: read_json(given, called),
    "to_text": lambda given, config, called: as_text(given),
    "to_number": lambda given, config, called: read_as(given, "number", called),
    "to_date": lambda given, config, called: read_as(given, "date", called),
}
