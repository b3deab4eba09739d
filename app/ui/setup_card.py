"""Home's reminder for administrators that setting up is not finished."""

from __future__ import annotations

import streamlit as st

from app import navigation, runtime
from core.accounts.models import User
from core.setup.models import STEPS


def draw(user: User) -> None:
    """Draw it, unless setting up is finished or nobody wants to be reminded."""
    setup = runtime.get_core().setup
    progress = setup.reminder(user)
    if progress is None:
        return
    with st.container(border=True, horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        with st.container(gap="xsmall", width="stretch"):
            st.markdown("**Finish setting up**")
            st.caption(f"{len(progress.steps)} of {len(STEPS)} steps are done or skipped.")
        if st.button("Continue", icon=":material/checklist:", key="home_setup"):
            navigation.go(navigation.SETUP)
        if st.button("Dismiss", type="tertiary", icon=":material/close:", key="home_setup_hide"):
            setup.hide_reminder(user)
            st.rerun()
