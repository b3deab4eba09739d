"""Mail that agents and workflows write: to people here, and to others only where an administrator allows it.

A model can be talked into writing to anybody, so whom it may write to is not for it to say.
"""

from __future__ import annotations

import hashlib

from pydantic import SecretStr

from core.accounts.colleagues import is_colleague
from core.accounts.models import User
from core.accounts.service import normalise_email
from core.audit.service import Audit
from core.db import Database
from core.errors import Invalid, MailNotSetUp, RateLimitedHere
from core.limits.service import Limits
from core.notify.failures import RecipientRefused
from core.notify.models import Message
from core.notify.service import Mail
from core.organisation.service import Organisation

MAX_SUBJECT = 150
MAX_BODY = 50_000
# For each person, whatever runs in their name.
MAILS_AN_HOUR = 60


class ToolMail:
    """Writes mail in somebody's name."""

    def __init__(self, db: Database, mail: Mail, organisation: Organisation, limits: Limits, audit: Audit) -> None:
        """Fill the outbox of ``mail``, as far as ``organisation`` and ``limits`` allow; tell ``audit``."""
        self._db = db
        self._mail = mail
        self._organisation = organisation
        self._limits = limits
        self._audit = audit

    def send(self, actor: User, recipient: str, subject: str, body: str, key: str) -> str:
        """Write one mail, and return the address it goes to; what was written under ``key`` is not written again.

        Raises:
            Invalid: this is no address, or no subject of one line.
            RecipientRefused: it is neither an active person here nor in a domain that is allowed.
            MailNotSetUp: no mail can be sent from here.
            RateLimitedHere: that was too much in an hour.
        """
        recipient = normalise_email(_line(recipient, "recipient"))
        subject = " ".join(_line(subject, "subject").split())
        if not subject or len(subject) > MAX_SUBJECT:
            raise Invalid(f"The subject has to have 1 to {MAX_SUBJECT} characters.", "subject")
        if len(body) > MAX_BODY:
            raise Invalid(f"The text is longer than {MAX_BODY:,} characters.", "body")
        text = f"{body.strip()}\n\n-- \nWritten by a workflow or agent of {actor.name} in Zoark.\n"
        message = Message("tool", subject, SecretStr(text))
        with self._db.transaction() as connection:
            allowed = self._organisation.read(connection).may_write_to(recipient)
            if not allowed and not is_colleague(connection, recipient):
                raise RecipientRefused(domain=recipient.rpartition("@")[2])
            mail_id = _id_of(key, recipient, subject, body)
            if self._mail.has(connection, mail_id):
                return recipient
            if wait := self._limits.count(connection, f"tool-mail/{actor.id}", MAILS_AN_HOUR):
                raise RateLimitedHere(wait_seconds=wait)
            if self._mail.put(connection, recipient, message, mail_id=mail_id) is None:
                raise MailNotSetUp
            self._audit.record(
                connection, actor, "mail.written", "mail", mail_id, detail={"to": recipient, "subject": subject}
            )
        return recipient


def _line(text: str, field: str) -> str:
    # A line break would begin a header of its own.
    if any(not char.isprintable() for char in text.strip()):
        raise Invalid(f"The {field} has to be one line.", field)
    return text.strip()


def _id_of(key: str, *parts: str) -> str:
    """Return the id of a mail: the same for the same mail under the same key."""
    digest = hashlib.sha256("\0".join([key, *parts]).encode()).hexdigest()
    return f"mail_{digest[:26]}"
