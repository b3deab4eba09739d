"""The view Run of a workflow: a form of what it asks for, what it may cost, and the way to its run."""

from __future__ import annotations

import streamlit as st

from app import navigation, runtime
from app.feedback import reporting
from app.ui import amounts, answer, rights, run_form, workflow_editor, workflow_inputs, workflow_publish
from core.accounts.models import User
from core.engine.graph import read_graph
from core.errors import CoreError
from core.runs.inputs import fields_of
from core.workflows.models import Draft

PUBLISHED, DRAFT = "Published version", "Draft, as a test"


def draw(actor: User, draft: Draft) -> None:
    """Draw the form; when it is sent, start the run and open its page."""
    if draft.archived_at is not None:
        st.info("This workflow is archived. Bring it back in its settings first.", icon=":material/inventory_2:")
        return
    is_test = _asks_which(actor, draft)
    if draft.published_version is None and not is_test:
        st.info("Nothing is published yet, and runs use what is published.", icon=":material/publish:")
        return
    core = runtime.get_core()
    try:
        graph = draft.graph if is_test else core.workflows.to_run(actor, draft.id).graph
        fields = fields_of(read_graph(graph))
    except CoreError as error:
        st.info(answer.harmless(error.sentence), icon=":material/block:")
        return
    with st.form("workflow_run_form", border=True):
        given = workflow_inputs.draw(fields, "workflow_input")
        with st.container(horizontal=True, vertical_alignment="bottom"):
            is_sent = st.form_submit_button(
                "Run",
                type="primary",
                icon=":material/play_arrow:",
                key="workflow_run",
                disabled=not rights.may(actor, "runs.start"),
            )
            limit = st.text_input(
                "May cost at most",
                placeholder="no limit",
                help="US dollars. A call that may not fit any more is not sent, and the run ends.",
                key="workflow_limit",
                width=220,
            )
            if not is_test:
                st.caption(_estimate(actor, draft), width="content")
    if is_sent:
        with reporting():
            run = core.runs.start_workflow_run(actor, draft.id, given, amounts.micros(limit), is_test=is_test)
            navigation.go(navigation.RUN, id=run.id)


def _asks_which(actor: User, draft: Draft) -> bool:
    """Draw the choice between what is published and the draft, for editors; return whether it is a test."""
    if not workflow_editor.may_edit(actor, draft) or draft.is_published:
        return False
    if draft.published_version is None:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption("Nothing is published yet: this runs the draft, as a test.", width="stretch")
            if st.button("Publish", icon=":material/publish:", key="workflow_publish_to_run"):
                workflow_publish.publish(draft)
        return True
    chosen = st.segmented_control(
        "What runs",
        [PUBLISHED, DRAFT],
        default=PUBLISHED,
        required=True,
        label_visibility="collapsed",
        key="workflow_run_what",
    )
    return chosen == DRAFT


def _estimate(actor: User, draft: Draft) -> str:
    try:
        return run_form.words(runtime.get_core().estimates.of_workflow_run(actor, draft.id), "First calls")
    except CoreError as error:
        return answer.harmless(error.sentence)
