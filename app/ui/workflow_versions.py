"""The view Versions of a workflow: what was published when and why, what lies between two, and the way back."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app import runtime, session
from app.feedback import done, reporting
from app.guarded import guarded
from app.ui import answer, formats, layout, workflow_difference, workflow_editor, workflow_publish
from core.accounts.models import User
from core.workflows.models import Draft, VersionFacts

DRAFT = 0


def draw(actor: User, draft: Draft) -> None:
    """Draw the versions, newest first, and the comparison of two of them."""
    versions = runtime.get_core().workflows.versions(actor, draft.id)
    can_edit = workflow_editor.may_edit(actor, draft)
    if not versions:
        layout.empty(
            ":material/publish:",
            "Not published yet",
            "Runs use the version that is published, so that work in progress disturbs nobody.",
            (lambda: _publish_first(draft)) if can_edit else None,
        )
        return
    with st.container(border=True, gap="xsmall"):
        _draft_row(draft)
        for version in versions:
            layout.rule()
            _row(draft, version, can_edit)
    _compare(actor, draft, versions)


def _publish_first(draft: Draft) -> None:
    if st.button("Publish", type="primary", icon=":material/publish:", key="workflow_publish_first"):
        workflow_publish.publish(draft)


def _draft_row(draft: Draft) -> None:
    about, state = st.columns([7, 3], vertical_alignment="center")
    about.markdown("**Draft**")
    about.caption(answer.harmless(f"Saved {formats.ago(draft.draft_at)} by {draft.draft_by_name}"))
    same = f"The same as version {draft.published_version}" if draft.is_published else "Has changes"
    state.caption(same, text_alignment="right")


def _row(draft: Draft, version: VersionFacts, can_edit: bool) -> None:
    about, state = st.columns([7, 3], vertical_alignment="center")
    note = f" · {answer.harmless(version.note)}" if version.note else ""
    about.markdown(f"**Version {version.number}**{note}")
    about.caption(answer.harmless(f"{formats.ago(version.created_at)} by {version.created_by_name}"))
    with state, st.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center"):
        if version.number == draft.published_version:
            st.badge("Runs", icon=":material/check_circle:", color="green")
        elif can_edit and st.button("Go back to it", icon=":material/undo:", key=f"version_back_{version.number}"):
            _roll_back(draft, version.number)


@st.dialog("Go back to this version?")
@guarded
def _roll_back(draft: Draft, number: int) -> None:
    """Ask before an older version runs again."""
    st.write(
        f"Version {number} becomes the one that runs, as a new version. "
        "Runs that have begun go on as they are, and a draft with changes of its own stays."
    )
    if st.button("Go back", type="primary", key="version_back_yes"):
        with reporting():
            version = runtime.get_core().workflows.roll_back(session.current_user(), draft.id, number)
            done(f"Version {version.number} does what version {number} did.")
            st.rerun()


def _compare(actor: User, draft: Draft, versions: Sequence[VersionFacts]) -> None:
    numbers = [DRAFT, *(version.number for version in versions)]
    start = numbers[1] if not draft.is_published else numbers[min(2, len(numbers) - 1)]
    st.subheader("What has changed", anchor=False)
    left, right = st.columns(2)
    before = left.selectbox("From", numbers, numbers.index(start), format_func=_name, key="version_before")
    end = DRAFT if not draft.is_published else numbers[1]
    after = right.selectbox("To", numbers, numbers.index(end), format_func=_name, key="version_after")
    between = (None if number == DRAFT else number for number in (before, after))
    workflow_difference.draw(runtime.get_core().workflows.difference(actor, draft.id, *between))


def _name(number: int) -> str:
    return "Draft" if number == DRAFT else f"Version {number}"
