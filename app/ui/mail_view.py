"""What an administrator sees of the mail: how it is sent, how each one goes, and what to set where it is not."""

from __future__ import annotations

from urllib.parse import quote

import streamlit as st

from app import navigation, runtime, session, state
from app.feedback import done, reporting
from app.guarded import guarded
from app.ui import answer, formats, step_up
from core.accounts.models import User
from core.errors import NotFound
from core.keys.models import Key
from core.keys.registry import kind_named
from core.notify.models import MailGroup, MailState, MailStatus, SentMail

NOTHING = ""
_STATES: dict[MailState, tuple[str, str, formats.Colour]] = {
    "queued": ("Waiting", ":material/schedule:", "gray"),
    "sending": ("Being sent", ":material/progress_activity:", "blue"),
    "held": ("In tomorrow's digest", ":material/inbox:", "gray"),
    "sent": ("Sent", ":material/check_circle:", "green"),
    "failed": ("Failed", ":material/error:", "red"),
    "unknown": ("May have been sent", ":material/help:", "orange"),
}
_EMPTY: dict[MailGroup, str] = {
    "waiting": "No mail is waiting.",
    "failed": "No mail has failed in the last 30 days.",
    "sent": "No mail was sent in the last 30 days.",
}
_SENDER = "ZOARK_MAIL_FROM=Zoark <zoark@example.com>\nZOARK_BASE_URL=https://zoark.example.com"
_WAYS = {
    "Any mail server": "SMTP_URL=smtp://user:password@mail.example.com:587",
    "SendGrid": "SENDGRID_API_KEY=SG.…",
    "Mailgun": "MAILGUN_API_KEY=key-…\nMAILGUN_DOMAIN=mg.example.com",
}
_ABOUT = {
    "Any mail server": "`smtp://` encrypts with STARTTLS; write `smtps://…:465` for a port that is encrypted at "
    f"once. Quote special characters of the password, such as `{quote('@')}` for `@`.",
    "SendGrid": "The sender's address has to be verified there. Its free plan sends 100 mails a day.",
    "Mailgun": "For its European servers add `ZOARK_MAIL_API_URL=https://api.eu.mailgun.net`.",
}


def not_set_up() -> None:
    """Say what does not work without mail."""
    st.info(
        "E-mail is not set up. People cannot confirm their address or set a forgotten password by themselves, and "
        "invitations are links that you hand over.",
        icon=":material/mail_off:",
    )


def how_to_set_up() -> None:
    """Say which settings make mail work, for each way."""
    st.subheader("Or by settings of this server", anchor=False)
    for tab, (label, settings) in zip(st.tabs(list(_WAYS)), _WAYS.items(), strict=True):
        with tab:
            st.code(f"{settings}\n{_SENDER}", language=None, wrap_lines=True)
            st.caption(_ABOUT[label])
    st.caption(
        "Set them in the environment, or in `.streamlit/secrets.toml` (values in quotes), and start Zoark again."
    )


def facts(status: MailStatus) -> None:
    """Say how mail is sent, and what stands in its way."""
    way, sender = (text.replace("`", "'") for text in (status.way, status.sender))
    st.markdown(f"Sent with **{status.transport}** through `{way}`, as `{sender}`.")
    if status.setting:
        st.caption(
            f":material/lock: It is set by `{status.setting}` and `ZOARK_MAIL_FROM`, not here. While it is "
            "set, no key can be chosen instead."
        )
    if status.problem:
        st.error(f"No mail goes out: {answer.harmless(status.problem)}", icon=":material/error:")


def send_with(actor: User, status: MailStatus) -> None:
    """Let an administrator choose the key that sends mail; nothing where the settings say it."""
    if status.setting:
        return
    core = runtime.get_core()
    keys = {key.id: key for key in core.mail.choices(actor)}
    st.subheader("Send with a key", anchor=False)
    st.caption("Takes effect at once. The key is kept encrypted and opened for each mail only.")
    if not keys and status.key_id is None:
        if st.button("Add an e-mail key", icon=":material/add:", key="mail_add_key"):
            navigation.go(navigation.KEYS, new="email")
        return
    if status.key_id is not None and status.key_id not in keys:
        st.caption(f"Now it is the key {answer.harmless(status.key_name)} of another administrator.")
    options = [NOTHING, *keys]
    with st.form("mail_choose_form", border=True):
        chosen = st.selectbox(
            "Send with",
            options,
            index=options.index(status.key_id) if status.key_id in keys else 0,
            format_func=lambda one: _named(keys[one]) if one in keys else "No mail service",
            key="mail_key",
        )
        submitted = st.form_submit_button(
            "Save", type="secondary" if status.transport else "primary", key="mail_choose"
        )

    def save(user: User) -> None:
        core.mail.choose_key(user, chosen if chosen != NOTHING else None)
        runtime.wake_worker()
        done("Mail goes out with this key." if chosen != NOTHING else "Mail is turned off.")
        st.rerun()

    step_up.carry_out("mail_choose", submitted, save)


