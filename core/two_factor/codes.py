"""Codes as pure functions: six digits of RFC 6238 (SHA-1, 30 s, one step of drift); recovery codes of 80 bits."""

from __future__ import annotations

import base64
import hmac
from datetime import datetime

from core import clock

STEP_SECONDS = 30
DIGITS = 6
SEED_BYTES = 20  # RFC 4226, section 4: 160 bits recommended
RECOVERY_CODES = 10
RECOVERY_LENGTH = 16  # of 5 bits each

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: nothing to misread
_MISREAD = str.maketrans("oil", "011")


def new_seed() -> str:
    """Return a random seed in base 32, as authenticator apps take it."""
    return base64.b32encode(clock.new_bytes(SEED_BYTES)).decode()


def matching_step(seed: str, code: str, at: datetime) -> int | None:
    """Return the time step that ``code`` belongs to, one before or after ``at`` at most; None when it is wrong."""
    import pyotp

    totp, now, found = pyotp.TOTP(seed), int(at.timestamp()) // STEP_SECONDS, None
    for step in (now - 1, now, now + 1):  # always all three: how long it takes says nothing
        if hmac.compare_digest(totp.generate_otp(step), code):
            found = step
    return found


def is_six_digits(typed: str) -> bool:
    """Whether somebody typed a code of an authenticator app, not a recovery code."""
    code = squeezed(typed)
    return len(code) == DIGITS and code.isascii() and code.isdigit()


def squeezed(typed: str) -> str:
    """Return what was typed without spaces and dashes, in small letters."""
    return "".join(char for char in typed[:100].lower() if char.isalnum())


def new_recovery_code() -> str:
    """Return a random code such as ``abcd-efgh-jkmn-pqrs``."""
    bits = int.from_bytes(clock.new_bytes(RECOVERY_LENGTH * 5 // 8), "big")
    code = "".join(_ALPHABET[(bits >> shift) & 31] for shift in range(0, RECOVERY_LENGTH * 5, 5))
    return "-".join(code[start : start + 4] for start in range(0, RECOVERY_LENGTH, 4))


def normal_recovery_code(typed: str) -> str:
    """Return a recovery code in the form that is hashed: misread letters are put right."""
    return squeezed(typed).translate(_MISREAD)


def spaced(seed: str) -> str:
    """Return a seed in groups of four, to type."""
    return " ".join(seed[start : start + 4] for start in range(0, len(seed), 4))


def qr_svg(seed: str, email: str, issuer: str) -> str:
    """Return the QR code that authenticator apps scan, as SVG: dark on white in every theme."""
    import pyotp
    import segno

    uri = pyotp.TOTP(seed).provisioning_uri(name=email, issuer_name=issuer)
    return segno.make(uri, micro=False, error="m").svg_inline(scale=5, border=4, light="#ffffff")
