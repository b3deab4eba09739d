"""Inviting people, one or many at once: by mail, or by links to hand over where mail is not set up."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app import runtime, session
from app.ui import answer, rights, step_up
from app.ui.person_dialogs import NO_DEPARTMENT, ROLES, roles_for
from core.accounts.inviting import Invited, invite_all
from core.accounts.proof import is_recent_proof
from core.errors import CoreError


def form(prefix: str) -> None:
    """Draw the form and what became of the last submission; what was refused stays in the box."""
    actor = step_up.confirmed(
        f"{prefix}_confirm", keep=tuple(f"{prefix}_{field}" for field in ("emails", "role", "department"))
    )
    if actor is None:
        return
    core, roles = runtime.get_core(), roles_for(actor)
    departments = {department.slug: department.name for department in core.departments.all()}
    by_mail = core.mail.is_set_up
    with st.form(f"{prefix}_form", border=False):
        st.text_area(
            "E-mail addresses",
            placeholder="ada@example.com\ngrace@example.com",
            help="One a line. A list that is pasted from elsewhere is fine, too.",
            height=110,
            key=f"{prefix}_emails",
        )
        left, right = st.columns(2)
        left.selectbox(
            "Role",
            roles,
            index=roles.index("member"),
            format_func=ROLES.__getitem__,
            key=f"{prefix}_role",
        )
        right.selectbox(
            "Department",
            [None, *departments] if rights.may(actor, "people.manage") else [actor.department],
            format_func=lambda slug: departments[slug] if slug else NO_DEPARTMENT,
            key=f"{prefix}_department",
        )
        st.caption("An invitation works once, for 7 days." + ("" if by_mail else f" {_NO_MAIL}"))
        st.form_submit_button(
            "Send invitations" if by_mail else "Make invitation links",
            type="primary",
            key=f"{prefix}_send",
            on_click=_invite,
            args=(prefix,),
        )
    _results(st.session_state.get(_outcome(prefix), ()))


def were_made(prefix: str) -> bool:
    """Whether the last submission invited anybody."""
    return any(not invited.error for invited in st.session_state.get(_outcome(prefix), ()))


def forget(prefix: str) -> None:
    """Forget what became of the last submission."""
    st.session_state.pop(_outcome(prefix), None)


def _invite(prefix: str) -> None:
    # A callback, because only before the next run may the box be given another text.
    session.note_origin()
    actor = session.signed_in_user()
    if actor is None or not is_recent_proof(actor):
        return  # the form asks for it now, and keeps what was typed
    core, of = runtime.get_core(), st.session_state
    text, role, department = (of[f"{prefix}_{name}"] for name in ("emails", "role", "department"))
    try:
        outcome = invite_all(core.mail_links, actor, text, role, department, session.site())
    except CoreError as error:
        of[_outcome(prefix)] = (Invited("", error=error.sentence),)
        return
    of[_outcome(prefix)] = outcome
    of[f"{prefix}_emails"] = "\n".join(invited.address for invited in outcome if invited.error)
    runtime.wake_worker()


def _results(outcome: Sequence[Invited]) -> None:
    mailed = [invited.address for invited in outcome if not (invited.error or invited.link)]
    if mailed:
        said = "The invitation is" if len(mailed) == 1 else f"{len(mailed)} invitations are"
        st.success(f"{said} on the way: {answer.harmless(', '.join(mailed))}", icon=":material/check:")
    for invited in outcome:
        if invited.error:
            about = f"{answer.harmless(invited.address[:80])}: " if invited.address else ""
            st.error(f"{about}{invited.error}", icon=":material/error:")
    linked = [invited for invited in outcome if invited.link]
    if linked:
        st.info("Send each link to its person yourself. It is shown only now.", icon=":material/content_copy:")
    for invited in linked:
        if invited.link:
            st.caption(answer.harmless(invited.address))
            st.code(invited.link.get_secret_value(), language=None, wrap_lines=True)


def _outcome(prefix: str) -> str:
    return f"{prefix}_outcome"


_NO_MAIL = "E-mail is not set up here, so you hand the links over yourself."
