"""The graph as a list, in running order: everything that the canvas can do, with labelled fields and buttons."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.ui import answer, graph_list_dialogs, layout, node_form, workflow_faces
from app.ui.workflow_desk import Desk, again
from core.accounts.models import User
from core.engine import graph_edits
from core.engine.graph import Graph, Node, in_order
from core.engine.nodes.registry import all_kinds
from core.engine.problems import Problem

MORE = ("Rename", "Connect", "Disconnect", "Move", "Duplicate", "Delete")


def draw(actor: User, desk: Desk, problems: Sequence[Problem]) -> None:
    """Draw the list; what is done in it is one step each."""
    graph = desk.graph
    _bar(actor, desk)
    by_node = workflow_faces.sentences(problems)
    if not graph.nodes:
        st.caption("There is no node yet. Add the first one.")
        return
    with st.container(border=True, gap="xsmall"):
        for number, node in enumerate(running_order(graph), 1):
            if number > 1:
                layout.rule()
            _row(actor, desk, graph, node, number, by_node.get(node.id, ()))


def running_order(graph: Graph) -> list[Node]:
    """Return the nodes as they can run; those that wait for each other in a circle come last."""
    return list({node.id: node for node in (*in_order(graph), *graph.nodes)}.values())


def goes_to(graph: Graph, node: Node) -> str:
    """Return in one line what follows a node, by which outcome."""
    labels = {way.name: way.label for way in graph_edits.ways_on(node)}
    parts = []
    for edge in graph.outgoing[node.id]:
        title = graph.by_id[edge.target].title
        label = labels.get(edge.when, edge.when)
        parts.append(f"{label} → {title}" if label else f"→ {title}")
    return " · ".join(parts)


def _bar(actor: User, desk: Desk) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if st.button("Add a node", icon=":material/add:", key="list_add"):
            graph_list_dialogs.add(desk)
        if st.button("Undo", icon=":material/undo:", key="list_undo", disabled=not desk.past):
            desk.undo(actor)
            again()
        if st.button("Redo", icon=":material/redo:", key="list_redo", disabled=not desk.future):
            desk.redo(actor)
            again()


def _row(actor: User, desk: Desk, graph: Graph, node: Node, number: int, problems: tuple[str, ...]) -> None:
    about, actions = st.columns([7, 3], vertical_alignment="center")
    with about, st.container(gap=None):
        icon, label = workflow_faces.kind_icon(node), workflow_faces.kind_label(node)
        st.markdown(f"{number}. {icon} **{answer.harmless(node.title)}**")
        then = goes_to(graph, node)
        kind = all_kinds().get(node.kind)
        words = " · ".join(filter(None, [label, (kind.subtitle(node) if kind else "")[:80]]))
        st.caption(answer.harmless(words))
        if then:
            st.caption(answer.harmless(then))
        for sentence in problems:
            st.caption(f":orange[:material/error:] {answer.harmless(sentence)}")
    with actions, st.container(horizontal=True, horizontal_alignment="right", gap="small"):
        called = answer.harmless(f"{number}. {node.title}")
        if st.button("Edit", icon=":material/edit:", key=f"list_edit_{node.id}", help=f"Edit {called}"):
            node_form.ask_for(desk, node.id)
            again()
        chosen = st.menu_button("More", MORE, key=f"list_more_{node.id}", help=f"More for {called}")
    if chosen:
        _do(actor, desk, node, chosen)


def _do(actor: User, desk: Desk, node: Node, what: str) -> None:
    match what:
        case "Rename":
            graph_list_dialogs.rename(desk, node)
        case "Connect":
            graph_list_dialogs.connect(desk, node)
        case "Disconnect":
            graph_list_dialogs.disconnect(desk, node)
        case "Move":
            graph_list_dialogs.move(desk, node)
        case "Duplicate":
            desk.take(actor, lambda graph: graph_edits.duplicate(graph, node.id)[0])
            again()
        case "Delete":
            desk.take(actor, lambda graph: graph_edits.remove_node(graph, node.id))
            again()
