"""A workflow for somebody who may not change it: its canvas, and what each step is set to, in words."""

from __future__ import annotations

import streamlit as st

from app import runtime
from app.ui import answer, canvas, workflow_faces
from app.ui.step_choice import StepChoice
from core.accounts.models import User
from core.engine.graph import Graph, read_graph
from core.workflows.models import Draft

HEIGHT = 420


def draw(actor: User, draft: Draft) -> None:
    """Draw the draft; a step is chosen on the canvas or in the list below it."""
    graph = read_graph(draft.graph)
    st.caption(":material/visibility: You can look at this workflow, and not change it.")
    if not graph.nodes:
        st.caption("It has no steps yet.")
        return
    titles = {node.id: node.title for node in graph.nodes}
    step = StepChoice(f"workflow_looked_at_{draft.id}", list(titles), graph.nodes[0].id)
    event = canvas.draw(
        f"workflow_canvas_{draft.id}",
        draft.graph,
        draft.revision,
        kinds=workflow_faces.palette(),
        faces=workflow_faces.faces(graph, ()),
        selected=step.node_id,
        is_read_only=True,
        height=HEIGHT,
    )
    step.hear(event.selected)
    node_id = step.draw(titles.__getitem__, "visible")
    _settings(actor, draft, graph, node_id)


def _settings(actor: User, draft: Draft, graph: Graph, node_id: str) -> None:
    node = graph.by_id[node_id]
    with st.container(border=True, gap="xsmall", key="workflow_settings_shown"):
        icon, kind = workflow_faces.kind_icon(node), workflow_faces.kind_label(node)
        st.markdown(f"{icon} **{answer.harmless(node.title)}** · {kind}")
        for setting in runtime.get_core().workflows.settings(actor, draft.id, node_id):
            st.caption(answer.harmless(setting.label))
            st.text(setting.text)
