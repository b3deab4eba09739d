"""Draws in words what lies between two graphs: nodes that came, went or are set otherwise, and connections."""

from __future__ import annotations

import streamlit as st

from app.ui import answer, layout
from core.workflows.difference import Difference, EdgeChange, FieldChange, NodeChange

ICONS = {
    "added": ":green[:material/add_circle:]",
    "removed": ":red[:material/do_not_disturb_on:]",
    "changed": ":blue[:material/edit:]",
}
LONGEST = 600


def draw(found: Difference) -> None:
    """Draw the difference of two graphs."""
    if found.is_empty:
        moved = f" {found.moved} nodes stand elsewhere." if found.moved else ""
        st.caption(f"Both do the same.{moved}")
        return
    with st.container(border=True, gap="xsmall"):
        changes: list[NodeChange | EdgeChange] = [*found.nodes, *found.edges]
        for number, change in enumerate(changes):
            if number:
                layout.rule()
            if isinstance(change, NodeChange):
                _node(change)
            else:
                _edge(change)


def _node(change: NodeChange) -> None:
    title = answer.harmless(change.title)
    st.markdown(f"{ICONS[change.change]} **{title}** · {answer.harmless(change.kind)} · {change.change}")
    for field in change.fields:
        _field(field)


def _field(field: FieldChange) -> None:
    st.caption(answer.harmless(field.label))
    before, after = st.columns(2)
    before.text(f"− {_short(field.before)}")
    after.text(f"+ {_short(field.after)}")


def _edge(change: EdgeChange) -> None:
    when = f" ({change.when})" if change.when else ""
    words = answer.harmless(f"{change.source} → {change.target}{when}")
    st.markdown(f"{ICONS[change.change]} {words} · connection {change.change}")


def _short(text: str) -> str:
    if not text:
        return "nothing"
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
