"""Draws a person's second factor: setting it up, its recovery codes, turning it off."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app import runtime, state
from app.feedback import done, reporting
from app.ui import formats, passkeys, step_up
from core.accounts.models import User
from core.accounts.proof import is_recent_proof
from core.two_factor.models import Enrolment, RecoveryCodes, TwoFactorState

ABOUT = "After your password, signing in asks for a code that an app on your phone shows."


def draw(user: User) -> None:
    """Draw the state and the next steps, as a part of the page Security."""
    how = runtime.get_core().two_factor.state(user)
    place = st.empty()
    with place.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.subheader("Authenticator app", anchor=False, width="content")
            if how.is_enabled:
                st.badge("On", color="green", icon=":material/check_circle:")
            else:
                st.badge("Off", color="gray", icon=":material/shield:")
        if how.is_enabled:
            _on(how, place)
        else:
            _off(place)


def demand(user: User) -> None:
    """Draw nothing but the setup: the organisation wants it before anything else."""
    st.title("Set up two-factor sign-in", anchor=False)
    st.caption("Your organisation asks you for a second factor besides your password. It takes a minute.")
    if passkeys.are_usable():
        _passkey_instead(user)
    place = st.empty()
    with place.container(border=True):
        _enrol(place)


def _passkey_instead(user: User) -> None:
    with st.container(border=True):
        st.write("**A passkey:** your fingerprint, your face or a PIN of this device. Nothing has to be typed.")
        if is_recent_proof(user) and st.button(
            "Add a passkey", icon=passkeys.ICON, type="primary", key="two_factor_passkey"
        ):
            passkeys.go("add", passkeys.here())
    st.write("**Or an authenticator app** on your phone:")


def _off(place: DeltaGenerator) -> None:
    if _view() in ("begin", "enrol"):
        if not _enrol(place):
            _back()
        return
    st.caption(ABOUT)
    st.button(
        "Set up",
        type="primary",
        icon=":material/qr_code_2:",
        key="two_factor_begin",
        on_click=_open,
        args=("begin",),
    )


def _on(how: TwoFactorState, place: DeltaGenerator) -> None:
    if _view() == "codes":
        if not _renew(place):
            _back()
    elif _view() == "off":
        _turn_off()
        _back()
    else:
        left = how.recovery_codes_left
        st.caption(f"On since {formats.ago(how.enabled_at)}. Recovery codes left: {left}.")
        if left <= 3:
            st.warning("Few recovery codes are left. Make new ones.", icon=":material/warning:")
        with st.container(horizontal=True):
            st.button("New recovery codes", key="two_factor_codes", on_click=_open, args=("codes",))
            st.button("Turn off", type="tertiary", key="two_factor_off", on_click=_open, args=("off",))


def _enrol(place: DeltaGenerator) -> bool:
    """Draw the setup; True when it is done and the recovery codes stand in ``place`` instead."""
    actor = step_up.confirmed("two_factor_enrol", keep=("two_factor_code",))
    if actor is None:
        return False
    two_factor = runtime.get_core().two_factor
    enrolment = two_factor.pending(actor) if _view() == "enrol" else None
    enrolment = enrolment or two_factor.begin(actor)
    _open("enrol")
    code = _scan(enrolment)
    if code is None:
        return False
    with reporting():
        fresh = two_factor.enable(actor, code)
        _close()
        place.empty()
        with place.container(border=True):
            st.subheader("Two-factor sign-in is on", anchor=False)
            _show(fresh)
        return True
    return False


def _scan(enrolment: Enrolment) -> str | None:
    """Draw the seed and the form; return what was typed."""
    picture, steps = st.columns([1, 2], gap="medium")
    picture.image(enrolment.qr_svg, width=240)
    with steps:
        st.markdown("**1.** Scan this with your authenticator app, or type the key into it:")
        st.code(enrolment.text, language=None, wrap_lines=True)
        st.markdown("**2.** Type in what it shows, to be sure that it works:")
        with st.form("two_factor_form", border=False):
            code = st.text_input(
                "Code that the app shows", max_chars=10, autocomplete="one-time-code", key="two_factor_code"
            )
            submitted = st.form_submit_button("Turn on", type="primary", key="two_factor_enable")
    return code if submitted else None


def _renew(place: DeltaGenerator) -> bool:
    """Ask once more; True when the new recovery codes stand in ``place`` instead."""
    actor = step_up.confirmed("two_factor_codes")
    if actor is None:
        return False
    st.write("The recovery codes that you have now stop working.")
    if not st.button("Make new codes", type="primary", key="two_factor_codes_make"):
        return False
    with reporting():
        fresh = runtime.get_core().two_factor.new_recovery_codes(actor)
        _close()
        place.empty()
        with place.container(border=True):
            st.subheader("New recovery codes", anchor=False)
            _show(fresh)
        return True
    return False


def _turn_off() -> None:
    if step_up.confirmed("two_factor_off", open_form="two_factor_off_code") is None:
        return
    with st.form("two_factor_off_form", border=False):
        typed = st.text_input(
            "Code of your app, or a recovery code",
            max_chars=40,
            autocomplete="one-time-code",
            key="two_factor_off_code",
        )
        submitted = st.form_submit_button("Turn off", type="primary", key="two_factor_disable")

    def turn_off(actor: User) -> None:
        runtime.get_core().two_factor.disable(actor, typed)
        _close()
        done("Two-factor sign-in is off.")
        st.rerun()

    step_up.carry_out("two_factor_off", submitted, turn_off)


def _show(fresh: RecoveryCodes) -> None:
    st.write(
        "Each of these recovery codes signs you in once if you lose the app. They are shown this once: keep them."
    )
    st.code("\n".join(fresh.codes), language=None)
    st.button("I have kept them", type="primary", key="two_factor_kept")


def _back() -> None:
    st.button("Cancel", type="tertiary", key="two_factor_back", on_click=_close)


def _view() -> str | None:
    return st.session_state.get(state.TWO_FACTOR_VIEW)


def _open(view: str) -> None:
    st.session_state[state.TWO_FACTOR_VIEW] = view


def _close() -> None:
    st.session_state.pop(state.TWO_FACTOR_VIEW, None)
