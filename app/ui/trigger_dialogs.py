"""The dialogs of triggers: make, change, delete one, make a new secret. A secret is shown once, in its dialog."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from app import runtime, session
from app.feedback import done, reporting
from app.guarded import guarded
from app.ui import amounts, answer, step_up
from core import money
from core.accounts.models import User
from core.engine.graph import read_graph
from core.errors import CoreError
from core.runs.inputs import fields_of
from core.triggers.models import NewTrigger, Trigger, TriggerDraft
from core.workflows.models import Draft


@st.dialog("New trigger", width="medium", on_dismiss="rerun")
@guarded
def add(workflow: Draft) -> None:
    """Ask what it is called and what becomes of a message; then show its secret."""
    if step_up.confirmed("trigger_new", open_form="trigger_new_save") is None:
        return
    place = st.empty()
    with place.container():
        draft, submitted = _form("trigger_new", workflow.id, None)

    def save(actor: User) -> None:
        made = runtime.get_core().triggers.create(actor, workflow.id, draft())
        place.empty()
        _show_secret(made, "The trigger was made.")

    step_up.carry_out("trigger_new", submitted, save)


@st.dialog("Edit this trigger", width="medium")
@guarded
def edit(trigger: Trigger) -> None:
    """Ask for another name, mapping or limit."""
    draft, submitted = _form(f"trigger_{trigger.id}_{trigger.revision}", trigger.workflow_id, trigger.draft)
    if submitted:
        with reporting():
            runtime.get_core().triggers.change(session.current_user(), trigger.id, draft(), trigger.revision)
            done("The changes were saved.")
            st.rerun()


@st.dialog("Make a new secret?", width="medium", on_dismiss="rerun")
@guarded
def rotate(trigger: Trigger) -> None:
    """Say what follows, ask, and show the new secret."""
    if step_up.confirmed("trigger_rotate", open_form="trigger_rotate_yes") is None:
        return
    place = st.empty()
    with place.container():
        st.write("The secret before is worth nothing from then on: whoever calls needs the new one.")
        pressed = st.button("Make new secret", type="primary", key="trigger_rotate_yes")

    def act(actor: User) -> None:
        made = runtime.get_core().triggers.rotate_secret(actor, trigger.id)
        place.empty()
        _show_secret(made, "There is a new secret.")

    step_up.carry_out("trigger_rotate", pressed, act)


@st.dialog("Delete this trigger?")
@guarded
def confirm_delete(trigger: Trigger) -> None:
    """Say what is lost and ask."""
    st.write(f"**{answer.harmless(trigger.draft.name)}** takes no messages any more. Its runs stay.")
    if st.button("Delete trigger", type="primary", key="trigger_delete_yes"):
        with reporting():
            runtime.get_core().triggers.delete(session.current_user(), trigger.id)
            done("The trigger was deleted.")
            st.rerun()


def address(trigger: Trigger) -> str:
    """Return where messages go, as far as this server knows its own address."""
    return runtime.get_core().settings.base_url.rstrip("/") + trigger.path


def _form(key: str, workflow_id: str, given: TriggerDraft | None) -> tuple[Callable[[], TriggerDraft], bool]:
    name = st.text_input("Name", given.name if given else "", max_chars=80, key=f"{key}_name")
    mapping: dict[str, str] = {}
    with st.expander("Which part of a message becomes which input", icon=":material/input:"):
        st.caption("Left empty, each input takes the part of the message with its name. A path leads further in.")
        for field in _fields(workflow_id):
            mapping[field] = st.text_input(
                field,
                given.mapping.get(field, "") if given else "",
                placeholder=f"{field}, or data.{field}",
                key=f"{key}_of_{field}",
            )
    with st.expander("Limits", icon=":material/tune:"):
        failures = st.number_input(
            "Stop after so many failures in a row",
            min_value=1,
            max_value=100,
            value=given.stop_after_failures if given else 10,
            placeholder="never",
            key=f"{key}_failures",
        )
        cap = given.budget_micros if given else None
        limit = st.text_input(
            "A run may cost at most",
            money.dollars(cap).lstrip("$") if cap is not None else "",
            placeholder="no limit",
            help="US dollars.",
            key=f"{key}_limit",
        )
    submitted = st.button("Save trigger", type="primary", key=f"{key}_save")
    return lambda: TriggerDraft(name, _whole(mapping), amounts.micros(limit), failures), submitted


def _whole(mapping: dict[str, str]) -> dict[str, str]:
    """Return a mapping of every input, once one of them leads elsewhere; else none at all."""
    if not any(path.strip() for path in mapping.values()):
        return {}
    return {name: path.strip() or name for name, path in mapping.items()}


def _fields(workflow_id: str) -> list[str]:
    try:
        graph = runtime.get_core().workflows.to_run(session.current_user(), workflow_id).graph
    except CoreError:
        return []
    return [field.name for field in fields_of(read_graph(graph))]


def _show_secret(made: NewTrigger, what: str) -> None:
    st.success(what, icon=":material/check:")
    st.markdown("**Its secret** signs every message. Give it to the program that calls: it is not shown again.")
    st.code(made.secret.get_secret_value(), language=None, wrap_lines=True)
    st.markdown("**Where messages go**")
    st.code(f"POST {address(made.trigger)}", language=None, wrap_lines=True)
    st.caption(
        "Signed as Standard Webhooks has it: headers webhook-id, webhook-timestamp and webhook-signature. "
        "docs/workflows.md has a program that does it."
    )
