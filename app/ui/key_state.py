"""How a key does: the outcome of its last test, and how far the built-in model is."""

from __future__ import annotations

import streamlit as st

from app import runtime
from app.guarded import guarded
from app.ui import answer, formats
from app.ui.share_dialog import MAY
from core.keys.models import Key
from core.llm.registry import provider_named


def test_badge(key: Key) -> None:
    """Draw how the last test went; of the built-in model, how far it is."""
    code = key.test_code
    if provider_named(key.provider).is_built_in:
        code = {"ready": "ok", "failed": "failed", "absent": None}.get(
            runtime.get_core().local_model.status().state, "preparing"
        )
    if key.is_lost:
        st.badge(
            "Enter again", color="orange", icon=":material/key_off:", help="The master key of this secret was lost."
        )
        return
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


def facts(key: Key) -> str:
    """Return one line about a key: whose it is, what it is for, when it was last used."""
    provider = provider_named(key.provider)
    shared = (
        ""
        if key.access.is_owner
        else f"{answer.harmless(key.access.owner_name)}’s, you {MAY['key'][key.access.level]}"
    )
    found = [
        shared,
        provider.label,
        key.hint and f"`{key.hint}`",
        provider.asks_base_url and f"`{key.base_url}`",
        f"last used {formats.ago(key.last_used_at)}",
    ]
    return " · ".join(str(fact) for fact in found if fact)
