"""What the mails say: plain text, short, plain words. Nothing that a stranger has typed is repeated here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from pydantic import SecretStr

from core.notify.models import Held, MailKind, Message

SIGNATURE = "Zoark, the AI-agent desk of your company"


def verification(link: str) -> Message:
    """Ask whether the address is right."""
    return _message(
        "verification",
        "Confirm your e-mail address",
        "Somebody created an account with this e-mail address. If it was you, confirm the address here:",
        link,
        "The link works once, for 7 days. If it was not you, you need not do anything.",
    )


def reset(link: str) -> Message:
    """Give a link that sets a new password."""
    return _message(
        "reset",
        "Set a new password",
        "You asked for a new password. Set it here:",
        link,
        "The link works once, for 30 minutes. If you did not ask, your password stays as it is.",
    )


def invitation(link: str, inviter: str) -> Message:
    """Invite somebody; ``inviter`` is the administrator's name."""
    return _message(
        "invitation",
        "You are invited to Zoark",
        f"{inviter} invites you to Zoark, where your company builds and runs AI agents. Accept here:",
        link,
        "The link works once, for 7 days.",
    )


def password_changed(at: datetime) -> Message:
    """Tell that the password was changed."""
    return _message(
        "password_changed",
        "Your password was changed",
        f"Your password was changed on {_moment(at)}. Other browsers were signed out.",
        "If it was not you, set a new password now and tell an administrator.",
    )


def new_device(at: datetime, browser: str, address: str) -> Message:
    """Tell that somebody signed in with another browser."""
    place = f" from {address}" if address else ""
    return _message(
        "new_device",
        "New sign-in to your account",
        f"Your account was used with a new browser on {_moment(at)}{place}:",
        browser or "a browser that gave no name",
        "If it was not you, set a new password now and tell an administrator.",
    )


def key_added(at: datetime, name: str) -> Message:
    """Tell that a model key was added."""
    return _message(
        "key_added",
        "A key was added to your account",
        f"The key “{name}” was added on {_moment(at)}.",
        "If it was not you, set a new password now and tell an administrator.",
    )


def key_expires(name: str, day: date, days_left: int, link: str) -> Message:
    """Remind of the day on which a key expires; ``link`` leads to its page, or is empty."""
    when = {0: "today", 1: "tomorrow"}.get(days_left, f"in {days_left} days")
    if days_left < 0:
        subject, told = "A key has expired", f"The key “{name}” expired on {day:%Y-%m-%d}."
    else:
        subject, told = f"A key expires {when}", f"The key “{name}” expires {when}, on {day:%Y-%m-%d}."
    return _message(
        "key_expires",
        subject,
        told,
        "Make a new one at the provider and replace the stored one with it: what uses the key goes on.",
        *filter(None, [link]),
    )


def passkey_added(at: datetime, name: str) -> Message:
    """Tell that a passkey was added: another way in."""
    return _message(
        "passkey_added",
        "A passkey was added to your account",
        f"The passkey “{name}” was added on {_moment(at)}. Whoever has its device can sign in as you.",
        "If it was not you, remove it on the page Security, set a new password and tell an administrator.",
    )


def token_added(at: datetime, name: str) -> Message:
    """Tell that an API token was added: a program acts with it."""
    return _message(
        "token_added",
        "An API token was added to your account",
        f"The API token “{name}” was added on {_moment(at)}. A program that has it can act as you.",
        "If it was not you, revoke it on the page API tokens, set a new password and tell an administrator.",
    )


def two_factor_reset(at: datetime) -> Message:
    """Tell that the second factor was removed by somebody else."""
    return _message(
        "two_factor_reset",
        "Two-factor sign-in was reset",
        f"An administrator turned off two-factor sign-in of your account on {_moment(at)}, and every browser was "
        "signed out. Until you set it up again, your password is all it takes to sign in.",
        "Set it up again on the page Security. If you did not ask for this, set a new password now and tell an "
        "administrator.",
    )


