"""The steps of setting up. Each saves at once; what a step asks for is asked elsewhere, too, by the same pieces."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import streamlit as st

from app import navigation, runtime, state
from app.ui import answer, department_dialogs, invitations, key_forms, key_state, sign_in_rules, step_up
from core.accounts.models import User
from core.errors import CoreError
from core.keys.models import KeyDraft
from core.llm.registry import provider_named
from core.setup.models import Step, StepState

# What the footer does: remember how the step ended and go on. It never returns.
Leave = Callable[[StepState], object]
BUILT_IN = "local"
_KIND: dict[bool, Literal["primary", "secondary"]] = {True: "primary", False: "secondary"}


def company(actor: User, leave: Leave) -> None:
    """Ask for the company's name; without one the step is skipped."""
    if step_up.confirmed("setup_company", open_form="setup_company") is None:
        return
    organisation = runtime.get_core().organisation
    with st.form("setup_company_form", border=False):
        name = st.text_input(
            "Company name",
            organisation.get().company_name,
            placeholder="Acme",
            help="It stands above the sign-in form, so that people know where they are.",
            key="setup_company",
        )
        submitted = _save()

    def save(user: User) -> None:
        after = organisation.change(user, {"company_name": name})
        leave("done" if after.company_name else "skipped")

    step_up.carry_out("setup_company", submitted, save)


def departments(actor: User, leave: Leave) -> None:
    """Show the departments; each can be renamed and removed, others can be added."""
    with st.container(border=True, gap="xsmall"):
        for department in runtime.get_core().departments.all():
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.markdown(answer.harmless(department.name), width="stretch")
                slug = department.slug
                if st.button("Rename", type="tertiary", icon=":material/edit:", key=f"setup_rename_{slug}"):
                    department_dialogs.rename(department)
                if st.button("Remove", type="tertiary", icon=":material/delete:", key=f"setup_remove_{slug}"):
                    department_dialogs.delete(department)
    if st.button("Add department", icon=":material/add:", key="setup_add_department"):
        department_dialogs.add()
    if _next("setup_departments_next"):
        leave("done")


def sign_in(actor: User, leave: Leave) -> None:
    """Ask for the rules about signing in; name the providers that are set up."""
    if step_up.confirmed("setup_sign_in", open_form="setup_two_factor") is None:
        return
    core = runtime.get_core()
    with st.form("setup_sign_in_form", border=False):
        changes = sign_in_rules.fields(core.organisation.get(), "setup")
        _providers()
        submitted = _save()

    def save(user: User) -> None:
        core.organisation.change(user, changes)
        leave("done")

    step_up.carry_out("setup_sign_in", submitted, save)


def model(actor: User, leave: Leave) -> None:
    """Have a key pasted, or the built-in model prepared; show how each does."""
    core = runtime.get_core()
    keys = core.keys.list(actor, "llm")
    built_in = next((key for key in keys if provider_named(key.provider).is_built_in), None)
    for key in keys:
        with st.container(border=True, gap="xsmall"):
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.markdown(f"**{answer.harmless(key.name)}**", width="content")
                key_state.chip(runtime.get_core().key_health.get(actor, key.id))
            if key is built_in:
                key_state.built_in()
            else:
                key_state.outcome(key)
    with st.container(horizontal=True):
        if st.button(
            "Paste a key", type="secondary" if keys else "primary", icon=":material/key:", key="setup_key"
        ):
            key_forms.add_key("llm")
        offered = BUILT_IN in {provider.name for provider in core.keys.providers()}
        wanted = offered and built_in is None
        if wanted and st.button("Use the built-in model", icon=":material/memory:", key="setup_built_in"):
            st.session_state[state.BUILT_IN_WANTED] = True
    if wanted and st.session_state.get(state.BUILT_IN_WANTED):
        _prepare_built_in()
    if not keys:
        st.caption(
            "A key of OpenAI or any compatible server, or your own Ollama. "
            + ("The built-in demo model needs no key: it is fetched once (491 MB)." if offered else "")
        )
    if _next("setup_model_next", "Continue" if keys else "Continue without a model", is_primary=bool(keys)):
        leave("done" if keys else "skipped")


