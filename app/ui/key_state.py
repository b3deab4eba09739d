"""How a key does, in a chip and a line: its state, what it is, and how far the built-in model is."""

from __future__ import annotations

import streamlit as st

from app import runtime
from app.guarded import guarded
from app.ui import answer, formats
from app.ui.share_dialog import MAY
from core.keys.models import Key, KeyHealth, KeyState, KeyTest
from core.llm.registry import provider_named

_CHIPS: dict[KeyState, tuple[str, str, formats.Colour]] = {
    "disabled": ("Disabled", ":material/block:", "gray"),
    "failing": ("Does not work", ":material/error:", "red"),
    "expired": ("Expired", ":material/event_busy:", "orange"),
    "expiring": ("Expires soon", ":material/event_upcoming:", "orange"),
    "preparing": ("Getting ready", ":material/downloading:", "blue"),
    "untested": ("Not tested", ":material/help:", "gray"),
    "works": ("Works", ":material/check_circle:", "green"),
}
STATES: dict[KeyState, str] = {state: label for state, (label, _, _) in _CHIPS.items()}


def chip(health: KeyHealth) -> None:
    """Draw the one word for how a key does."""
    label, icon, colour = _CHIPS[health.state]
    tested = f"Tested {formats.ago(health.key.tested_at)}" if health.key.tested_at else None
    st.badge(label, icon=icon, color=colour, help=health.trouble or tested)


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


def test_outcome(key: Key, outcome: KeyTest | None) -> None:
    """Draw how a test has just gone; of the built-in model, how far it is."""
    if provider_named(key.provider).is_built_in:
        built_in()
    elif outcome is not None:
        (st.success if outcome.ok else st.error)(answer.harmless(outcome.message))


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
    """Return one line about a key: whose it is, and where it leads."""
    provider = provider_named(key.provider)
    whose = "the organisation’s" if key.is_pool else f"{answer.harmless(key.access.owner_name)}’s"
    shared = "" if key.access.is_owner else f"{whose}, you {MAY['key'][key.access.level]}"
    if key.is_pool and key.access.is_owner:
        shared = "key of the pool"
    found = [
        shared,
        provider.label,
        key.hint and f"`{key.hint}`",
        provider.asks_base_url and f"`{key.base_url}`",
    ]
    return " · ".join(str(fact) for fact in found if fact)
