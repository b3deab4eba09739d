"""Which of a provider's published keys may sign ID tokens, and under which algorithms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from core.errors import BadResponse

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

# Fixed here and never taken from a token: "none" and HS256 with a public key are the classic forgeries.
ALGORITHMS = ("RS256", "ES256")
KEY_TYPES = ("RSA", "EC")


def usable_keys(document: Mapping[str, Any]) -> KeySet:
    """Return the keys of a published set that may sign ID tokens; raises ``BadResponse`` when it is no key set."""
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet

    try:
        listed = document["keys"]
        usable = [k for k in listed if k.get("kty") in KEY_TYPES and k.get("use", "sig") == "sig"]
        return KeySet.import_key_set({"keys": usable})
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        raise BadResponse from None