def people(actor: User, leave: Leave) -> None:
    """Invite people, many at once."""
    if runtime.get_core().organisation.registration() == "closed":
        st.info("Nobody new is taken in: registration is closed in the step before.", icon=":material/block:")
    else:
        invitations.form("setup_people")
    invited = invitations.were_made("setup_people")
    if _next("setup_people_next", "Finish" if invited else "Finish without inviting", is_primary=invited):
        leave("done" if invited else "skipped")


def summary(actor: User) -> None:
    """Say what is set, and offer what comes next."""
    core = runtime.get_core()
    now, keys = core.organisation.get(), core.keys.list(actor, "llm")
    providers = [provider.label for provider in core.oauth.providers()]
    people = len(core.people.list(actor))
    facts = {
        "Company": now.company_name or "no name yet",
        "Departments": ", ".join(d.name for d in core.departments.all()),
        "Who may register": sign_in_rules.REGISTRATION[core.organisation.registration()],
        "Sign-in": ", ".join(["password", *providers]),
        "Two-factor is demanded of": sign_in_rules.TWO_FACTOR_FOR[now.two_factor_for],
        "Models": ", ".join(key.name for key in keys) or "none yet",
        "People": "you" if people == 1 else f"{people} with an account",
        "E-mail": core.mail.status(actor).transport or "not set up",
    }
    with st.container(border=True, gap="xsmall"):
        for label, value in facts.items():
            st.markdown(f"{label}: **{answer.harmless(value)}**")
    with st.container(horizontal=True):
        if st.button(
            "Create an agent from a sample", type="primary", icon=":material/smart_toy:", key="setup_agent"
        ):
            navigation.go(navigation.AGENT)
        if st.button("Home", icon=":material/home:", key="setup_home"):
            navigation.go(navigation.HOME)


# Their own way on says already that nothing was done.
WITHOUT_SKIP: tuple[Step, ...] = ("model", "people")
DRAWN: dict[Step, tuple[str, str, str, Callable[[User, Leave], None]]] = {
    "company": ("Company", "What is your company called?", "People read it when they sign in.", company),
    "departments": (
        "Departments",
        "Which departments are there?",
        "People and agents belong to them, and costs are told apart by them. You can change them at any time.",
        departments,
    ),
    "sign-in": ("Sign-in", "How do people come in?", "You can change this later under Sign-in settings.", sign_in),
    "model": ("Model", "Which model do agents use?", "Keys are kept encrypted and never shown again.", model),
    "people": ("People", "Who works with you?", "They choose their own password.", people),
}


def _save() -> bool:
    return st.form_submit_button("Save and continue", type="primary", key="setup_save")


def _next(key: str, label: str = "Continue", *, is_primary: bool = True) -> bool:
    return st.button(label, type=_KIND[is_primary], key=key)


def _providers() -> None:
    found = [provider.label for provider in runtime.get_core().oauth.providers()]
    said = f"People can also sign in with {', '.join(found)}." if found else "No sign-in provider is set up."
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(said, width="content")
        navigation.link(navigation.SIGN_IN_SETTINGS, "Sign-in settings", icon=":material/arrow_forward:")


def _prepare_built_in() -> None:
    user = step_up.confirmed("setup_built_in")
    if user is None:
        return
    del st.session_state[state.BUILT_IN_WANTED]
    provider = provider_named(BUILT_IN)
    try:
        runtime.get_core().keys.add(user, KeyDraft(provider.label, provider.name))
    except CoreError as error:
        st.error(error.sentence, icon=":material/error:")
        return
    runtime.wake_worker()
    st.rerun()
