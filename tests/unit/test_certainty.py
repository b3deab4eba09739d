"""A value is certain where its node has always run before; proved against every way that a run can go."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.engine.certainty import Certainty, State
from core.engine.graph import ERROR, Graph, Node, in_order, read_graph
from tests.support.graphs import graph_of

FORK = {"kind": "fork"}
BRANCH = {"on_error": "branch"}
NESTED = ["f yes > a", "f no > g", "g yes > b", "g no > c", "a > d", "b > d", "c > d", "d > e"]


def _ways(node: Node) -> tuple[str, ...]:
    ways = ("yes", "no") if node.kind == "fork" else ("",)
    return (*ways, ERROR) if node.handling.on_error == "branch" else ways


@pytest.mark.parametrize(
    ("edges", "node", "at", "state"),
    [
        (["f yes > a", "f no > b", "a > c", "b > c"], "f", "c", "given"),
        (["f yes > a", "f no > b", "a > c", "b > c"], "a", "c", "perhaps"),
        (["f yes > a", "a > b", "f no > b"], "a", "b", "perhaps"),
        (["f yes > a", "f yes > b", "a > c", "b > c"], "b", "c", "given"),  # both ways of a fan-out are taken
        (["f yes > a", "f no > a", "a > c"], "a", "c", "given"),
        (["f yes > a", "f no > b", "a > c", "b > c", "c > d"], "c", "d", "given"),  # joined again
        (NESTED, "d", "e", "given"),
        (NESTED, "g", "e", "perhaps"),
        (["a > j", "b > j", "j > c"], "a", "c", "perhaps"),  # j is a join of any: only one of them has ended
        (["a > b", "b > j", "a > j", "j > c"], "a", "c", "given"),
        (["e > a", "a > c"], "e", "c", "given"),
        (["e error > a", "a > c"], "e", "c", "failed"),
        (["e > a", "e error > b", "a > c", "b > c"], "e", "c", "either"),
        (["e > a", "e error > b", "a > c", "b > c"], "a", "c", "perhaps"),
        (["s > c", "a > c"], "s", "c", "given"),  # two beginnings
    ],
)  # fmt: skip
def test_a_value_is_certain_or_not(edges: list[str], node: str, at: str, state: State) -> None:
    kinds = {"f": FORK, "g": FORK, "j": {"kind": "join", "mode": "any"}, "e": BRANCH}
    names = sorted({part.split()[0] for edge in edges for part in edge.split(">")})
    graph = graph_of({name: kinds.get(name, {}) for name in names}, *edges)
    assert Certainty(graph, _ways).state(node, at) == state


@st.composite
def forked_graphs(draw: st.DrawFn) -> Graph:
    """At most seven nodes, forks and failures among them: few enough to go every way."""
    count = draw(st.integers(2, 7))
    nodes = [
        {"id": f"n{i}", "kind": draw(st.sampled_from(["step", "step", "fork"])),
         "on_error": draw(st.sampled_from(["stop", "stop", "branch"]))}
        for i in range(count)
    ]  # fmt: skip
    ways = [_ways(node) for node in read_graph({"nodes": nodes}).nodes]
    possible = [(i, j, way) for j in range(count) for i in range(j) for way in ways[i]]
    chosen = draw(st.lists(st.sampled_from(possible), unique=True, max_size=12))
    edges = [{"source": f"n{i}", "target": f"n{j}", "when": way} for i, j, way in chosen]
    return read_graph({"nodes": nodes, "edges": edges})


def _runs(graph: Graph) -> Iterator[Mapping[str, str]]:
    """Yield what may happen: the way each node went that ran."""
    for chosen in product(*(_ways(node) for node in graph.nodes)):
        choice = dict(zip((node.id for node in graph.nodes), chosen, strict=True))
        went: dict[str, str] = {}
        for node in in_order(graph):
            edges = graph.incoming[node.id]
            if not edges or any(went.get(edge.source) == edge.when for edge in edges):
                went[node.id] = choice[node.id]
        # A failure that nobody catches ends a run.
        caught = {edge.source for edge in graph.edges if edge.when == ERROR}
        if all(way != ERROR or node_id in caught for node_id, way in went.items()):
            yield went


@settings(max_examples=150, deadline=None)
@given(forked_graphs())
def test_what_is_called_certain_is_so_in_every_run(graph: Graph) -> None:
    certainty = Certainty(graph, _ways)
    runs = list(_runs(graph))
    for node in graph.nodes:
        for other in graph.upstream[node.id]:
            ends = {run.get(other) for run in runs if node.id in run}
            state = certainty.state(other, node.id)
            if state == "given":
                assert ends.isdisjoint({None, ERROR})
            elif state == "failed":
                assert ends <= {ERROR}
            elif state == "either":
                assert None not in ends
