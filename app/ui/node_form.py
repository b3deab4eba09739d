"""The drawer in which a node is set up: the form of its kind, what happens when it fails, and its names."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from app import runtime, session, state
from app.guarded import guarded
from app.ui import answer, node_form_trial, workflow_faces
from app.ui.node_form_fields import draw_form
from app.ui.node_form_place import Place, quiet_problem, seed
from app.ui.workflow_desk import Desk, Step
from core.accounts.models import User
from core.engine import graph_edits
from core.engine.graph import LONGEST_TIMEOUT_SECONDS, MAX_ATTEMPTS, MAX_LABEL, Graph, Handling, Node, OnError
from core.engine.nodes.registry import all_kinds
from core.engine.problems import Problem
from core.engine.values import ValueType, as_text, read_value
from core.errors import CoreError

WIDTH = 620
ON_ERROR: Mapping[OnError, str] = {
    "stop": "Stop the run",
    "branch": "Go another way",
    "default": "Use a default",
}
# The fragment that is drawn anew when the drawer is closed.
FRAGMENT = "workflow_edit"


def ask_for(desk: Desk, node_id: str) -> None:
    """Have a node's drawer opened, with what the draft says; what was typed and not saved before is gone."""
    prefix = _prefix(node_id)
    for key in [key for key in st.session_state if str(key).startswith(f"{prefix}_")]:
        del st.session_state[key]
    desk.drawer = desk.selected = node_id


def draw(desk: Desk) -> None:
    """Draw the drawer of the node that was asked for, if there is one."""
    node = desk.graph.by_id.get(desk.drawer or "")
    if node is None:
        desk.drawer = None
        return
    # The title is the node's, so the dialog is made here.
    dialog = st.dialog(
        f"{workflow_faces.kind_label(node)} · {answer.harmless(node.title)}",
        width=WIDTH,
        position="right",
        icon=workflow_faces.kind_icon(node),
        on_dismiss=_close,
        dismissible=True,
    )
    dialog(guarded(_drawer))(desk, node)


def _close() -> None:
    """Forget that the drawer is open. Only this tab's memory is changed, so nobody has to be asked who they are."""
    desk = st.session_state.get(state.DESK)
    if isinstance(desk, Desk):
        desk.drawer = None
    st.rerun(FRAGMENT)


def _drawer(desk: Desk, node: Node) -> None:
    actor, graph = session.current_user(), desk.graph
    kind = all_kinds().get(node.kind)
    prefix = _prefix(node.id)
    if kind is None:
        st.warning("This kind of node is not known here. It can only be deleted.", icon=":material/help:")
        return
    st.caption(kind.help)
    place = Place(actor, desk.workflow_id, graph, node, draw_form, prefix)
    label, new_id = _names(node, prefix)
    typed = draw_form(kind.form, node.config, prefix, place)
    # What the form does not know stays as it was imported.
    known = {field.name for field in kind.form}
    config = {name: value for name, value in node.config.items() if name not in known} | typed
    handling = _handling(node, kind.shape(node).type, place) if kind.is_target else node.handling

    def step(before: Graph) -> Graph:
        changed = graph_edits.configure(before, node.id, label=label, config=config, handling=handling)
        return graph_edits.rename_id(changed, node.id, new_id)

    with st.container(horizontal=True, vertical_alignment="center"):
        is_saved = st.button("Save", type="primary", key=f"{prefix}_save")
        place.slots["save"] = st.container()
    _say_problems(desk, actor, place, step)
    if is_saved:
        _save(desk, actor, place, step, new_id)
    if kind.is_target:
        _try_out(actor, place, step, new_id)


def _save(desk: Desk, actor: User, place: Place, step: Step, new_id: str) -> None:
    if not place.unread and desk.take(actor, step):
        desk.drawer = None
        # The keyboard's focus goes back to what is selected.
        desk.selected = new_id
        st.rerun()
    if desk.clash:
        desk.drawer = None
        st.rerun()
    sentence = place.unread[0] if place.unread else desk.refusal or ""
    desk.refusal = None
    st.error(answer.harmless(sentence), icon=":material/error:")


