"""Set-up: an administrator is led through what a new installation needs, step by step."""

from typing import NoReturn

import streamlit as st

from app import navigation, runtime, session
from app.ui import layout, setup_steps
from core.setup.models import STEPS, Step, StepState

DONE = "done"
ICONS = {"done": ":material/check_circle:", "skipped": ":material/do_not_disturb_on:"}

core = runtime.get_core()
user = session.current_user()
progress = core.setup.progress(user)


def show(step: str) -> NoReturn:
    """Go to a step; it is in the address, so that a reload stays there."""
    navigation.go(navigation.SETUP, step=step)


def stepper(current: str) -> None:
    """Draw every step with its state; each can be gone to."""
    with st.container(horizontal=True, gap="small", key="setup_stepper"):
        for number, step in enumerate(STEPS, start=1):
            stop(step, number, setup_steps.DRAWN[step][0], progress.steps.get(step, ""), current)
        stop(DONE, len(STEPS) + 1, "Done", "done" if progress.finished_at else "", current)


def stop(step: str, number: int, label: str, state: str, current: str) -> None:
    """Draw one step of the stepper."""
    icon, is_here = ICONS.get(state, f":material/counter_{number}:"), step == current
    if st.button(label, icon=icon, type="secondary" if is_here else "tertiary", key=f"setup_step_{step}"):
        show(step)


def draw(step: Step) -> None:
    """Draw one step with its ways on and back."""
    place = STEPS.index(step)
    after = STEPS[place + 1] if place + 1 < len(STEPS) else DONE

    def leave(state: StepState) -> NoReturn:
        core.setup.note_step(user, step, state)
        if after == DONE:
            core.setup.finish(user)
        show(after)

    _, title, about, ask = setup_steps.DRAWN[step]
    st.subheader(title, anchor=False)
    st.caption(about)
    ask(user, leave)
    with st.container(horizontal=True, gap="medium"):
        if place and st.button("Back", type="tertiary", icon=":material/arrow_back:", key="setup_back"):
            show(STEPS[place - 1])
        has_skip = step not in setup_steps.WITHOUT_SKIP
        if has_skip and st.button("Skip this step", type="tertiary", icon=":material/skip_next:", key="setup_skip"):
            leave("skipped")


with layout.header("Set up Zoark", "A few minutes. Every step can be skipped, and changed later."):
    if progress.finished_at is None and st.button(
        "I will do this later", type="tertiary", icon=":material/schedule:", key="setup_later"
    ):
        core.setup.postpone(user)
        navigation.go(navigation.HOME)
wanted = st.query_params.get("step", "")
current = wanted if wanted in (*STEPS, DONE) else progress.next_step or DONE
stepper(current)
with st.container(key="setup_body", width=720):
    if current != DONE:
        draw(next(step for step in STEPS if step == current))
    else:
        st.subheader("Everything is set" if progress.finished_at else "What is set so far", anchor=False)
        if progress.finished_at is None and st.button("Finish", type="primary", key="setup_finish"):
            core.setup.finish(user)
            st.rerun()
        setup_steps.summary(user)
