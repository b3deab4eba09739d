"""Says what a run waits for: whose word, which moment, which other run; and leads there."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app import navigation, runtime
from app.ui import answer, approval_words
from core.accounts.models import User
from core.engine.graph import Graph
from core.errors import NotFound
from core.runs.models import Run
from core.runs.nodes.models import NodeState


def draw(actor: User, run: Run, graph: Graph, states: Sequence[NodeState]) -> None:
    """Draw a note for each node that waits, while the run is active."""
    if not run.is_active:
        return
    for state in states:
        if state.node_id not in graph.by_id:
            continue
        title = answer.harmless(graph.by_id[state.node_id].title)
        if state.status == "in_doubt":
            st.warning(
                f"**{title}** may have acted outside and was interrupted. Look there, then say what happened.",
                icon=":material/help:",
            )
        elif state.status == "waiting" and state.item < 0:
            _waits(actor, run, state, title)


def _waits(actor: User, run: Run, state: NodeState, title: str) -> None:
    approval = runtime.get_core().approvals.state(run.id, state.node_id)
    if approval is not None and approval.is_open:
        asked = approval_words.asked(approval, actor.id)
        until = approval_words.until(approval)
        with st.container(
            border=True, horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
        ):
            told = f"**{title}** waits until {asked} {'have' if asked == 'you' else 'has'} decided."
            st.markdown(f":material/how_to_reg: {told} {until}".rstrip(), width="stretch")
            try:
                seen = runtime.get_core().approvals.get(actor, approval.id)
            except NotFound:
                return
            label = "Decide" if seen.may_decide else "Open the approval"
            if st.button(label, type="primary" if seen.may_decide else "secondary", key=f"run_ask_{state.node_id}"):
                navigation.go(navigation.APPROVAL, id=approval.id)
    elif state.due_at is not None:
        st.info(f"**{title}** waits until {state.due_at:%Y-%m-%d %H:%M} UTC.", icon=":material/hourglass_empty:")
    else:
        st.info(f"**{title}** waits for what it has started.", icon=":material/hourglass_empty:")
