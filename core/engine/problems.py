"""What is wrong with a node or a graph, said so that a person finds and mends it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """``code`` is stable, ``sentence`` is for people. Without ``node_id`` it is about the whole graph.

    ``field`` is the field of the node's form it belongs to; ``target`` makes it the edge from the node to there.
    A warning is often meant so: it keeps nobody from publishing.
    """

    code: str
    sentence: str
    node_id: str | None = None
    field: str | None = None
    target: str | None = None
    is_warning: bool = False
