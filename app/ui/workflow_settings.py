"""The view Settings of a workflow: what it is called, whose it is, and what else can be done with it."""

from __future__ import annotations

import streamlit as st

from app import navigation, runtime, session
from app.feedback import done, reporting
from app.guarded import guarded
from app.ui import answer, rights, workflow_editor, workflow_export, workflow_new
from core.accounts.models import User
from core.workflows.models import MAX_DESCRIPTION, MAX_NAME, Draft


def draw(actor: User, draft: Draft) -> None:
    """Draw the facts as a form, for whoever may change them, and the other things that can be done."""
    if workflow_editor.may_edit(actor, draft):
        _facts(actor, draft)
    elif draft.description:
        st.markdown(answer.harmless(draft.description))
    workflow_export.draw(actor, draft)
    st.subheader("More", anchor=False)
    with st.container(horizontal=True):
        _copy(actor, draft)
        _put_away(actor, draft)
        if draft.access.is_owner and st.button("Delete", icon=":material/delete:", key="workflow_delete"):
            _delete(draft)


def _facts(actor: User, draft: Draft) -> None:
    with st.form("workflow_settings_form", border=True):
        left, right = st.columns([2, 1])
        name = left.text_input("Name", draft.name, max_chars=MAX_NAME, key="workflow_name")
        with right:
            department = workflow_new.choose_department(actor, "workflow_department", draft.department)
        description = st.text_area(
            "Description",
            draft.description,
            max_chars=MAX_DESCRIPTION,
            height=100,
            key="workflow_description",
            help="What it is for. Optional.",
        )
        is_sent = st.form_submit_button("Save changes", type="primary", key="workflow_settings_save")
    if is_sent:
        with reporting():
            runtime.get_core().workflows.change(
                actor, draft.id, name=name, description=description, department=department
            )
            done("The changes were saved.")
            st.rerun()


def _copy(actor: User, draft: Draft) -> None:
    is_wished = rights.may(actor, "agents.edit") and st.button(
        "Duplicate", icon=":material/content_copy:", key="workflow_duplicate"
    )
    if is_wished:
        with reporting():
            copy = runtime.get_core().workflows.duplicate(actor, draft.id)
            done("This is your copy.")
            navigation.go(navigation.WORKFLOW, id=copy.id)


def _put_away(actor: User, draft: Draft) -> None:
    if not (draft.access.reaches("edit") and rights.may(actor, "agents.edit")):
        return
    workflows = runtime.get_core().workflows
    if draft.archived_at is None:
        if st.button("Archive", icon=":material/inventory_2:", key="workflow_archive"):
            _archive(draft)
    elif st.button("Bring back", icon=":material/unarchive:", key="workflow_unarchive"):
        with reporting():
            workflows.unarchive(actor, draft.id)
            done("The workflow is back.")
            st.rerun()


@st.dialog("Archive this workflow?")
@guarded
def _archive(draft: Draft) -> None:
    """Ask before a workflow is put away."""
    st.write("It does not run any more and is not in the list, until you bring it back. What starts it is paused.")
    if st.button("Archive workflow", type="primary", key="workflow_archive_yes"):
        with reporting():
            runtime.get_core().workflows.archive(session.current_user(), draft.id)
            done("The workflow was archived.")
            st.rerun()


@st.dialog("Delete this workflow?")
@guarded
def _delete(draft: Draft) -> None:
    """Ask before a workflow is gone."""
    st.write(f"**{answer.harmless(draft.name)}** will be gone, with its versions. Its runs and their costs stay.")
    if st.button("Delete workflow", type="primary", key="workflow_delete_yes"):
        with reporting():
            runtime.get_core().workflows.delete(session.current_user(), draft.id)
            done("The workflow was deleted.")
            navigation.go(navigation.WORKFLOWS)
