"""How a key does: the outcome of its last test, and how far the built-in model is."""

from __future__ import annotations

import streamlit as st

from app import runtime
from app.guarded import guarded
from app.ui import formats
from core.keys.models import Key
from core.llm.registry import provider_named


def test_badge(key: Key) -> None:
    """Draw how the last test went; of the built-in model, how far it is."""
    code = key.test_code
    if provider_named(key.provider).is_built_in:
        code = {"ready": "ok", "failed": "failed", "absent": None}.get(
            runtime.get_core().local_model.status().state, "preparing"
        )
    tested = f"Tested {formats.ago(key.tested_at)}" if key.tested_at else None
    if code is None:
        st.badge("Not tested", color="gray", icon=":material/help:")
    elif code == "ok":
        st.badge("Works", color="green", icon=":material/check_circle:", help=tested)
    elif code == "preparing":
        st.badge("Getting ready", color="blue", icon=":material/downloading:")
    else:
        st.badge("Does not work", color="red", icon=":material/error:", help=tested)


def built_in() -> None:
    """Draw how far the built-in model is, once a second while it moves."""
    model = runtime.get_core().local_model
    busy_before = model.status().is_busy

    @st.fragment(run_every=1.0 if busy_before else None)
    @guarded
    def live() -> None:
        status = model.status()
        if busy_before and not status.is_busy:
            st.rerun()
        if status.state == "fetching" and status.bytes_total:
            share = min(1.0, status.bytes_done / status.bytes_total)
            st.progress(
                share,
                f"{status.message} {formats.size(status.bytes_done)} of {formats.size(status.bytes_total)}",
            )
        elif status.is_busy:
            st.caption(f":material/progress_activity: {status.message}")
        elif status.state == "failed":
            st.error(status.message, icon=":material/error:")
        elif status.state == "ready":
            st.caption(f":material/check_circle: {status.message}")

    live()
