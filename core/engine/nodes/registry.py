"""Finds the kinds of nodes: every module of this package that has a ``KIND``."""

from __future__ import annotations

from functools import lru_cache

from core.discovery import found_in
from core.engine import nodes
from core.engine.graph import Node
from core.engine.nodes.base import NodeKind
from core.errors import GraphInvalid


@lru_cache
def all_kinds() -> dict[str, NodeKind]:
    """Return every kind by name."""
    return {kind.name: kind for kind in found_in(nodes, "KIND", but=("base", "registry"))}


def kind_of(node: Node) -> NodeKind:
    """Return a node's kind; raises ``GraphInvalid`` when there is none of this name."""
    try:
        return all_kinds()[node.kind]
    except KeyError:
        raise GraphInvalid(f"{node.id} is of an unknown kind.") from None


def check_node(node: Node) -> None:
    """Raise ``GraphInvalid`` when a node cannot run."""
    kind_of(node).check(node)
