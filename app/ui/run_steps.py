"""The steps of a run on the canvas, live, and one of them in detail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from app import runtime
from app.ui import (
    canvas,
    run_node,
    run_states,
    run_timeline,
    run_trace,
    run_values,
    run_waiting,
    theme,
    workflow_faces,
)
from app.ui.canvas import CanvasEvent
from app.ui.step_choice import StepChoice
from core import clock
from core.accounts.models import User
from core.engine.graph import Graph, read_graph
from core.runs.models import Run
from core.runs.nodes.models import NodeState
from core.usage.models import Totals

HEIGHT = 420
STEP, TIMELINE, TRACE, INPUT = "Step", "Timeline", "Trace", "Input"


def draw(actor: User, run: Run) -> None:
    """Draw what waits, the canvas, and below it the view that was chosen."""
    core = runtime.get_core()
    graph = read_graph(core.runs.graph(actor, run.id))
    states, totals = core.runs.node_states(actor, run.id), core.runs.node_totals(actor, run.id)
    run_waiting.draw(actor, run, graph, states)
    step = StepChoice(f"run_step_{run.id}", [node.id for node in graph.nodes], run_states.telling(graph, states))
    step.hear(_canvas(run, graph, states, totals, step.node_id).selected)
    view = st.segmented_control(
        "Details",
        [STEP, TIMELINE, TRACE, INPUT],
        default=STEP,
        required=True,
        label_visibility="collapsed",
        key="run_view",
    )
    if view == INPUT:
        run_values.named(run.inputs, "run_input")
        if not run.inputs:
            st.caption("This run was asked for nothing.")
        return
    titles = {node.id: node.title for node in graph.nodes}
    if view == TIMELINE:
        _timeline(actor, run, graph, states, totals)
        return
    if view == TRACE:
        run_trace.draw(run, run_trace.read(actor, run), titles)
        return
    node_id = step.draw(lambda one: f"{titles[one]} · {run_states.LABELS[run_states.status_of(one, states)][0]}")
    run_node.draw(actor, run, graph, node_id, states, totals.get(node_id, Totals()), run_trace.read(actor, run))


def _canvas(
    run: Run, graph: Graph, states: Sequence[NodeState], totals: Mapping[str, Totals], selected: str
) -> CanvasEvent:
    """Draw the canvas, on which a person may select another node than ``selected``."""
    return canvas.draw(
        f"run_canvas_{run.id}",
        _shape(graph),
        0,
        faces=workflow_faces.faces(graph, ()),
        kinds=workflow_faces.palette(),
        states=run_states.on_canvas(graph, states, totals, clock.now()),
        selected=selected,
        is_read_only=True,
        height=HEIGHT,
    )


def _timeline(
    actor: User, run: Run, graph: Graph, states: Sequence[NodeState], totals: Mapping[str, Totals]
) -> None:
    found = run_timeline.spans(states, run_trace.events(actor, run), totals, clock.now())
    if not found:
        st.caption("Nothing has begun yet.")
        return
    titles = {node.id: node.title for node in graph.nodes}
    st.plotly_chart(
        run_timeline.figure(found, run_timeline.handovers(graph, states), titles, theme.timeline_colours()),
        key="run_timeline",
        config={"displayModeBar": False},
        alt="Who worked and waited when",
    )


def _shape(graph: Graph) -> dict[str, Any]:
    """Return what the canvas draws: the settings of nodes and their agents stay here."""
    nodes: list[dict[str, Any]] = []
    for node in graph.nodes:
        place = {} if node.position is None else {"position": {"x": node.position[0], "y": node.position[1]}}
        nodes.append({"id": node.id, "kind": node.kind, "label": node.label, **place})
    return {"nodes": nodes, "edges": [edge.document() for edge in graph.edges]}
