"""What a page gives the canvas to draw, and what it hears back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Graph = Mapping[str, Any]


@dataclass(frozen=True)
class Outcome:
    """One way on from a node; the ordinary way has the name ""."""

    name: str
    label: str


@dataclass(frozen=True)
class KindCard:
    """One entry of the palette.

    ``icon`` is the name of one of the canvas's drawings; another name gives the drawing of the kind's own name.
    ``initial`` is the configuration of a new node, and the last three say how it connects until it has a face.
    """

    name: str
    label: str
    icon: str
    group: str
    help: str
    initial: Mapping[str, Any]
    outcomes: tuple[Outcome, ...] = ()
    is_source: bool = True
    is_target: bool = True


@dataclass(frozen=True)
class NodeFace:
    """How a node is drawn: its words, its ways on, and the sentences about what is wrong, or odd, with it."""

    title: str
    subtitle: str = ""
    outcomes: tuple[Outcome, ...] = ()
    problems: tuple[str, ...] = ()
    is_source: bool = True
    is_target: bool = True
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class NodeState:
    """How far a node of a run is: pending, running, waiting, succeeded, failed, skipped, cancelled, in_doubt.

    ``cost`` and ``duration`` are texts for people, such as "$0.0042" and "1.2 s".
    """

    status: str
    cost: str = ""
    duration: str = ""
    note: str = ""
    is_cached: bool = False


@dataclass(frozen=True)
class CanvasEvent:
    """What the person has done.

    ``graph`` is the newest graph from the person, or None when there is none. It stays the same until the next
    change; ``number`` tells changes apart, so a caller keeps the last number it has dealt with and leaves it alone.
    ``base_revision`` is the revision that the graph contains: one that was passed to ``draw``. When it is not the
    newest, the graph lacks somebody else's change and must not be saved; the canvas sends it again, merged.
    ``opened`` is the node whose form is wanted, told once. ``selected`` is the one selected node, by the wish of
    the page or the person; while editing, the canvas tells it with the next change or when the focus leaves it.
    """

    graph: Graph | None = None
    base_revision: int = 0
    number: int = 0
    opened: str | None = None
    selected: str | None = None
