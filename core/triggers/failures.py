"""Why a message to a trigger is not taken."""

from __future__ import annotations

from core.errors import CoreError


class SignatureRefused(CoreError):
    """The signature of this message is not right. Sign "id.timestamp.body" with the secret of the trigger."""

    code = "signature_refused"


class MessageTooOld(CoreError):
    """This message was signed more than {limit_seconds} s ago, or in the future. Sign it anew when you send it."""

    code = "message_too_old"


class TriggerAsleep(CoreError):
    """This trigger is paused or has stopped. Its owner can let it go on."""

    code = "trigger_asleep"
