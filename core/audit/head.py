"""Where the chain of the audit log ends: kept in a row of its own, sealed, so that a cut tail is noticed.

``seal = HMAC-SHA256(key, "head" ‖ number of entries ‖ MAC of the newest)``. Whoever removes entries without the
master key cannot write the row that fits. An old row put back with an old log does fit: that is why the head is
also told to the log stream, which is kept elsewhere.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass


@dataclass(frozen=True)
class Head:
    """The number of the newest entry, which is also how many there are, and its MAC. Neither is a secret."""

    seq: int
    mac: str

    def sealed(self, key: bytes) -> str:
        """Return what proves that this head was written with the key."""
        # No entry is sealed over a text that begins like this: theirs begin with hexadecimal digits or "{".
        text = f"head {self.seq} {self.mac}"
        return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