def recipients() -> None:
    """Let an administrator choose whom agents and workflows may write to."""
    core = runtime.get_core()
    with st.expander("Mail of agents and workflows", icon=":material/smart_toy:"), st.form("mail_domains_form"):
        text = st.text_area(
            "They may also write to addresses at",
            "\n".join(core.organisation.get().mail_domains),
            placeholder="partner.example.com",
            height=80,
            help="One domain a line. Without any they write to people of this organisation only.",
            key="mail_domains",
        )
        submitted = st.form_submit_button("Save", key="mail_domains_save")

    def save(user: User) -> None:
        core.organisation.change(user, {"mail_domains": text.replace(",", "\n").split("\n")})
        done("The domains were saved.")
        st.rerun()

    step_up.carry_out("mail_domains", submitted, save)


def _named(key: Key) -> str:
    kind = kind_named(key.provider)
    return f"{key.name} · {kind.label} · {kind.leads_to(key)}"


def test_mail(actor: User) -> None:
    """Follow the test mail that was asked for, until it is known how it went."""
    mail_id = st.session_state.get(state.TEST_MAIL)
    if mail_id is None:
        return
    is_open = _outcome(actor, mail_id, draws=False)

    @st.fragment(run_every=1.0 if is_open else None)
    @guarded
    def live() -> None:
        if not _outcome(session.current_user(), mail_id, draws=True) and is_open:
            st.rerun()

    live()


def mails(actor: User, group: MailGroup) -> None:
    """Draw the newest mails of a group; those that failed can be tried again."""
    found = runtime.get_core().mail.list(actor, group)
    if not found:
        st.caption(_EMPTY[group])
    waits = group == "waiting" and any(mail.error for mail in found)
    if waits and st.button("Try now", icon=":material/refresh:", key="mail_try_now"):
        with reporting():
            count = runtime.get_core().mail.retry_waiting(actor)
            runtime.wake_worker()
            done(f"{count} mail(s) are tried now.")
            st.rerun()
    for mail in found:
        _mail(actor, mail)


def _mail(actor: User, mail: SentMail) -> None:
    label, icon, colour = _STATES[mail.state]
    with st.container(border=True, horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        with st.container(gap="xsmall", width="stretch"):
            with st.container(horizontal=True, gap="small", vertical_alignment="center"):
                st.markdown(f"**{answer.harmless(mail.subject)}**", width="content")
                st.badge(label, icon=icon, color=colour)
            st.caption(answer.harmless(f"{mail.recipient} · {_when(mail)}"))
            if mail.error and mail.state != "sent":
                st.markdown(answer.harmless(mail.error))
        if mail.can_be_retried and st.button("Send again", icon=":material/refresh:", key=f"mail_retry_{mail.id}"):
            with reporting():
                runtime.get_core().mail.retry(actor, mail.id)
                runtime.wake_worker()
                done("The mail is on its way again.")
                st.rerun()


def _when(mail: SentMail) -> str:
    if mail.sent_at is not None:
        return f"sent {formats.ago(mail.sent_at)}"
    tries = f"{mail.attempts} tries · " if mail.attempts > 1 else ""
    return f"{tries}written {formats.ago(mail.created_at)}"


def _outcome(actor: User, mail_id: str, *, draws: bool) -> bool:
    """Say how a test mail goes; return whether that is still open."""
    try:
        mail = runtime.get_core().mail.get(actor, mail_id)
    except NotFound:
        return False
    is_open = mail.state in ("queued", "sending") and not mail.error
    if not draws:
        return is_open
    to = answer.harmless(mail.recipient)
    if mail.state == "sent":
        st.success(f"The mail server took the test mail to {to}. Look into your mailbox.", icon=":material/check:")
    elif is_open:
        st.info(f"The test mail to {to} is on its way …", icon=":material/progress_activity:")
    else:
        st.error(f"The test mail was not sent. {answer.harmless(mail.error or '')}", icon=":material/error:")
    return is_open
