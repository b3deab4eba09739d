"""One node of a run: how it stands, what it gave, what it used, and what can be done from there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from app import navigation, runtime
from app.feedback import reporting
from app.ui import answer, formats, rights, run_states, run_trace, run_values, workflow_faces
from app.ui.trace import Trace
from core import clock
from core.accounts.models import User
from core.engine.graph import Graph
from core.runs.models import Run
from core.runs.nodes.models import NODE, NodeState
from core.usage.models import Totals

ROUNDS_SHOWN = 100


def draw(
    actor: User, run: Run, graph: Graph, node_id: str, states: Sequence[NodeState], used: Totals, trace: Trace
) -> None:
    """Draw the node ``node_id``; ``used`` are its calls."""
    node, state = graph.by_id[node_id], run_states.of_nodes(states).get(node_id)
    with st.container(border=True, key="run_node"):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.markdown(
                f"{workflow_faces.kind_icon(node)} **{answer.harmless(node.title)}**"
                f" · {workflow_faces.kind_label(node)}",
                width="content",
            )
            label, icon, colour = run_states.LABELS[run_states.status_of(node_id, states)]
            st.badge(label, icon=icon, color=colour)
        st.caption(_facts(state, used))
        if state and state.error:
            st.error(answer.harmless(state.error.message), icon=":material/error:")
            st.caption(f"Code: `{state.error.code}`")
        for doubtful in (one for one in states if one.node_id == node_id and one.status == "in_doubt"):
            _doubt(actor, run, doubtful)
        if state and state.status == "succeeded":
            st.caption("Output")
            run_values.draw(state.output, f"run_output_{node_id}")
        _rounds(run_states.rounds_of(states, node_id), node_id)
        if node_id in trace.steps and trace.steps[node_id].items:
            with st.expander("What happened", icon=":material/receipt_long:"):
                run_trace.items(trace.steps[node_id])
        _again(actor, run, node_id, state)


def _facts(state: NodeState | None, used: Totals) -> str:
    if state is None:
        return "It has not begun."
    took = run_states.seconds(state, clock.now())
    parts = [
        "Taken over, not done anew" if state.is_cached else "",
        formats.duration(took) if took is not None else "",
        f"{state.attempts} attempts" if state.attempts > 1 else "",
        f"went on by “{answer.harmless(state.branch)}”" if state.branch else "",
    ]
    if used.calls:
        calls = f"{used.calls} model call{'' if used.calls == 1 else 's'}"
        told = f"{formats.tokens(used.input_tokens)} tokens in, {formats.tokens(used.output_tokens)} out"
        parts += [calls, told, formats.cost(used)]
    return " · ".join(filter(None, parts)).replace("$", "\\$") or "No way led here."


def _rounds(rounds: Sequence[NodeState], node_id: str) -> None:
    if not rounds:
        return
    with st.expander(f"{len(rounds)} rounds", icon=":material/repeat:"):
        for state in rounds[:ROUNDS_SHOWN]:
            label, icon, colour = run_states.LABELS[state.status]
            with st.container(horizontal=True, vertical_alignment="center"):
                st.caption(f"Round {state.item + 1}", width=80)
                st.badge(label, icon=icon, color=colour)
            if state.error:
                st.caption(answer.harmless(state.error.message))
            elif state.status == "succeeded":
                run_values.draw(state.output, f"run_round_{node_id}_{state.item}")
        if len(rounds) > ROUNDS_SHOWN:
            st.caption(f"The first {ROUNDS_SHOWN} of {len(rounds):,} rounds.")


def _doubt(actor: User, run: Run, state: NodeState) -> None:
    """Ask whether something has happened outside; only the owner of a run that is active is asked."""
    if not (run.is_active and run.owner_id == actor.id and rights.may(actor, "runs.start")):
        return
    key = f"run_doubt_{state.node_id}_{state.item}"
    where = "This step" if state.item == NODE else f"Round {state.item + 1}"
    st.markdown(f"**Did it happen?** {where} may have acted outside before its worker was interrupted.")
    result = st.text_area("What came of it (optional)", key=f"{key}_result", height=80)
    with st.container(horizontal=True):
        happened = st.button("It did happen, with this result", type="primary", key=f"{key}_yes")
        anew = st.button("Do it again", key=f"{key}_no")
    if happened or anew:
        with reporting():
            given: Any = result or None
            runtime.get_core().runs.settle_doubt(actor, run.id, state.node_id, state.item, happened, given)
            st.rerun()


def _again(actor: User, run: Run, node_id: str, state: NodeState | None) -> None:
    may = run.owner_id == actor.id and run.parent is None and rights.may(actor, "runs.start")
    if run.is_active or not may or state is None or state.status == "skipped":
        return
    if st.button(
        "Run again from here",
        icon=":material/replay:",
        key="run_again_from",
        help="A new run takes over what came before this step, and does the rest anew.",
    ):
        with reporting():
            navigation.go(navigation.RUN, id=runtime.get_core().runs.run_again_from(actor, run.id, node_id).id)