def budget_reached(budget: str, percent: int, spent: str, limit: str) -> Message:
    """Tell how much of a budget is used; ``budget`` says which, such as "your monthly budget"."""
    about = f"{percent} % of {budget} is used: {spent} of {limit}."
    what_follows = (
        "No more calls of models are made on it before the next period begins, or somebody raises the limit on the "
        "page Budgets."
        if percent >= 100
        else "At 100 % no more calls of models are made on it. The limit can be changed on the page Budgets."
    )
    return _message("budget_reached", f"{percent} % of {budget} is used", about, what_follows)


def webhook_off(name: str, why: str, link: str) -> Message:
    """Tell that a webhook was turned off; ``link`` leads to its page, or is empty."""
    return _message(
        "webhook_off",
        "A webhook was turned off",
        f"Nothing more is sent to the webhook “{name}”. {why}",
        "Mend the receiver, or enter another address, and turn the webhook on again on its page. What has not "
        "arrived can be sent again there.",
        *filter(None, [link]),
    )


def approval_asked(
    title: str,
    asker: str,
    workflow: str,
    about: Sequence[str],
    expires_at: datetime | None,
    link: str,
    *,
    is_reminder: bool = False,
) -> Message:
    """Ask for a decision. ``about`` is what a run shows, made harmless by the caller; ``link`` may be empty."""
    first = f"A run of “{workflow}”, which {asker} started, waits for your decision: {title}"
    until = f"It can be decided until {_moment(expires_at)}. " if expires_at else ""
    return _message(
        "approval_reminder" if is_reminder else "approval_asked",
        f"Reminder: {title}" if is_reminder else f"Approval: {title}",
        first,
        *about,
        f"{until}Look at it and decide {'here:' if link else 'on the page Approvals.'}",
        *filter(None, [link]),
    )


def approval_ended(subject: str, what: str, workflow: str, comment: str, link: str) -> Message:
    """Tell whoever started a run what became of its approval; ``comment`` may be empty."""
    return _message(
        "approval_ended",
        subject,
        f"{what} The run of “{workflow}”, which you started, has asked for it.",
        *([f"The comment:\n{comment}"] if comment else []),
        *filter(None, [link]),
    )


def stopped(what: str, name: str, failures: int, why: str, link: str) -> Message:
    """Tell that a schedule or trigger (``what``) has stopped; ``link`` leads to its workflow, or is empty."""
    times = "a run that failed" if failures == 1 else f"{failures} failures in a row"
    return _message(
        "stopped",
        f"A {what} has stopped",
        f"The {what} “{name}” has stopped after {times}. {why}".rstrip(),
        "Look at its last runs, mend what is wrong, and let it go on.",
        *filter(None, [link]),
    )


def doubt(run: str, link: str) -> Message:
    """Ask whether a step of a run has acted before it was interrupted; ``link`` leads to the run, or is empty."""
    return _message(
        "doubt",
        "A run waits for your word",
        f"A step of the run “{run}” changes something outside, and was interrupted in the middle of it. "
        "Nobody here can know whether it happened, so it is not done again by itself.",
        "Look there whether it happened, then say so in the run. It goes on from that step.",
        *filter(None, [link]),
    )


def test(at: datetime, asker: str) -> Message:
    """Show that mail arrives; ``asker`` is the administrator's name."""
    return _message(
        "test",
        "Test mail from Zoark",
        f"{asker} sent this mail on {_moment(at)} to see whether e-mail works. It does.",
    )


def digest(held: Sequence[Held]) -> Message:
    """Put notices together that were not sent one by one."""
    lines = "\n".join(f"- {_moment(notice.created_at)}: {notice.subject}" for notice in held)
    return _message(
        "digest",
        "What happened in your account",
        "These notices were not sent one by one, because too much e-mail went out that day:",
        lines,
        "If something was not you, set a new password now and tell an administrator.",
    )


def _message(kind: MailKind, subject: str, *paragraphs: str) -> Message:
    return Message(kind, subject, SecretStr("\n\n".join([*paragraphs, f"-- \n{SIGNATURE}"]) + "\n"))


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d at %H:%M} UTC"
