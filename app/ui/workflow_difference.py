"""Draws in words what lies between two graphs: nodes that came, went or are set otherwise, and connections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from app import runtime
from app.ui import answer, layout
from core.accounts.models import User
from core.engine.graph import read_graph
from core.workflows.difference import EdgeChange, FieldChange, NodeChange, difference

ICONS = {
    "added": ":green[:material/add_circle:]",
    "removed": ":red[:material/do_not_disturb_on:]",
    "changed": ":blue[:material/edit:]",
}
LONGEST = 600


def draw(actor: User, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Draw the difference of two graphs, given as plain data."""
    found = difference(read_graph(before), read_graph(after), _names(actor))
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


def _names(actor: User) -> dict[str, str]:
    """Return what people call the things that a graph refers to, as far as the actor may see them."""
    core = runtime.get_core()
    return {
        **{agent.id: agent.definition.name for agent in core.agents.list(actor)},
        **{workflow.id: workflow.name for workflow in core.workflows.list(actor)},
        **{key.id: key.name for key in core.keys.list(actor, "llm")},
        **{one.id: one.name for one in core.sharing.colleagues(actor)},
        **{department.slug: department.name for department in core.departments.all()},
        actor.id: actor.name,
    }
