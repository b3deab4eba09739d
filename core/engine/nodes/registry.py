"""Finds the kinds of nodes: every module of this package that has a ``KIND``."""

from __future__ import annotations

from functools import lru_cache

from core.discovery import found_in
from core.engine import nodes
from core.engine.graph import Node
from core.engine.nodes.base import NodeKind
from core.errors import GraphInvalid

# As the palette shows them; others follow by label.
ORDER = (
    "input",
    "agent",
    "crew",
    "tool",
    "condition",
    "for_each",
    "join",
    "approval",
    "wait",
    "template",
    "transform",
    "workflow",
    "output",
)


@lru_cache
def all_kinds() -> dict[str, NodeKind]:
    """Return every kind by name, in the order of the palette."""
    found = [kind for kind in found_in(nodes, "KIND", but=("base", "registry")) if isinstance(kind, NodeKind)]
    place = {name: number for number, name in enumerate(ORDER)}
    return {kind.name: kind for kind in sorted(found, key=lambda kind: (place.get(kind.name, 99), kind.label))}


def kind_of(node: Node) -> NodeKind:
    """Return a node's kind; raises ``GraphInvalid`` when there is none of this name."""
    try:
        return all_kinds()[node.kind]
    except KeyError:
        raise GraphInvalid(f"{node.id} is of an unknown kind.") from None


def check_node(node: Node) -> None:
    """Raise ``GraphInvalid`` with the first thing that keeps a node from running."""
    for problem in kind_of(node).problems(node):
        raise GraphInvalid(problem.sentence)
