"""The two texts between Python and the canvas; what comes back is checked, for any browser can send anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from app.ui.canvas.values import Graph, KindCard, NodeFace, NodeState


@dataclass(frozen=True)
class Message:
    """What the canvas has sent last; ``telling`` counts messages, ``opening`` how often a form was asked for."""

    graph: Graph | None = None
    base_revision: int = 0
    number: int = 0
    opened: str | None = None
    opening: int = 0
    selected: str | None = None
    telling: int = 0


def scene(
    graph: Graph,
    revision: int,
    *,
    kinds: Sequence[KindCard],
    faces: Mapping[str, NodeFace],
    states: Mapping[str, NodeState] | None,
    selected: str | None,
    is_read_only: bool,
    height: int,
) -> dict[str, Any]:
    """Return what is to be drawn. Mappings by node id go as pairs: an id may be any text, ``__proto__`` too."""
    return {
        "graph": {**graph, "nodes": list(graph.get("nodes", ())), "edges": list(graph.get("edges", ()))},
        "revision": revision,
        "kinds": [asdict(kind) for kind in kinds],
        "faces": [[node, asdict(face)] for node, face in faces.items()],
        "states": None if states is None else [[node, asdict(state)] for node, state in states.items()],
        "selected": selected,
        "is_read_only": is_read_only,
        "height": height,
    }


def read(sent: object) -> Message:
    """Return the message in ``sent``; parts of another form count as not sent."""
    if not isinstance(sent, Mapping):
        return Message()
    return Message(
        graph=_graph(sent.get("graph")),
        base_revision=_count(sent.get("base_revision")),
        number=_count(sent.get("number")),
        opened=_text(sent.get("opened")),
        opening=_count(sent.get("opening")),
        selected=_text(sent.get("selected")),
        telling=_count(sent.get("telling")),
    )


def _graph(value: object) -> Graph | None:
    if not isinstance(value, Mapping):
        return None
    nodes, edges = value.get("nodes"), value.get("edges")
    if not isinstance(nodes, list) or not isinstance(edges, list):
        return None
    has_nodes = all(isinstance(node, Mapping) and isinstance(node.get("id"), str) for node in nodes)
    has_edges = all(
        isinstance(edge, Mapping) and isinstance(edge.get("source"), str) and isinstance(edge.get("target"), str)
        for edge in edges
    )
    return value if has_nodes and has_edges else None


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else 0


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
