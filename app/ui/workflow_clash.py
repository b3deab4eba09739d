"""What an editor sees when somebody else has saved the draft first: who, when, and two ways on."""

from __future__ import annotations

import streamlit as st

from app import navigation, runtime
from app.feedback import done, reporting
from app.ui import answer, formats
from app.ui.workflow_desk import Desk, again
from core.accounts.models import User
from core.workflows.models import MAX_NAME, Draft


def draw(actor: User, desk: Desk, draft: Draft) -> None:
    """Draw the warning; nothing is saved before a way is chosen."""
    clash = desk.clash
    if clash is None:
        return
    name = answer.harmless(clash.by_name)
    st.warning(
        f"**{name} saved this workflow {formats.ago(clash.at)}, while you were working on it.** "
        "Your last change is not saved yet. Load what they saved, or keep yours as a workflow of its own.",
        icon=":material/group:",
    )
    with st.container(horizontal=True):
        if st.button("Load theirs", type="primary", icon=":material/sync:", key="workflow_load_theirs"):
            desk.load(draft)
            again()
        if st.button("Keep mine as a copy", icon=":material/content_copy:", key="workflow_keep_mine"):
            with reporting():
                copy = runtime.get_core().workflows.duplicate(
                    actor, draft.id, f"{draft.name[: MAX_NAME - 8]} (mine)", clash.mine
                )
                desk.load(draft)
                done("Your version is a workflow of its own now.")
                navigation.go(navigation.WORKFLOW, id=copy.id)
