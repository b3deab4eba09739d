"""Why a login of the API was refused."""

from __future__ import annotations

from core.errors import CoreError


class TotpRequired(CoreError):
    """This account has two-factor sign-in. Send the login again with a code of the app in totp."""

    code = "totp_required"


class PasskeyNeeded(CoreError):
    """This account signs in with a passkey, which works in a browser only. Use an API token of it instead."""

    code = "passkey_needed"


class RefreshRefused(CoreError):
    """This refresh token is unknown, was used before, or its session has ended. Please log in again."""

    code = "refresh_refused"
