"""Two runs side by side: what each step did, used and gave, and where they differ."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from app import navigation, runtime
from app.ui import answer, formats, run_states
from core import clock
from core.accounts.models import User
from core.engine.graph import Graph, read_graph
from core.engine.values import as_text
from core.runs.models import Run, RunFilter
from core.runs.nodes.models import NodeState
from core.usage.models import Totals

LINES_SHOWN = 120
CHOICES = 30


@dataclass(frozen=True)
class Side:
    """One of the two runs, with all that is compared."""

    run: Run
    graph: Graph
    states: Sequence[NodeState]
    totals: Mapping[str, Totals]

    @property
    def titles(self) -> dict[str, str]:
        """What people call its nodes, by id."""
        return {node.id: node.title for node in self.graph.nodes}


def side(actor: User, run_id: str) -> Side:
    """Read one run; raises ``NotFound`` for a stranger's."""
    runs = runtime.get_core().runs
    run = runs.get(actor, run_id)
    graph = read_graph(runs.graph(actor, run_id))
    return Side(run, graph, runs.node_states(actor, run_id), runs.node_totals(actor, run_id))


def rows(left: Side, right: Side) -> list[dict[str, str]]:
    """Return a row for each node of either run: its state, time, cost and tokens in both."""
    titles = {**right.titles, **left.titles}
    ids = [*left.titles, *(node_id for node_id in right.titles if node_id not in left.titles)]
    found = []
    for node_id in ids:
        row = {"Step": titles[node_id]}
        for name, one in (("A", left), ("B", right)):
            row |= {f"{what} {name}": told for what, told in _facts(one, node_id).items()}
        order = ["Step", *(f"{what} {name}" for what in ("State", "Time", "Cost", "Tokens") for name in "AB")]
        found.append({column: row[column] for column in order})
    return found


def difference(left: str, right: str) -> str:
    """Return the lines that two texts do not share, as − and +, with a line around each; empty when they agree."""
    lines = list(difflib.unified_diff(left.splitlines(), right.splitlines(), lineterm="", n=1))[2:]
    if len(lines) > LINES_SHOWN:
        lines = [*lines[:LINES_SHOWN], f"… and {len(lines) - LINES_SHOWN:,} lines more"]
    return "\n".join("⋯" if line.startswith("@@") else line for line in lines)


def results(run: Run) -> dict[str, str]:
    """Return what came out of a run, as texts by name."""
    if run.outputs:
        return {name: as_text(value) for name, value in run.outputs.items()}
    return {"Answer": run.output} if run.output else {}


def draw(left: Side, right: Side) -> None:
    """Draw both runs."""
    for column, name, one in zip(st.columns(2), "AB", (left, right), strict=True):
        with column, st.container(border=True):
            _head(name, one.run)
    st.subheader("Steps", anchor=False)
    st.dataframe(rows(left, right), hide_index=True, key="compare_steps")
    st.subheader("Results", anchor=False)
    _results(results(left.run), results(right.run))


def choice(actor: User, run: Run) -> None:
    """Draw the way from a run to its comparison with another of the same workflow."""
    if run.workflow_id is None:
        return
    found = runtime.get_core().runs.page(actor, RunFilter(workflow_id=run.workflow_id), limit=CHOICES).items
    others = {one.id: one for one in found if one.id != run.id}
    if not others:
        return
    with st.popover("Compare", icon=":material/compare_arrows:", key="run_compare"):
        other = st.selectbox(
            "With which run", list(others), format_func=lambda one: _called(others[one]), key="other"
        )
        if st.button("Compare", type="primary", key="run_compare_go"):
            navigation.go(navigation.COMPARE, a=other, b=run.id)


def _facts(one: Side, node_id: str) -> dict[str, str]:
    if node_id not in one.graph.by_id:
        return dict.fromkeys(("State", "Time", "Cost", "Tokens"), "–")
    state = run_states.of_nodes(one.states).get(node_id)
    used = one.totals.get(node_id, Totals())
    took = run_states.seconds(state, clock.now()) if state else None
    return {
        "State": run_states.LABELS[run_states.status_of(node_id, one.states)][0],
        "Time": formats.duration(took) if took is not None else "–",
        "Cost": formats.cost(used) if used.calls else "–",
        "Tokens": formats.tokens(used.input_tokens + used.output_tokens) if used.calls else "–",
    }


def _head(name: str, run: Run) -> None:
    label, icon, colour = formats.status(run)
    with st.container(horizontal=True, vertical_alignment="center"):
        navigation.link(navigation.RUN, f"**{name}** · {answer.harmless(run.title)}", id=run.id)
        st.badge(label, icon=icon, color=colour)
    version = f"Version {run.workflow_version}" if run.workflow_version else "Draft" if run.workflow_id else ""
    took = formats.run_seconds(run)
    parts = [
        version,
        formats.ago(run.created_at),
        formats.duration(took) if took is not None else "",
        formats.cost(run.totals) if run.totals.calls else "no model calls",
    ]
    st.caption(answer.harmless(" · ".join(filter(None, parts))))


def _results(left: Mapping[str, str], right: Mapping[str, str]) -> None:
    if not left and not right:
        st.caption("Neither run has a result.")
    for name in dict.fromkeys([*left, *right]):
        st.caption(f"**{answer.harmless(name)}**")
        lines = difference(left.get(name, ""), right.get(name, ""))
        if lines:
            st.code(lines, language="diff", wrap_lines=True)
        else:
            st.caption("Both gave the same.")


def _called(run: Run) -> str:
    version = f"version {run.workflow_version}" if run.workflow_version else "draft"
    return f"{formats.ago(run.created_at)} · {version} · {formats.status(run)[0]}"
