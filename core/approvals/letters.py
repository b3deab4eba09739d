"""Writes to people about approvals, in the transaction of what happened.

What a run shows may come from a model or from outside: in a mail it is plain text, short, and no address in it
becomes a link.
"""

from __future__ import annotations

import re

from core.approvals import repository
from core.approvals.models import MAX_TOLD, Approval
from core.db import Connection
from core.engine.values import as_text
from core.money import dollars
from core.notify import messages
from core.notify.service import Mail

MAX_SHOWN = 1_500
MAX_TOGETHER = 6_000
# Control characters, but no ends of lines; and what turns the direction of a text.
_INVISIBLE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]+")
_ADDRESS = re.compile(r"(?i)\b[a-z][a-z0-9+.-]*:(?=//)|\bwww\.|\b(?:mailto|javascript|data|tel):")


class Letters:
    """Mail about approvals."""

    def __init__(self, mail: Mail) -> None:
        """Put mails into the outbox of ``mail``."""
        self._mail = mail

    def ask(self, connection: Connection, approval: Approval, *, is_reminder: bool = False) -> int:
        """Write to those who may decide, 50 at most; return how many there are."""
        but = approval.asker_id if approval.is_other_person else None
        readers = repository.deciders(connection, approval.approver, but, MAX_TOLD)
        message = messages.approval_asked(
            plain(approval.title, 80),
            plain(approval.asker, 80),
            plain(approval.run_title, 80),
            _about(approval),
            approval.expires_at,
            self._mail.page("approval", id=approval.id),
            is_reminder=is_reminder,
        )
        for reader in readers:
            self._mail.put(connection, reader.email, message)
        return len(readers)

    def tell_asker(self, connection: Connection, approval: Approval) -> None:
        """Write to whoever started the run what became of it, unless it was their own decision."""
        reader = repository.asker_of(connection, approval.run_id)
        if reader is None or reader.id == approval.decider_id:
            return
        message = messages.approval_ended(
            f"{approval.status.title()}: {plain(approval.title, 80)}",
            plain(said(approval), 300),
            plain(approval.run_title, 80),
            quoted(approval.comment, MAX_SHOWN),
            self._mail.page("approval", id=approval.id),
        )
        self._mail.put(connection, reader.email, message)


def said(approval: Approval) -> str:
    """Return a sentence about what became of an approval."""
    if approval.status in ("approved", "rejected"):
        what = "approved" if approval.status == "approved" else "rejected"
        edited = " with an edited value" if approval.value is not None else ""
        return f"{approval.decider or 'Somebody'} {what} this{edited}."
    if approval.status == "closed":
        return "The run ended before anybody decided."
    return "Nobody decided in time, so this has expired."


def plain(text: str, limit: int) -> str:
    """Return a text as one line of at most ``limit`` characters, without addresses that mail programs open."""
    return _cut(_harmless(" ".join(text.split())), limit)


def quoted(text: str, limit: int) -> str:
    """Return a text of several lines, each of them set in, so that none passes for one of ours."""
    lines = _cut(_harmless("\n".join(text.splitlines())).strip(), limit).split("\n")
    return "\n".join(f"    {line}" for line in lines) if any(lines) else ""


def _about(approval: Approval) -> list[str]:
    """Return the paragraphs that say what an approval is about."""
    parts = [quoted(approval.message, MAX_SHOWN)]
    left = MAX_TOGETHER
    shown = [*approval.data, *([approval.edit] if approval.edit else [])]
    for value in shown:
        if left <= 0:
            parts.append("There is more on the page.")
            break
        text = quoted(as_text(value.value), min(MAX_SHOWN, left)) or "    (empty)"
        left -= len(text)
        parts.append(f"{plain(value.name, 80)}:\n{text}")
    parts.append(_costs(approval))
    return [part for part in parts if part]


def _costs(approval: Approval) -> str:
    so_far = "not known" if approval.cost_micros is None else dollars(approval.cost_micros)
    follows = "not known" if approval.estimate_micros is None else f"about {dollars(approval.estimate_micros)}"
    return f"Cost of the run so far: {so_far}. What may follow: {follows}."


def _harmless(text: str) -> str:
    return _ADDRESS.sub(r"\g<0> ", _INVISIBLE.sub("", text))


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"
