"""Random graphs of the real kinds, filled in by their forms: what people could have drawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from core.engine.forms import FormField, shown
from core.engine.graph import RESERVED, Graph, read_graph
from core.engine.nodes.registry import all_kinds
from core.engine.values import FIELD_TYPES

IDS = {
    "agent": [f"agent_{n}" for n in range(4)],
    "key": [f"key_id_{n}" for n in range(3)],
    "workflow": [f"workflow_{n}" for n in range(3)],
    "person": [f"user_{n}" for n in range(3)],
}
NAMES = st.from_regex(r"[a-z][a-z0-9_-]{0,8}", fullmatch=True).filter(lambda name: name not in RESERVED)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=30)
TEMPLATES = st.one_of(TEXTS, st.sampled_from(["no", "12", "1e5", "{{a.b}}\nand more\n", "- x: {y}", "…", " "]))
NUMBERS = st.one_of(st.integers(-1000, 1000), st.floats(-1e6, 1e6))
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEMPLATES),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=5,
)
_BY_WIDGET: Mapping[str, st.SearchStrategy[Any]] = {
    "number": NUMBERS,
    "whole": st.integers(0, 1000),
    "switch": st.booleans(),
    "agent": st.sampled_from(IDS["agent"]),
    "agents": st.lists(st.sampled_from(IDS["agent"]), unique=True, max_size=3),
    "key": st.sampled_from(IDS["key"]),
    "workflow": st.sampled_from(IDS["workflow"]),
    "references": st.lists(NAMES, max_size=3),
    "tools": st.just([]),
    "json": JSON,
    "arguments": st.dictionaries(NAMES, TEMPLATES, max_size=3),
    "inputs": st.dictionaries(NAMES, TEMPLATES, max_size=3),
    "approver": st.one_of(
        st.builds(lambda one: {"kind": "person", "id": one}, st.sampled_from(IDS["person"])),
        st.sampled_from([{"kind": "role", "id": "manager"}, {"kind": "department", "id": "finance"}]),
    ),
    "fields": st.lists(
        st.builds(
            lambda name, of, text, needed: {"name": name, "type": of, "help": text, "is_required": needed},
            NAMES, st.sampled_from(FIELD_TYPES), TEXTS, st.booleans(),
        ),
        max_size=3,
    ),
}  # fmt: skip


@st.composite
def configs(draw: st.DrawFn, form: tuple[FormField, ...]) -> dict[str, Any]:
    """Settings as the form gives them; some fields are left alone."""
    config: dict[str, Any] = {}
    for field in form:
        if field in shown(form, config) and draw(st.booleans()):
            config[field.name] = draw(_value(field))
    return config


def _value(field: FormField) -> st.SearchStrategy[Any]:
    match field.widget:
        case "choice":
            return st.sampled_from([name for name, _ in field.options])
        case "rows":
            return st.lists(configs(field.columns), max_size=3)
        case "group":
            return configs(field.columns)
        case "node":
            kinds = st.sampled_from([name for name, _ in field.options])
            return kinds.flatmap(
                lambda kind: configs(all_kinds()[kind].form).map(lambda config: {"kind": kind, **config})
            )
    return _BY_WIDGET.get(field.widget, TEMPLATES)


@st.composite
def filled_graphs(draw: st.DrawFn) -> Graph:
    """A few nodes, anyhow connected."""
    nodes = []
    for node_id in draw(st.lists(NAMES, min_size=1, max_size=5, unique=True)):
        kind = draw(st.sampled_from([*all_kinds()]))
        more = draw(
            st.fixed_dictionaries(
                {},
                optional={
                    "label": TEXTS.map(str.strip),
                    "position": st.fixed_dictionaries({"x": st.floats(-1e4, 1e4), "y": st.floats(-1e4, 1e4)}),
                    "attempts": st.integers(1, 10),
                    "timeout_seconds": st.floats(1, 3600),
                    "on_error": st.sampled_from(["branch", "default"]),
                    "default": JSON,
                },
            )
        )
        nodes.append({"id": node_id, "kind": kind, **draw(configs(all_kinds()[kind].form)), **more})
    ids = [node["id"] for node in nodes]
    ends = st.tuples(st.sampled_from(ids), st.sampled_from(ids), st.sampled_from(["", "true", "error"]))
    edges = draw(st.lists(ends, unique=True, max_size=6))
    return read_graph({"nodes": nodes, "edges": [{"source": s, "target": t, "when": w} for s, t, w in edges]})
