"""The fields of a node's form: plain ones here, the others in the modules beside."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.ui import node_form_lists, node_form_pickers, node_form_tools, node_form_values
from app.ui.node_form_place import Place, seed
from core.engine.forms import FormField, Widget, setting, shown

# (field, its value, the widget's key, the place, the fields above as they are typed) -> its value now.
DrawField = Callable[[FormField, Any, str, Place, Mapping[str, Any]], Any]
# Two of these stand beside each other.
_SMALL = frozenset({"number", "whole", "switch", "choice", "line"})
# Choices up to this many characters in all are buttons beside each other.
_BUTTONS = 30


def draw_form(form: Sequence[FormField], config: Mapping[str, Any], prefix: str, place: Place) -> dict[str, Any]:
    """Draw those fields that are shown and return what is in them, without empty ones."""
    typed: dict[str, Any] = {}
    half = None
    for field in form:
        # By identity: alternatives of one name may be alike but for their choices.
        if not any(field is one for one in shown(form, typed)):
            continue
        alike = [one for one in form if one.name == field.name]
        place_among = next(number for number, one in enumerate(alike) if one is field)
        # Alternatives are different widgets, and those need different keys.
        key = f"{prefix}_{field.name}{f'_{place_among}' if place_among else ''}"
        here, half = _line_of(field, half)
        with here:
            value = WIDGETS[field.widget](field, setting(field, config), key, place, typed)
            if place.is_top(prefix):
                place.slots[field.name] = st.container()
        if _is_kept(field, value):
            typed[field.name] = value
    return typed


def _line_of(field: FormField, half: DeltaGenerator | None) -> tuple[DeltaGenerator, DeltaGenerator | None]:
    """Return where a field is drawn: small ones share a line, two each; and the half that is left of it."""
    if field.widget not in _SMALL or has_buttons(field):
        return st.container(gap="small"), None
    if half is not None:
        return half, None
    left, right = st.columns(2, vertical_alignment="bottom")
    return left, right


def _is_kept(field: FormField, value: Any) -> bool:
    """Whether a value is worth a place in the settings: nothing empty, and no switch as it is anyway."""
    if isinstance(value, bool):
        return value is not bool(field.default)
    return value is not None and value not in ("", [], {})


def _line(field: FormField, value: Any, key: str, place: Place, above: Mapping[str, Any]) -> str:
    seed(key, value if isinstance(value, str) else "")
    return st.text_input(field.label, key=key, help=field.help or None, max_chars=_most(field))


def _text(field: FormField, value: Any, key: str, place: Place, above: Mapping[str, Any]) -> str:
    seed(key, value if isinstance(value, str) else "")
    return st.text_area(field.label, key=key, help=field.help or None, max_chars=_most(field), height=100)


def _number(field: FormField, value: Any, key: str, place: Place, above: Mapping[str, Any]) -> float | None:
    least, most = (float(bound) if bound is not None else None for bound in (field.minimum, field.maximum))
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    seed(key, _within(float(value), least, most) if is_number else None)
    number = st.number_input(
        field.label,
        least,
        most,
        None,
        step=1.0,
        format="%.10g",
        key=key,
        help=field.help or None,
    )
    return int(number) if number is not None and number.is_integer() else number


def _whole(field: FormField, value: Any, key: str, place: Place, above: Mapping[str, Any]) -> int | None:
    least, most = (int(bound) if bound is not None else None for bound in (field.minimum, field.maximum))
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    seed(key, int(_within(value, least, most)) if is_number else None)
    number = st.number_input(field.label, least, most, None, step=1, key=key, help=field.help or None)
    return None if number is None else int(number)


def _switch(field: FormField, value: Any, key: str, place: Place, above: Mapping[str, Any]) -> bool:
    seed(key, value is True)
    return st.toggle(field.label, key=key, help=field.help or None)


def _moment(field: FormField, value: Any, key: str, place: Place, above: Mapping[str, Any]) -> str | None:
    zone = _zone()
    seed(key, _moment_in(value, zone))
    chosen = st.datetime_input(
        f"{field.label} ({zone.key})", None, key=key, help=field.help or None, format="YYYY-MM-DD", step=60
    )
    return chosen.replace(tzinfo=zone).isoformat(timespec="minutes") if chosen else None


def _choice(field: FormField, value: Any, key: str, place: Place, above: Mapping[str, Any]) -> str | None:
    labels = dict(field.options)
    has_default = field.default in labels
    seed(key, value if value in labels else field.default if has_default else None)
    if has_buttons(field):
        return st.segmented_control(
            field.label,
            list(labels),
            format_func=labels.__getitem__,
            required=True,
            key=key,
            help=field.help or None,
        )
    return st.selectbox(
        field.label,
        list(labels),
        # Without a default it can be cleared.
        0 if has_default else None,
        format_func=lambda name: labels.get(name, name),
        key=key,
        help=field.help or None,
        placeholder="Choose",
    )


def has_buttons(field: FormField) -> bool:
    """Whether a field's choices are buttons beside each other, and not a list that opens."""
    labels = dict(field.options)
    is_short = len(labels) <= 3 and sum(map(len, labels.values())) <= _BUTTONS
    return field.widget == "choice" and field.default in labels and is_short


def _choices(field: FormField, value: Any, key: str, place: Place, above: Mapping[str, Any]) -> list[str]:
    labels = dict(field.options)
    seed(key, [one for one in value if one in labels] if isinstance(value, list | tuple) else [])
    return st.multiselect(
        field.label,
        list(labels),
        format_func=lambda name: labels.get(name, name),
        key=key,
        help=field.help or None,
        placeholder="Choose",
    )


def _json(field: FormField, value: Any, key: str, place: Place, above: Mapping[str, Any]) -> Any:
    seed(key, "" if value is None else json.dumps(value, ensure_ascii=False, indent=2))
    text = st.text_area(
        field.label, key=key, help=field.help or None, height=160, placeholder='{"name": "{{value}}"}'
    )
    node_form_values.put_in(key, place, field.label)
    if not text.strip():
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        place.unread.append(f"{field.label} is not JSON: check its quotes, commas and brackets.")
        return None


def _most(field: FormField) -> int | None:
    return int(field.maximum) if field.maximum is not None else None


def _within(value: float, least: float | None, most: float | None) -> float:
    """Return a number that the widget takes: it refuses others with an exception."""
    value = value if least is None else max(value, least)
    return value if most is None else min(value, most)


def _zone() -> ZoneInfo:
    try:
        return ZoneInfo(st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def _moment_in(value: Any, zone: ZoneInfo) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return moment.astimezone(zone).replace(tzinfo=None) if moment.tzinfo else moment


WIDGETS: Mapping[Widget, DrawField] = {
    "line": _line,
    "text": _text,
    "number": _number,
    "whole": _whole,
    "switch": _switch,
    "moment": _moment,
    "choice": _choice,
    "choices": _choices,
    "json": _json,
    "template": node_form_values.template,
    "reference": node_form_values.reference,
    "references": node_form_values.references,
    "agent": node_form_pickers.agent,
    "agents": node_form_pickers.agents,
    "workflow": node_form_pickers.workflow,
    "key": node_form_pickers.key,
    "model": node_form_pickers.model,
    "approver": node_form_pickers.approver,
    "tool": node_form_tools.tool,
    "tools": node_form_tools.tools,
    "arguments": node_form_tools.arguments,
    "inputs": node_form_tools.inputs,
    "fields": node_form_lists.fields,
    "rows": node_form_lists.rows,
    "group": node_form_lists.group,
    "node": node_form_lists.node,
}
