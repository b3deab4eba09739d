"""The button that publishes a draft, and the dialog that asks for a note or says why it cannot be."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app import runtime, session
from app.feedback import done
from app.guarded import guarded
from app.ui import answer
from core.accounts.models import User
from core.engine.problems import Problem
from core.errors import CoreError
from core.workflows.failures import WorkflowInvalid
from core.workflows.models import MAX_NOTE, Draft


def button(actor: User, draft: Draft, problems: Sequence[Problem]) -> None:
    """Draw the way to a new version; greyed out when nothing has changed since the last one."""
    about = f"This is version {draft.published_version}." if draft.is_published else None
    if st.button(
        "Publish",
        type="primary",
        icon=":material/publish:",
        key="workflow_publish",
        disabled=draft.is_published,
        help=about,
    ):
        publish(draft)


@st.dialog("Publish this workflow")
@guarded
def publish(draft: Draft) -> None:
    """Ask what is new; publish, or list what is in the way."""
    actor = session.current_user()
    before = draft.published_version
    st.caption(
        f"Runs use version {before} until you publish this one." if before else "Once it is published, it can run."
    )
    with st.form("workflow_publish_form", border=False):
        note = st.text_input(
            "What is new", max_chars=MAX_NOTE, key="workflow_publish_note", placeholder="Asks Finance from 5,000 on"
        )
        is_sent = st.form_submit_button("Publish", type="primary", key="workflow_publish_yes")
    if not is_sent:
        return
    try:
        version = runtime.get_core().workflows.publish(actor, draft.id, note, draft.revision)
    except WorkflowInvalid as error:
        st.error("This workflow cannot run yet:", icon=":material/error:")
        for problem in error.problems:
            st.markdown(f"- {answer.harmless(problem.sentence)}")
    except CoreError as error:
        st.error(answer.harmless(error.sentence), icon=":material/error:")
    else:
        done(f"Version {version.number} was published.")
        st.rerun()
