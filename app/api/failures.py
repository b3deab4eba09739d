"""What the API itself refuses, in the vocabulary of ``core.errors``."""

from __future__ import annotations

from core.errors import CoreError


class NotSignedIn(CoreError):
    """Send an access token or a personal token: Authorization: Bearer …"""

    code = "not_signed_in"


class ForeignPage(CoreError):
    """A browser's session works from pages of Zoark only. Programs send a token."""

    code = "foreign_page"


class ScopeMissing(CoreError):
    """This token may not do this: it lacks the scope {scope}."""

    code = "scope_missing"


class TwoFactorMissing(CoreError):
    """Two-factor sign-in is demanded of you. Set it up in the browser first."""

    code = "two_factor_missing"


class TooLarge(CoreError):
    """The body is larger than {limit_bytes} bytes."""

    code = "too_large"


class MediaType(CoreError):
    """Send JSON: Content-Type: application/json."""

    code = "media_type"


class UnknownRoute(CoreError):
    """There is nothing at this address."""

    code = "not_found"


class MethodNotAllowed(CoreError):
    """This address does not answer to this method."""

    code = "method_not_allowed"


class RevisionChanged(CoreError):
    """It was changed elsewhere since you read it. Read it again, then change it."""

    code = "revision_changed"


class TooManyListeners(CoreError):
    """Too many are listening to runs already. Close some, or try again in {wait_seconds} s."""

    code = "too_many_listeners"
    retryable = True


class TooManyOpen(CoreError):
    """Too many requests wait for their runs. Please try again in {wait_seconds} s."""

    code = "too_many_open"
    retryable = True


class Stopping(CoreError):
    """The server is being restarted, so the run was cancelled. Please try again in {wait_seconds} s."""

    code = "stopping"
    retryable = True
