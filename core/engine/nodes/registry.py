"""Finds the kinds of nodes: every module of this package that has a ``KIND``."""

from __future__ import annotations

import importlib
import pkgutil
from functools import lru_cache

from core.engine import nodes
from core.engine.graph import Node
from core.engine.nodes.base import NodeKind
from core.errors import GraphInvalid


@lru_cache
def all_kinds() -> dict[str, NodeKind]:
    """Return every kind by name."""
    names = (m.name for m in pkgutil.iter_modules(nodes.__path__) if m.name not in ("base", "registry"))
    kinds: list[NodeKind] = [importlib.import_module(f"{nodes.__name__}.{name}").KIND for name in names]
    return {kind.name: kind for kind in kinds}


def kind_of(node: Node) -> NodeKind:
    """Return a node's kind; raises ``GraphInvalid`` when there is none of this name."""
    try:
        return all_kinds()[node.kind]
    except KeyError:
        raise GraphInvalid(f"{node.id} is of an unknown kind.") from None


def check_node(node: Node) -> None:
    """Raise ``GraphInvalid`` when a node cannot run."""
    kind_of(node).check(node)
