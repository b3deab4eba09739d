"""Why a login of the API was refused."""

from __future__ import annotations

from core.errors import CoreError


class TotpRequired(CoreError):
    """This account has two-factor sign-in. Send the login again with a code of the app in totp."""

    code = "totp_required"


class RefreshRefused(CoreError):
    """This refresh token is unknown, was used before, or its session has ended. Please log in again."""

    code = "refresh_refused"
