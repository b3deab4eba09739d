"""Plain data as JSON and as YAML, read strictly: what a file says is what it shows, and nothing grows on reading.

Of YAML this is the plain core: no aliases, no tags, one document. Its scalars are those of the core schema of
YAML 1.2, so that ``no`` is a word and a date is a text.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any

import yaml

from core.workflows.failures import ImportRefused

MAX_CHARACTERS = 500_000
# That of a graph, and what it is wrapped in.
MAX_DEPTH = 25
_INT = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_MAX_DIGITS = 40
# The parser in C is some ten times faster; a build of PyYAML may be without it.
_PARSER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_EMITTER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def text_of(data: bytes) -> str:
    """Return a file's text; raises ``ImportRefused`` when it is none, or too long."""
    if len(data) > 4 * MAX_CHARACTERS:
        raise ImportRefused(f"it is longer than {MAX_CHARACTERS:,} characters.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ImportRefused("it is not text in UTF-8.") from None
    if len(text) > MAX_CHARACTERS:
        raise ImportRefused(f"it is longer than {MAX_CHARACTERS:,} characters.")
    return text


def read(text: str) -> Any:
    """Return the data in JSON, which begins with ``{``, or in YAML; raises ``ImportRefused``."""
    return read_json(text) if text.lstrip().startswith("{") else read_yaml(text)


def read_json(text: str) -> Any:
    """Return the data in a JSON text; raises ``ImportRefused``."""
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_constant)
    except RecursionError:
        raise _too_deep() from None
    except ValueError as error:
        at = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise ImportRefused(f"it is not proper JSON{at}.") from None


def write_json(data: Any) -> str:
    """Return plain data as JSON for people."""
    return json.dumps(data, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def read_yaml(text: str) -> Any:
    """Return the data in a YAML text; raises ``ImportRefused``."""
    if len(text) > MAX_CHARACTERS:
        raise ImportRefused(f"it is longer than {MAX_CHARACTERS:,} characters.")
    events = _events(text)
    found: Any = None
    count = 0
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            count += 1
            if count > 1:
                raise ImportRefused("it has more than one YAML document.")
            found = _value(next(events), events, 0)
    return found


def write_yaml(data: Any) -> str:
    """Return plain data as YAML for people: long texts in lines of their own."""
    text: str = yaml.dump(
        data, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=100, default_flow_style=False
    )
    return text


def _events(text: str) -> Iterator[Any]:
    """Parse step by step, so that what is refused early costs nothing more."""
    try:
        yield from yaml.parse(text, Loader=_PARSER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise ImportRefused(f"it is not proper YAML{f' (line {mark.line + 1})' if mark else ''}.") from None
    except (yaml.YAMLError, ValueError):
        raise ImportRefused("it is not proper YAML.") from None


def _value(event: Any, events: Iterator[Any], depth: int) -> Any:
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
        raise ImportRefused(f"it has YAML anchors or aliases (line {event.start_mark.line + 1}). Write it out.")
    if getattr(event, "tag", None):
        raise ImportRefused(f"it has YAML tags (line {event.start_mark.line + 1}). Leave them out.")
    if isinstance(event, yaml.ScalarEvent):
        return _scalar(event.value) if event.implicit[0] and not event.style else event.value
    if depth >= MAX_DEPTH:
        raise _too_deep()
    if isinstance(event, yaml.SequenceStartEvent):
        return list(_items(events, depth))
    return _object(list(_pairs(events, depth)))


def _items(events: Iterator[Any], depth: int) -> Iterator[Any]:
    while not isinstance(event := next(events), yaml.SequenceEndEvent):
        yield _value(event, events, depth + 1)


def _pairs(events: Iterator[Any], depth: int) -> Iterator[tuple[str, Any]]:
    while not isinstance(event := next(events), yaml.MappingEndEvent):
        if not isinstance(event, yaml.ScalarEvent) or event.anchor or event.tag:
            _value(event, events, depth + 1)  # says what is wrong with it, if that is an anchor
            raise ImportRefused(f"a name in it is not text (line {event.start_mark.line + 1}).")
        yield event.value, _value(next(events), events, depth + 1)


def _scalar(text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text) or _FLOAT.fullmatch(text):
        if len(text) > _MAX_DIGITS:
            raise ImportRefused("a number in it is too long.")
        number = int(text) if _INT.fullmatch(text) else float(text)
        if not math.isfinite(number):
            raise ImportRefused("a number in it is too large.")
        return number
    if _NOT_FINITE.fullmatch(text):
        raise ImportRefused("a number in it is not finite.")
    return text


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise ImportRefused(f"it says {twice[:80]} twice in one place.")
    return found


def _refuse_constant(name: str) -> None:
    raise ImportRefused("a number in it is not finite.")


def _too_deep() -> ImportRefused:
    return ImportRefused(f"it is nested more than {MAX_DEPTH} levels deep.")


class _Dumper(_EMITTER):  # type: ignore[misc]
    """Quotes every text that ``_scalar`` would read as something else."""

    def ignore_aliases(self, data: Any) -> bool:
        """Write out what occurs twice: there are no aliases."""
        return True


def _represent_text(dumper: Any, text: str) -> Any:
    is_long = "\n" in text.strip("\n") or text.endswith("\n")
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if is_long else None)


_Dumper.add_representer(str, _represent_text)
_Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(f"^(?:{_FLOAT.pattern})$"), list("-+.0123456789")
)
