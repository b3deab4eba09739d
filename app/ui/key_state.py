"""How a key does, in a chip and a line: its state, what it is, and how far the built-in model is."""

from __future__ import annotations

import streamlit as st

from app import runtime
from app.feedback import done
from app.guarded import guarded
from app.ui import answer, formats
from app.ui.share_dialog import MAY
from core.keys.model_kind import said_of
from core.keys.models import Key, KeyHealth, KeyState, KeyTest
from core.keys.registry import kind_named

_CHIPS: dict[KeyState, tuple[str, str, formats.Colour]] = {
    "disabled": ("Disabled", ":material/block:", "gray"),
    "lost": ("Enter again", ":material/key_off:", "orange"),
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


def tell(what: str, key_id: str, outcome: KeyTest) -> None:
    """Say after the next rerun what was done, and keep the outcome of its test for ``outcome``."""
    done(what)
    keep(key_id, outcome)


def keep(key_id: str, outcome: KeyTest) -> None:
    """Remember the outcome of a test until it was drawn once."""
    st.session_state[f"keys_outcome_{key_id}"] = outcome


def outcome(key: Key) -> bool:
    """Draw how a test has just ended; of the built-in model, how far it is. Return whether there was one."""
    now: KeyTest | None = st.session_state.pop(f"keys_outcome_{key.id}", None)
    if is_built_in(key):
        built_in()
        return True
    if now is None:
        return False
    # A sentence may quote an address, and these read Markdown.
    (st.success if now.ok else st.error)(answer.harmless(now.message))
    if now.models:
        st.caption(f"{len(now.models)} models: {answer.harmless(said_of(now.models))}")
    return True


def is_built_in(key: Key) -> bool:
    """Whether it is the key of the built-in model."""
    return kind_named(key.provider).is_built_in


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
    kind = kind_named(key.provider)
    leads_to = kind.leads_to(key)
    whose = "the organisation’s" if key.is_pool else f"{answer.harmless(key.access.owner_name)}’s"
    shared = "" if key.access.is_owner else f"{whose}, you {MAY['key'][key.access.level]}"
    if key.is_pool and key.access.is_owner:
        shared = "key of the pool"
    found = [
        shared,
        kind.label,
        len(key.hint) > 1 and f"`{key.hint}`",
        leads_to and f"`{leads_to}`",
    ]
    return " · ".join(str(fact) for fact in found if fact)
