"""The view Edit of a workflow: the canvas or the list, what is wrong, and that it is saved. One fragment.

Only this fragment is drawn anew when somebody works on the graph, and nothing is while nobody does.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app import runtime, session
from app.guarded import guarded
from app.ui import (
    answer,
    canvas,
    formats,
    graph_list,
    node_form,
    rights,
    workflow_clash,
    workflow_faces,
    workflow_looked_at,
    workflow_publish,
)
from app.ui.canvas import CanvasEvent
from app.ui.workflow_desk import Desk, again, desk_of
from core.accounts.models import User
from core.engine.problems import Problem
from core.workflows.models import Draft

CANVAS, LIST = "Canvas", "List"
HEIGHT = 600


def draw(actor: User, draft: Draft) -> None:
    """Draw the editor, or the graph as it stands for somebody who may not change it."""
    if may_edit(actor, draft):
        desk_of(draft)
        _edit(draft.id)
    else:
        workflow_looked_at.draw(actor, draft)


def may_edit(actor: User, draft: Draft) -> bool:
    """Whether somebody may change a workflow now."""
    return draft.access.reaches("edit") and rights.may(actor, "agents.edit") and draft.archived_at is None


@st.fragment(key=node_form.FRAGMENT)
@guarded
def _edit(workflow_id: str) -> None:
    actor = session.current_user()
    draft = runtime.get_core().workflows.get(actor, workflow_id)
    desk = desk_of(draft)
    if desk.clash:
        workflow_clash.draw(actor, desk, draft)
        return
    _say_news(desk)
    problems = runtime.get_core().workflows.problems(actor, desk.document, draft.id)
    view = _bar(actor, desk, draft, problems)
    if view == CANVAS:
        _hear(actor, desk, _canvas(desk, problems))
    else:
        graph_list.draw(actor, desk, problems)
    _follow(desk, draft)
    _refusal(desk)
    _problems(desk, problems)
    if desk.drawer:
        node_form.draw(desk)


def _bar(actor: User, desk: Desk, draft: Draft, problems: Sequence[Problem]) -> str:
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", key="workflow_bar"
    ):
        view = st.segmented_control(
            "Editor",
            [CANVAS, LIST],
            default=LIST if _is_phone() else CANVAS,
            required=True,
            label_visibility="collapsed",
            key="workflow_editor",
        )
        with st.container(horizontal=True, vertical_alignment="center", width="content", gap="small"):
            st.caption(_saved(draft), width="content")
            workflow_publish.button(actor, draft, problems)
    return view


def _canvas(desk: Desk, problems: Sequence[Problem]) -> CanvasEvent:
    return canvas.draw(
        f"workflow_canvas_{desk.workflow_id}",
        desk.document,
        desk.revision,
        kinds=workflow_faces.palette(),
        faces=workflow_faces.faces(desk.graph, problems),
        selected=desk.selected,
        height=HEIGHT,
    )


def _hear(actor: User, desk: Desk, event: CanvasEvent) -> None:
    """Save what was done on the canvas, and open the form that was asked for."""
    if event.selected:
        desk.selected = event.selected
    is_new = event.graph is not None and event.number > desk.heard
    if is_new and event.graph is not None:
        desk.heard = event.number
        # Based on an older revision, it lacks what a form has saved since: the canvas sends it again with that.
        if event.base_revision == desk.revision:
            desk.save(actor, event.graph)
    if event.opened:
        node_form.ask_for(desk, event.opened)
    if is_new or event.opened:
        again()


def _follow(desk: Desk, draft: Draft) -> None:
    """Go on with what somebody else has saved, where nothing of one's own is in the way.

    An open form is: saving it would put back what they have changed in its node, so that has to clash.
    """
    if draft.revision > desk.revision and not desk.clash and not desk.drawer:
        desk.load(draft)
        desk.news = f"{draft.draft_by_name} has changed this workflow."
        again()


def _say_news(desk: Desk) -> None:
    if desk.news:
        st.toast(answer.harmless(desk.news), icon=":material/sync:")
        desk.news = None


def _refusal(desk: Desk) -> None:
    if desk.refusal and not desk.drawer:
        st.error(answer.harmless(desk.refusal), icon=":material/error:")
        desk.refusal = None


def _problems(desk: Desk, problems: Sequence[Problem]) -> None:
    """Draw what is wrong, a sentence each; a click selects the node."""
    if not problems:
        return
    errors = sum(not problem.is_warning for problem in problems)
    words = f"{errors} {'problem' if errors == 1 else 'problems'}" if errors else "Worth a look"
    with st.expander(words, expanded=True, icon=":material/error:" if errors else ":material/info:"):
        for number, problem in enumerate(problems):
            sentence = answer.harmless(problem.sentence[:1].upper() + problem.sentence[1:])
            icon = ":material/info:" if problem.is_warning else ":material/error:"
            if problem.node_id is None:
                st.markdown(f"{icon} {sentence}")
            elif st.button(sentence, icon=icon, type="tertiary", key=f"workflow_problem_{number}"):
                desk.selected = problem.node_id
                again()


def _saved(draft: Draft) -> str:
    return f":material/cloud_done: Saved {formats.ago(draft.draft_at)}"


def _is_phone() -> bool:
    return "Mobi" in st.context.headers.get("User-Agent", "")
