"""How handing a mail over can go wrong. People read these sentences only in the administrator's mail status."""

from __future__ import annotations

from core.errors import CoreError


class MailRefused(CoreError):
    """The mail server refused this message: {answer}"""

    code = "mail_refused"


class MailSetUpWrong(CoreError):
    """The mail settings do not work: {answer} It is tried again every 15 minutes until somebody mends them."""

    code = "mail_set_up_wrong"
    retryable = True


class RecipientRefused(CoreError):
    """Agents and workflows write to people here only. An administrator can allow addresses at {domain}, too."""

    code = "recipient_refused"


class MailDelayed(CoreError):
    """The mail server could not take this message now: {answer}"""

    code = "mail_delayed"
    retryable = True


class MailUnsure(CoreError):
    """The connection broke while the message was handed over; it may have been sent: {answer}"""

    code = "mail_unsure"
