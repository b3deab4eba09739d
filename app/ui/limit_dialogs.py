"""The dialogs of the Limits page: set a limit, change one, remove one."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from app import runtime
from app.feedback import done
from app.guarded import guarded
from app.ui import answer, step_up
from core.accounts.models import User
from core.errors import Invalid
from core.quotas.models import HIGHEST, Allowance, QuotaLine, Scope, Subject

ICONS: Mapping[Scope, str] = {
    "department": ":material/domain:",
    "key": ":material/key:",
    "person": ":material/person:",
}


_WITHOUT: Mapping[Scope, str] = {
    "department": "that has no limit of its own",
    "key": "that has no limit of its own",
    "person": "who has no limit of their own",
}


def named(line: QuotaLine) -> tuple[str, str]:
    """Return how a limit's subject is called, and what tells it apart."""
    if line.subject is None:
        return "Deleted", f"{line.quota.scope}, which is gone"
    return line.subject.name, line.subject.about or _WITHOUT[line.quota.scope]


@st.dialog("New limit", width="medium", on_dismiss="rerun")
@guarded
def add() -> None:
    """Ask for whom, and how much."""
    if (actor := step_up.confirmed("limits_new", open_form="limits_subject")) is None:
        return
    core = runtime.get_core()
    subjects = core.quotas.subjects(actor)
    limited = {(line.quota.scope, line.quota.scope_id) for line in core.quotas.list(actor)}
    free = [subject for subject in subjects if (subject.scope, subject.scope_id) not in limited]
    with st.form("limits_form", border=False, enter_to_submit=False):
        subject = st.selectbox(
            "For",
            free,
            index=None,
            placeholder="A person, a department or a key",
            format_func=_label,
            help="Who has a limit already is changed in the list.",
            key="limits_subject",
        )
        allowance = _fields("new", Allowance())
        submitted = st.form_submit_button("Set limit", type="primary", key="limits_add")

    def save(actor: User) -> None:
        if subject is None:
            raise Invalid("Choose whom the limit is for.", "subject")
        core.quotas.put(actor, subject.scope, subject.scope_id, allowance)
        done(f"The limit of {answer.harmless(subject.name)} was set.")
        st.rerun()

    step_up.carry_out("limits_new", submitted, save)


@st.dialog("Change this limit", width="medium", on_dismiss="rerun")
@guarded
def edit(line: QuotaLine) -> None:
    """Ask how much."""
    quota = line.quota
    if step_up.confirmed("limits_edit", open_form=f"limits_requests_{quota.id}") is None:
        return
    if line.subject:
        st.markdown(f"{ICONS[quota.scope]} **{answer.harmless(line.subject.name)}**")
    with st.form("limits_edit_form", border=False, enter_to_submit=False):
        allowance = _fields(quota.id, quota.allowance)
        submitted = st.form_submit_button("Save changes", type="primary", key="limits_save")

    def save(actor: User) -> None:
        runtime.get_core().quotas.put(actor, quota.scope, quota.scope_id, allowance)
        done("The limit was changed.")
        st.rerun()

    step_up.carry_out("limits_edit", submitted, save)


@st.dialog("Remove this limit?", on_dismiss="rerun")
@guarded
def remove(line: QuotaLine) -> None:
    """Say what happens and ask."""
    scope, name = line.quota.scope, answer.harmless(named(line)[0])
    if line.subject is None:
        st.write("What this limit was for has been deleted.")
    elif line.quota.is_for_every:
        st.write(f"From the next call and the next run on, a {scope} without an own limit is not limited.")
    else:
        st.write(f"From the next call and the next run on, **{name}** is limited like every other {scope}.")
    pressed = st.button("Remove limit", type="primary", key="limits_remove_yes")

    def go_on(actor: User) -> None:
        runtime.get_core().quotas.remove(actor, line.quota.id)
        done("The limit was removed.")
        st.rerun()

    step_up.carry_out("limits_remove", pressed, go_on)


def _fields(of: str, allowance: Allowance) -> Allowance:
    left, middle, right = st.columns(3)
    with left:
        requests = _number("requests", of, "Requests a minute", allowance.requests_per_minute)
    with middle:
        tokens = _number("tokens", of, "Tokens a minute", allowance.tokens_per_minute)
    with right:
        runs = _number("runs", of, "Runs at once", allowance.concurrent_runs)
    st.caption(
        "Leave empty what is not limited. A minute is any 60 seconds. Tokens count in and out: before a call the "
        "most it can use, after it what it has used."
    )
    return Allowance(requests, tokens, runs)


def _number(what: str, of: str, label: str, value: int | None) -> int | None:
    key = f"limits_{what}_{of}"
    if key not in st.session_state:
        # Not as the widget's own value: that one could be changed but not emptied.
        st.session_state[key] = value
    return st.number_input(
        label, min_value=1, max_value=HIGHEST, value=None, step=1, placeholder="No limit", key=key
    )


def _label(subject: Subject) -> str:
    return f"{subject.name} · {subject.about}" if subject.about else subject.name
