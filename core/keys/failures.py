"""How the test of a key can fail in ways that a run does not know. What to do then is in ``core.keys.advice``."""

from __future__ import annotations

from core.errors import CoreError


class NoModels(CoreError):
    """The server answers, but offers no model."""

    code = "no_models"


class TlsFailed(CoreError):
    """There is no secure connection: {reason}."""

    code = "tls_failed"


class NoAnswer(CoreError):
    """The server cannot be reached: {reason}."""

    code = "unreachable"
    retryable = True


class MailSignInRefused(CoreError):
    """The mail server does not accept this user name and password."""

    code = "smtp_auth"


class SenderRefused(CoreError):
    """{reason}"""

    code = "sender_refused"


class NothingThere(CoreError):
    """The server answers, but there is nothing at {where}."""

    code = "nothing_there"


class LeadsElsewhere(CoreError):
    """The server sends us to another address, which is not followed with a secret."""

    code = "leads_elsewhere"
