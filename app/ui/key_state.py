"""How a key does: the outcome of its last test, and how far the built-in model is."""

from __future__ import annotations

import streamlit as st

from app import runtime
from app.feedback import done
from app.guarded import guarded
from app.ui import answer, formats
from app.ui.share_dialog import MAY
from core.keys.advice import explained
from core.keys.model_kind import said_of
from core.keys.models import Key, KeyTest
from core.keys.registry import kind_named


def test_badge(key: Key) -> None:
    """Draw how the last test went; of the built-in model, how far it is."""
    code = key.test_code
    if is_built_in(key):
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


def tell(what: str, key_id: str, outcome: KeyTest) -> None:
    """Say after the next rerun what was done, and keep the outcome of its test for ``outcome``."""
    done(what)
    keep(key_id, outcome)


def keep(key_id: str, outcome: KeyTest) -> None:
    """Remember the outcome of a test until it was drawn once."""
    st.session_state[f"keys_outcome_{key_id}"] = outcome


def outcome(key: Key) -> None:
    """Draw how the test has just ended, or what the last one has left to do."""
    now: KeyTest | None = st.session_state.pop(f"keys_outcome_{key.id}", None)
    if now is None:
        said = explained(kind_named(key.provider), key.test_code or "")
        if said:
            st.caption(f":material/error: {said}")
        return
    # A sentence may quote an address, and these read Markdown.
    (st.success if now.ok else st.error)(answer.harmless(now.message))
    if now.models:
        st.caption(f"{len(now.models)} models: {answer.harmless(said_of(now.models))}")


def is_built_in(key: Key) -> bool:
    """Whether it is the key of the built-in model."""
    return kind_named(key.provider).is_built_in


def failed(key: Key) -> bool:
    """Whether the last test of a key failed."""
    return key.test_code not in (None, "ok", "preparing") and not is_built_in(key)


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
    kind = kind_named(key.provider)
    leads_to = kind.leads_to(key)
    shared = (
        ""
        if key.access.is_owner
        else f"{answer.harmless(key.access.owner_name)}’s, you {MAY['key'][key.access.level]}"
    )
    found = [
        shared,
        kind.label,
        len(key.hint) > 1 and f"`{key.hint}`",
        leads_to and f"`{leads_to}`",
        f"last used {formats.ago(key.last_used_at)}",
    ]
    return " · ".join(str(fact) for fact in found if fact)
