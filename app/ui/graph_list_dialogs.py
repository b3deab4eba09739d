"""The dialogs of the list editor: where a node goes, what follows it, and what it is called."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from app import session
from app.guarded import guarded
from app.ui import answer, node_form
from app.ui.workflow_desk import Desk, Step
from core.engine import graph_edits
from core.engine.graph import MAX_LABEL, Edge, Graph, Node
from core.engine.nodes.registry import all_kinds

NOWHERE = "Nothing: it begins"


@st.dialog("Add a node")
@guarded
def add(desk: Desk) -> None:
    """Ask for the kind of a new node and where it stands; its form opens next."""
    graph, kinds = desk.graph, all_kinds()
    name = st.selectbox(
        "Kind", list(kinds), format_func=lambda one: kinds[one].label, key="list_add_kind", help="What it does."
    )
    kind = kinds[name]
    st.caption(kind.help)
    after, when, is_between = None, "", False
    if kind.is_target:
        start = _last(desk, graph)
        after = _choose_node("After", _sources(graph), "list_add_after", placeholder=NOWHERE, start=start)
        if after:
            when = _choose_way(graph.by_id[after], "list_add_way")
            is_between = _ask_between(graph, after, when, "list_add_between")
    if st.button("Add node", type="primary", key="list_add_yes"):
        made: list[Node] = []

        def step(before: Graph) -> Graph:
            changed, node = graph_edits.add_node(before, kind, after=after, when=when, is_between=is_between)
            made.append(node)
            return changed

        _take(desk, step, lambda: node_form.ask_for(desk, made[0].id))


@st.dialog("Connect")
@guarded
def connect(desk: Desk, node: Node) -> None:
    """Ask what should follow a node, and by which outcome."""
    graph = desk.graph
    st.caption(f"What comes after {answer.harmless(node.title)}?")
    if not graph_edits.ways_on(node):
        st.info("Nothing can follow this node.", icon=":material/block:")
        return
    when = _choose_way(node, "list_connect_way")
    taken = {edge.target for edge in graph.outgoing[node.id] if edge.when == when}
    able = [
        one
        for one in graph.nodes
        if one.id not in taken
        and one.id != node.id
        and one.id not in graph.upstream[node.id]
        and (one.kind not in all_kinds() or all_kinds()[one.kind].is_target)
    ]
    target = _choose_node("Then", able, "list_connect_target", placeholder="Choose a node")
    if st.button("Connect", type="primary", key="list_connect_yes", disabled=target is None) and target:
        _take(desk, lambda before: graph_edits.connect(before, node.id, target, when))


@st.dialog("Disconnect")
@guarded
def disconnect(desk: Desk, node: Node) -> None:
    """Ask which connection of a node should go."""
    graph = desk.graph
    edges = [*graph.incoming[node.id], *graph.outgoing[node.id]]
    if not edges:
        st.info("Nothing is connected with this node.", icon=":material/link_off:")
        return
    number = st.selectbox(
        "Connection",
        range(len(edges)),
        format_func=lambda place: _edge_name(graph, edges[place]),
        key="list_disconnect_edge",
    )
    if st.button("Disconnect", type="primary", key="list_disconnect_yes"):
        edge = edges[number]
        _take(desk, lambda before: graph_edits.disconnect(before, edge.source, edge.target, edge.when))


@st.dialog("Rename")
@guarded
def rename(desk: Desk, node: Node) -> None:
    """Ask for another name, for people and for references."""
    with st.form("list_rename_form", border=False):
        label = st.text_input("Name", node.label, max_chars=MAX_LABEL, key=f"list_rename_label_{node.id}")
        new_id = st.text_input(
            "Short name",
            node.id,
            max_chars=80,
            key=f"list_rename_id_{node.id}",
            help="Other nodes use its result by this name; they follow when it changes.",
        )
        is_sent = st.form_submit_button("Rename", type="primary", key="list_rename_yes")
    if is_sent:
        _take(
            desk,
            lambda before: graph_edits.rename_id(graph_edits.rename_label(before, node.id, label), node.id, new_id),
        )


@st.dialog("Move")
@guarded
def move(desk: Desk, node: Node) -> None:
    """Ask behind which node this one should stand."""
    graph = desk.graph
    st.caption(f"{answer.harmless(node.title)} leaves its place; what stood around it is connected.")
    able = [one for one in _sources(graph) if one.id != node.id]
    after = _choose_node("Put it after", able, "list_move_after", placeholder="Choose a node")
    when = _choose_way(graph.by_id[after], "list_move_way") if after else ""
    if st.button("Move", type="primary", key="list_move_yes", disabled=after is None) and after:
        _take(desk, lambda before: graph_edits.move_node(before, node.id, after, when))


def _take(desk: Desk, step: Step, then: Callable[[], None] = lambda: None) -> None:
    """Take the step and close the dialog, or say why it cannot be taken."""
    if desk.take(session.current_user(), step):
        then()
        st.rerun()
    if desk.clash:
        st.rerun()
    sentence, desk.refusal = desk.refusal, None
    st.error(answer.harmless(sentence or ""), icon=":material/error:")


def _sources(graph: Graph) -> list[Node]:
    return [node for node in graph.nodes if graph_edits.ways_on(node)]


def _last(desk: Desk, graph: Graph) -> str | None:
    """Return the node after which a new one is most likely meant to stand: the one in hand, else a loose end."""
    able = [node.id for node in _sources(graph)]
    loose = [node_id for node_id in able if not graph.outgoing[node_id]]
    return desk.selected if desk.selected in able else next(iter(reversed(loose or able)), None)


def _choose_node(
    label: str, nodes: Sequence[Node], key: str, *, placeholder: str, start: str | None = None
) -> str | None:
    titles = {node.id: node.title for node in nodes}
    ids = list(titles)
    return st.selectbox(
        label,
        ids,
        ids.index(start) if start in ids else None,
        format_func=lambda one: titles.get(one, one),
        key=key,
        placeholder=placeholder,
    )


def _choose_way(node: Node, key: str) -> str:
    """Draw the choice of an outcome, where there are several."""
    labels = {way.name: way.label or "When it is done" for way in graph_edits.ways_on(node)}
    if len(labels) == 1:
        return next(iter(labels))
    return st.selectbox("On the way", list(labels), format_func=labels.__getitem__, key=f"{key}_{node.id}")


def _ask_between(graph: Graph, after: str, when: str, key: str) -> bool:
    behind = [graph.by_id[edge.target].title for edge in graph.outgoing[after] if edge.when == when]
    if not behind:
        return False
    return st.toggle(f"Before {', '.join(behind)}", value=True, key=key, help="Else it stands beside.")


def _edge_name(graph: Graph, edge: Edge) -> str:
    source, target = graph.by_id[edge.source], graph.by_id[edge.target]
    label = {way.name: way.label for way in graph_edits.ways_on(source)}.get(edge.when, edge.when)
    return f"{source.title} → {target.title}{f' ({label})' if label else ''}"
