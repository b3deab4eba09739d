"""The workflow canvas: a graph drawn, edited with mouse, keyboard or finger, and watched while it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import streamlit as st

from app.state import CANVAS_HEARING
from app.ui.canvas import payload, registration
from app.ui.canvas.hearing import Hearing
from app.ui.canvas.values import CanvasEvent, Graph, KindCard, NodeFace, NodeState, Outcome

__all__ = ["CanvasEvent", "Graph", "KindCard", "NodeFace", "NodeState", "Outcome", "draw"]

_NO_FACES: Mapping[str, NodeFace] = MappingProxyType({})


def draw(
    key: str,
    graph: Graph,
    revision: int,
    *,
    kinds: Sequence[KindCard] = (),
    faces: Mapping[str, NodeFace] = _NO_FACES,
    states: Mapping[str, NodeState] | None = None,
    selected: str | None = None,
    is_read_only: bool = False,
    height: int = 560,
) -> CanvasEvent:
    """Draw ``graph`` and return what the person has done with it.

    Call it in a fragment: each change reruns that fragment once, and nothing reruns while nobody acts.

    Args:
        key: stable name of the canvas on the page; another workflow needs another key.
        graph: ``{"nodes": [{"id", "kind", "label"?, "position"?, …}], "edges": [{"source", "target", "when"?}]}``.
        revision: grows with each saved change; the canvas takes a graph over when its revision is higher.
        kinds: the palette, in its order.
        faces: how nodes are drawn, by node id; a node without one shows the label of its kind.
        states: the states of a run's nodes, by node id; None while editing.
        selected: the node to select. Pass back ``event.selected``, another node to select that one, or None to
            leave the selection to the person.
        is_read_only: shows a graph that cannot be changed.
        height: in pixels.
    """
    scene = payload.scene(
        graph,
        revision,
        kinds=kinds,
        faces=faces,
        states=states,
        selected=selected,
        is_read_only=is_read_only,
        height=height,
    )
    memory = f"{CANVAS_HEARING}_{key}"
    hearing: Hearing = st.session_state.get(memory, Hearing()).drawn(graph, revision, selected)
    result = registration.component()(
        key=key,
        data={
            **scene,
            "key": key,
            "number": hearing.number,
            "opening": hearing.opening,
            "settled": hearing.settled,
            "telling": hearing.telling,
            "wishes": hearing.wishes,
        },
        height=height,
        on_sent_change=lambda: None,
    )
    st.session_state[memory], event = hearing.told(payload.read(result.get("sent")), revision)
    return event
