"""The head of a run's page: where it comes from, what belongs to it, and what can be done with it."""

from __future__ import annotations

import streamlit as st

from app import navigation, runtime, session
from app.feedback import reporting
from app.ui import answer, formats, layout, rights, run_compare
from core.accounts.models import User
from core.runs.lineage.models import Lineage
from core.runs.models import Run


def actions(actor: User, run: Run) -> None:
    """Draw the links and buttons; whoever only has the link to a run can do nothing to it."""
    if run.owner_id != actor.id:
        return
    if run.agent_id:
        navigation.link(navigation.AGENT, "Open the agent", icon=":material/smart_toy:", id=run.agent_id)
    if run.workflow_id:
        label = "Open the workflow"
        navigation.link(navigation.WORKFLOW, label, icon=":material/account_tree:", id=run.workflow_id)
    if run.is_active and st.button(
        "Cancel run", icon=":material/stop_circle:", key="run_cancel", disabled=run.is_stopping
    ):
        with reporting():
            runtime.get_core().runs.cancel(actor, run.id)
            st.rerun()
    if rights.may(actor, "runs.start"):
        _share(actor, run)
    run_compare.choice(actor, run)
    if rights.may(actor, "runs.start"):
        _go_on(actor, run)


def origin(actor: User, run: Run) -> None:
    """Draw which version this is, who or what has started it, and the runs above and inside it."""
    kin = runtime.get_core().runs.lineage(actor, run.id)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if run.is_test:
            st.badge("Test", icon=":material/science:", color="violet")
        if run.shared_at is not None:
            st.badge("Shared by link", icon=":material/link:", color="blue")
        st.caption(_words(actor, run, kin), width="content")
        if kin.parent is not None:
            navigation.link(navigation.RUN, f"Part of {answer.harmless(kin.parent.title)}", id=kin.parent.id)
        if kin.origin is not None:
            navigation.link(navigation.RUN, "The run it took results from", id=kin.origin.id)


def children(actor: User, run: Run) -> None:
    """Draw the runs of other workflows that this one has started."""
    found = runtime.get_core().runs.lineage(actor, run.id).children
    if found:
        with st.expander(f"Runs inside ({len(found)})", icon=":material/account_tree:"):
            layout.run_rows(found)


def _words(actor: User, run: Run, kin: Lineage) -> str:
    version = ""
    if run.workflow_id:
        version = f"Version {run.workflow_version}" if run.workflow_version else "Draft"
    who = "you" if run.owner_id == actor.id else kin.owner_name
    by = f"the {kin.source.kind} “{kin.source.name}”, for {who}" if kin.source else who
    return answer.harmless(" · ".join(filter(None, [version, f"Started by {by} {formats.ago(run.created_at)}"])))


def _go_on(actor: User, run: Run) -> None:
    if not run.can_be_retried:
        return
    runs = runtime.get_core().runs
    can_resume = run.agent_id is None and run.parent is None
    if can_resume and st.button(
        "Resume",
        type="primary",
        icon=":material/resume:",
        key="run_resume",
        help="Goes on in this run. What has finished is not done again.",
    ):
        with reporting():
            runs.resume(actor, run.id)
            st.rerun()
    if st.button("Retry", icon=":material/replay:", key="run_retry", help="Starts a new run from the beginning."):
        with reporting():
            navigation.go(navigation.RUN, id=runs.retry(actor, run.id).id)


def _share(actor: User, run: Run) -> None:
    runs = runtime.get_core().runs
    with st.popover("Share", icon=":material/link:", key="run_share"):
        if run.shared_at is None:
            st.caption("Everybody here who has the link may look at this run. Nobody else can change it.")
            if st.button("Share by link", type="primary", key="run_share_on"):
                with reporting():
                    runs.share(actor, run.id)
                    st.rerun()
            return
        st.caption("Everybody here who has this link may look at the run.")
        st.code(f"{session.site()}/{navigation.RUN.url}?id={run.id}", language=None, wrap_lines=True)
        if st.button("Stop sharing", key="run_share_off"):
            with reporting():
                runs.unshare(actor, run.id)
                st.rerun()