def _try_out(actor: User, place: Place, step: Step, node_id: str) -> None:
    try:
        graph = step(place.graph)
    except CoreError:
        return
    if node_id in graph.by_id:
        node_form_trial.draw(actor, place, graph, node_id)


def _say_problems(desk: Desk, actor: User, place: Place, step: Step) -> None:
    """Draw under each field what would be wrong with it if this were saved."""
    try:
        document = step(place.graph).document()
        found = runtime.get_core().workflows.problems(actor, document, desk.workflow_id)
    except CoreError:
        return
    for sentence in place.unread:
        with place.slots["save"]:
            quiet_problem(sentence)
    for problem in _of_node(found, place.node.id):
        with place.slots.get(problem.field or "", place.slots["save"]):
            quiet_problem(_shorter(problem.sentence, place.node))


def _of_node(problems: Sequence[Problem], node_id: str) -> list[Problem]:
    return [problem for problem in problems if problem.node_id == node_id]


def _shorter(sentence: str, node: Node) -> str:
    """Leave out whose problem it is: it stands in that node's own form."""
    rest = sentence.removeprefix(f"{node.title}: ")
    return rest[:1].upper() + rest[1:]


def _names(node: Node, prefix: str) -> tuple[str, str]:
    left, right = st.columns([3, 2])
    seed(f"{prefix}_label", node.label)
    label = left.text_input("Name", key=f"{prefix}_label", max_chars=MAX_LABEL, placeholder=node.id)
    seed(f"{prefix}_id", node.id)
    new_id = right.text_input(
        "Short name",
        key=f"{prefix}_id",
        max_chars=80,
        help="Other nodes use its result by this name, such as {{" + node.id + "}}. They follow when it changes.",
    )
    return label, new_id


def _handling(node: Node, wanted: ValueType, place: Place) -> Handling:
    """Draw how often it is tried, how long it may take, and what happens when it fails in the end."""
    prefix, now = place.prefix, node.handling
    with st.expander("When it fails", icon=":material/healing:"):
        left, right = st.columns(2)
        seed(f"{prefix}_attempts", now.attempts)
        attempts = left.number_input(
            "Attempts",
            1,
            MAX_ATTEMPTS,
            None,
            key=f"{prefix}_attempts",
            placeholder="as usual",
            help="How often it is tried when trying again can help. As usual: 3 times.",
        )
        seed(f"{prefix}_timeout", None if now.timeout_seconds is None else int(now.timeout_seconds))
        timeout = right.number_input(
            "Time limit (seconds)",
            1,
            LONGEST_TIMEOUT_SECONDS,
            None,
            key=f"{prefix}_timeout",
            placeholder="as usual",
            help="How long one attempt may take.",
        )
        seed(f"{prefix}_on_error", now.on_error)
        on_error = st.segmented_control(
            "If it fails in the end",
            list(ON_ERROR),
            format_func=ON_ERROR.__getitem__,
            required=True,
            key=f"{prefix}_on_error",
        )
        default = now.default
        if on_error == "default":
            seed(f"{prefix}_default", as_text(now.default))
            text = st.text_area("Default value", key=f"{prefix}_default", help="Its result then.", height=90)
            try:
                default = read_default(text, wanted)
            except ValueError as error:
                place.unread.append(f"Default value: {error}")
        place.slots["default"] = place.slots["on_error"] = st.container()
    return Handling(attempts, timeout, on_error or "stop", default if on_error == "default" else None)


def read_default(text: str, wanted: ValueType) -> Any:
    """Return the default that was typed; raises ``ValueError`` with a sentence when it has not the wanted type."""
    if wanted not in ("any", "file"):
        return read_value(text, wanted)
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _prefix(node_id: str) -> str:
    return f"node_{node_id}"
