"""Graphs that somebody wrote to do harm are refused with a sentence, or taken and judged without a crash."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from types import FrameType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.engine.graph import FORBIDDEN_NAME, LARGEST_NUMBER, MAX_NODES, read_graph
from core.engine.nodes.registry import all_kinds
from core.engine.rules import check_graph, upstream_values
from core.errors import GraphInvalid
from tests.support.graphs import KINDS, Document, graph_of, largest

NODE = {"id": "a", "kind": "agent"}


def _deep(levels: int, inner: Any = None) -> Any:
    for _ in range(levels):
        inner = {"x": [inner]}
    return inner


def _endless() -> Any:
    ring: list[Any] = []
    ring.append(ring)
    return ring


def _laughs() -> Any:
    """A billion texts that are one: what an alias of YAML makes."""
    value: Any = "ha"
    for _ in range(9):
        value = [value] * 10
    return value


HOSTILE: dict[str, Any] = {
    "10,000 nodes": {"nodes": [{"id": f"n{i}", "kind": "agent"} for i in range(10_000)]},
    "10,000 edges": {"nodes": [NODE], "edges": [{"source": "a", "target": "a"}] * 10_000},
    "1,000,000 nothings": {"nodes": [None] * 1_000_000},
    "huge text": {"nodes": [{**NODE, "task": "x" * 1_000_000}]},
    "huge name": {"nodes": [{**NODE, "x" * 1_000_000: 1}]},
    "huge id": {"nodes": [{**NODE, "id": "x" * 100_000}]},
    "huge kind": {"nodes": [{**NODE, "kind": "x" * 100_000}]},
    "huge label": {"nodes": [{**NODE, "label": "x" * 100_000}]},
    "huge outcome": {"nodes": [NODE], "edges": [{"source": "a", "target": "a", "when": "x" * 100_000}]},
    "deep nesting": {"nodes": [{**NODE, "x": _deep(50_000)}]},
    "an endless list": {"nodes": [{**NODE, "x": _endless()}]},
    "a billion laughs": {"nodes": [{**NODE, "x": _laughs()}]},
    "not a number": {"nodes": [{**NODE, "x": float("nan")}]},
    "an infinite position": {"nodes": [{**NODE, "position": {"x": float("inf"), "y": 0}}]},
    "a huge number": {"nodes": [{**NODE, "x": 10**100_000}]},
    "a huge position": {"nodes": [{**NODE, "position": {"x": 10**400, "y": 0}}]},
    "bytes": {"nodes": [{**NODE, "x": b"x"}]},
    "a set": {"nodes": [{**NODE, "x": {1}}]},
    "a name that is no text": {"nodes": [{**NODE, 5: 1}]},
    "a prototype as id": {"nodes": [{**NODE, "id": FORBIDDEN_NAME}]},
    "a prototype as name": {"nodes": [{**NODE, "x": {FORBIDDEN_NAME: {"isAdmin": True}}}]},
    "a position as text": {"nodes": [{**NODE, "position": "1,2"}]},
    "a switch as position": {"nodes": [{**NODE, "position": {"x": True, "y": 0}}]},
    "attempts as switch": {"nodes": [{**NODE, "attempts": True}]},
    "attempts beyond": {"nodes": [{**NODE, "attempts": LARGEST_NUMBER}]},
    "a time limit as text": {"nodes": [{**NODE, "timeout_seconds": "60"}]},
    "on_error as list": {"nodes": [{**NODE, "on_error": ["stop"]}]},
    "an outcome as object": {"nodes": [NODE], "edges": [{"source": "a", "target": "a", "when": {}}]},
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("document", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_graph_is_refused_with_one_short_sentence(document: Any) -> None:
    with pytest.raises(GraphInvalid) as caught:
        read_graph(document)
    assert caught.value.sentence.endswith(".")
    assert len(caught.value.sentence) < 200


NAMES = st.sampled_from(["a", "b", "c", "constructor_", "__class__", "x", "ä"])
TEXTS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        ["{{a}}", "{{b.x.0}}", "{{item}}", "{{__class__}}", "{{ a.b.c.d.e }} {{", "a", "b.x", "..", "true"]
    ),
)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=8,
)


@st.composite
def any_documents(draw: st.DrawFn) -> Document:
    """Nodes of real kinds and of none, whose settings have the right names and any values."""
    nodes = []
    for node_id in draw(st.lists(NAMES, unique=True, max_size=6)):
        kind = draw(st.sampled_from([*all_kinds(), "nothing", "__class__"]))
        form = all_kinds()[kind].form if kind in all_kinds() else ()
        names = st.sampled_from([*(field.name for field in form), "agent", "agent_id", "body", "fields", "name"])
        config = draw(st.dictionaries(names, JSON, max_size=6))
        if "body" in config and draw(st.booleans()):
            config["body"] = {"kind": draw(st.sampled_from([*all_kinds()])), **draw(st.dictionaries(names, JSON))}
        usual = dict(all_kinds()[kind].initial) if kind in all_kinds() and draw(st.booleans()) else {}
        extra = {"on_error": draw(st.sampled_from(["stop", "branch", "default"])), "default": draw(JSON)}
        nodes.append({**usual, **config, **extra, "id": node_id, "kind": kind})
    ids = [node["id"] for node in nodes]
    whens = st.sampled_from(["", "true", "error", "other", "approved", "x"])
    edge = st.tuples(st.sampled_from(ids), st.sampled_from(ids), whens) if ids else st.nothing()
    edges = draw(st.lists(edge, unique=True, max_size=10)) if ids else []
    return {"nodes": nodes, "edges": [{"source": s, "target": t, "when": w} for s, t, w in edges]}


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(any_documents())
def test_whatever_can_be_read_can_be_judged(document: Document) -> None:
    try:
        graph = read_graph(document)
    except GraphInvalid:
        return
    for problem in check_graph(graph):
        assert problem.sentence.endswith((".", "?"))
    for node in graph.nodes:
        upstream_values(graph, node.id, in_body=True)
        if node.kind in all_kinds():
            all_kinds()[node.kind].subtitle(node)


def test_the_largest_graph_is_judged_in_few_steps() -> None:
    graph = largest()
    with _lines_counted() as count:
        check_graph(graph, KINDS)
    assert len(graph.edges) >= 980
    # About 50 ms are a million lines; a walk for each pair of nodes, or for each node and edge, is far more.
    assert count[0] < 250_000


def test_the_largest_circle_is_judged_in_few_steps() -> None:
    names = [f"n{i}" for i in range(MAX_NODES)]
    # Against the order of the nodes, the worst one for walking until nothing is new.
    edges = [f"{b} > {a}" for a, b in pairwise(names)]
    graph = graph_of({name: {} for name in names}, *edges, f"{names[0]} > {names[-1]}")
    with _lines_counted() as count:
        problems = check_graph(graph, KINDS)
    assert [problem.code for problem in problems] == ["circle"]
    assert count[0] < 500_000


@contextmanager
def _lines_counted() -> Iterator[list[int]]:
    count = [0]

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        count[0] += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield count
    finally:
        sys.settrace(before)
