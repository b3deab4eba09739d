"""How a passkey can be refused: each rule has its code and its sentence."""

from __future__ import annotations

from core.errors import CoreError


class PasskeyError(CoreError):
    """The passkey did not work. Please try again."""

    code = "passkey"


class PasskeysNotHere(PasskeyError):
    """{reason}"""

    code = "passkeys_not_here"

    def __init__(self, reason: str) -> None:
        """Say in ``reason`` where or how Zoark has to be opened for passkeys."""
        super().__init__(reason=reason)


class PasskeyPageForeign(PasskeyError):
    """Passkeys work at {here} only. If you are there, ask an administrator to check ZOARK_BASE_URL."""

    code = "passkey_foreign"


class PasskeyStepOver(PasskeyError):
    """This took too long, was used before, or began in another browser. Please try again."""

    code = "passkey_over"
    retryable = True


class PasskeyRefused(PasskeyError):
    """This passkey could not be checked. Please try again, or go another way."""

    code = "passkey_refused"


class PasskeyUnknown(PasskeyError):
    """This passkey is not known here: it was removed, or it is somebody else's. Please go another way."""

    code = "passkey_unknown"


class PasskeyCopied(PasskeyError):
    """This passkey seems to have been copied, so it was refused.

    Sign in another way, remove it on the page Security, and tell an administrator.
    """

    code = "passkey_copied"


class PasskeySignedOut(PasskeyError):
    """You are signed out. Please sign in again."""

    code = "passkey_signed_out"


class PasskeyOwnerSuspended(PasskeyError):
    """This account is suspended. Ask an administrator."""

    code = "passkey_suspended"
