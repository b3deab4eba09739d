"""How nodes look on the canvas and in the list: the palette, their words, their ways on, their problems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

from app.ui.canvas import KindCard, NodeFace, Outcome
from core.engine.graph import Graph, Node
from core.engine.graph_edits import ways_on
from core.engine.nodes.registry import all_kinds
from core.engine.problems import Problem


@cache
def palette() -> tuple[KindCard, ...]:
    """Return the kinds of nodes as the canvas offers them; a new node has the kind's name for people."""
    return tuple(
        KindCard(
            kind.name,
            kind.label,
            kind.icon,
            kind.group,
            kind.help,
            {"label": kind.label, **kind.initial},
            _outcomes(Node("new", kind.name, kind.initial)),
            kind.is_source,
            kind.is_target,
        )
        for kind in all_kinds().values()
    )


def kind_label(node: Node) -> str:
    """Return what people call a node's kind."""
    kind = all_kinds().get(node.kind)
    return kind.label if kind else node.kind


def kind_icon(node: Node) -> str:
    """Return the icon of a node's kind."""
    kind = all_kinds().get(node.kind)
    return f":material/{kind.icon}:" if kind else ":material/help:"


def faces(graph: Graph, problems: Sequence[Problem]) -> dict[str, NodeFace]:
    """Return how each node is drawn."""
    wrong = sentences([problem for problem in problems if not problem.is_warning])
    odd = sentences([problem for problem in problems if problem.is_warning])
    return {node.id: _face(node, wrong.get(node.id, ()), odd.get(node.id, ())) for node in graph.nodes}


def sentences(problems: Sequence[Problem]) -> Mapping[str, tuple[str, ...]]:
    """Return what is wrong with each node, by its id."""
    found: dict[str, tuple[str, ...]] = {}
    for problem in problems:
        if problem.node_id is not None:
            found[problem.node_id] = (*found.get(problem.node_id, ()), problem.sentence)
    return found


def _face(node: Node, problems: tuple[str, ...], warnings: tuple[str, ...]) -> NodeFace:
    kind = all_kinds().get(node.kind)
    return NodeFace(
        title=node.title,
        subtitle=kind.subtitle(node) if kind else "",
        outcomes=_outcomes(node),
        problems=problems,
        is_source=kind.is_source if kind else True,
        is_target=kind.is_target if kind else True,
        warnings=warnings,
    )


def _outcomes(node: Node) -> tuple[Outcome, ...]:
    """Return the ways on from a node; one ordinary way needs no name."""
    ways = ways_on(node)
    return () if [way.name for way in ways] == [""] else tuple(Outcome(way.name, way.label) for way in ways)
