"""Graphs for tests of the rules: small kinds of nodes that say of themselves what they ask for and give."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hypothesis import strategies as st

from core.engine.forms import FormField
from core.engine.graph import MAX_EDGES, MAX_NODES, Graph, Node, read_graph
from core.engine.nodes.base import NodeKind, Outcome, Use
from core.engine.problems import Problem
from core.engine.template import paths_in
from core.engine.values import Field, Shape

Document = dict[str, Any]


class Input(NodeKind):
    name, label, group = "input", "Input", "Start and end"
    is_target = False

    def shape(self, node: Node) -> Shape:
        return Shape("object", tuple(Field(one["name"], one["type"]) for one in node.config.get("fields", [])))


class Step(NodeKind):
    """``{text: template, wants?: type of its paths, gives?: type, fields?: {name: type}, wrong?: sentence}``."""

    name, label, group = "step", "Step", "Agents"

    def problems(self, node: Node) -> Iterable[Problem]:
        return [Problem("own", node.config["wrong"], node.id)] if "wrong" in node.config else []

    def uses(self, node: Node) -> Iterable[Use]:
        return [
            Use(path, "text", node.config.get("wants", "any")) for path in paths_in(node.config.get("text", ""))
        ]

    def shape(self, node: Node) -> Shape:
        fields = tuple(Field(name, of) for name, of in node.config.get("fields", {}).items())
        return Shape(node.config.get("gives", "text"), fields)


class Fork(Step):
    """``{ways: [names]}``, yes and no without it."""

    name, label, group = "fork", "Fork", "Flow"

    def outcomes(self, node: Node) -> tuple[Outcome, ...]:
        return tuple(Outcome(way, way.title()) for way in node.config.get("ways", ["yes", "no"]))


class Join(NodeKind):
    name, label, group = "join", "Join", "Flow"

    def shape(self, node: Node) -> Shape:
        return Shape("object")


class ForEach(Step):
    name, label, group = "for_each", "For each", "Flow"
    form = (FormField("body", "Step", "node", options=(("step", "Step"),)),)


class Output(Step):
    name, label, group = "output", "Output", "Start and end"
    is_source = False


KINDS: Mapping[str, NodeKind] = {kind.name: kind for kind in (Input(), Step(), Fork(), Join(), ForEach(), Output())}


def graph_of(nodes: Mapping[str, Mapping[str, Any]], *edges: str) -> Graph:
    """Return a graph of ``{id: {kind?, …}}``, steps unless they say it, and edges like "a > b" or "a yes > b"."""
    found = []
    for edge in edges:
        source, target = (part.strip() for part in edge.split(">"))
        source, _, when = source.partition(" ")
        found.append({"source": source, "target": target, "when": when})
    return read_graph({"nodes": [{"id": i, "kind": "step", **n} for i, n in nodes.items()], "edges": found})


def largest() -> Graph:
    """As many nodes and edges as there may be, forks among them; each asks for what comes before it."""
    names = [f"n{i}" for i in range(MAX_NODES)]
    pairs = [(i, j) for i in range(MAX_NODES) for j in range(i + 1, min(i + 6, MAX_NODES))][:MAX_EDGES]
    nodes = {
        name: {
            "kind": "fork" if number % 5 == 0 else "step",
            "text": " ".join(f"{{{{n{other}}}}}" for other in range(max(0, number - 10), number)),
        }
        for number, name in enumerate(names)
    }
    edges = [f"n{i}{[' yes', ' no'][j % 2] if i % 5 == 0 else ''} > n{j}" for i, j in pairs]
    return graph_of(nodes, *edges)


@st.composite
def acyclic_graphs(draw: st.DrawFn, most: int = 12) -> Graph:
    """Any names in any order; edges lead from a smaller hidden number to a larger one, so never in circles.

    Steps ask for some of what comes before them.
    """
    names = draw(st.lists(st.from_regex(r"[a-z]{1,4}", fullmatch=True), min_size=1, max_size=most, unique=True))
    names = [name for name in names if name != "item"] or ["a"]
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    edges = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    graph = graph_of({name: {} for name in names}, *(f"{a} > {b}" for a, b in edges))
    nodes = {}
    for name in draw(st.permutations(names)):
        before = sorted(graph.upstream[name])
        asked = draw(st.lists(st.sampled_from(before), unique=True)) if before else []
        nodes[name] = {"text": " ".join(f"{{{{{one}}}}}" for one in asked)}
    return graph_of(nodes, *(f"{a} > {b}" for a, b in edges))
