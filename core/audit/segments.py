"""The keys that chain the audit log: one from the start, a new one from each rotation of the master key on.

So who once had a master key cannot write entries that fit after it was rotated; and what they might change in older
ones shows, for the first entry after covers the last one before. The keys are sealed like every other secret.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from core import clock
from core.audit import repository
from core.db import Connection
from core.errors import SecretLost
from core.security.sealing import KEY_BYTES, Vault


@dataclass(frozen=True)
class Segment:
    """From which entry on a key is used; None when its master key was lost."""

    first_seq: int
    key: bytes | None = field(repr=False)


class SegmentKeys:
    """Makes, seals and opens the keys of the audit log."""

    def __init__(self, vault: Vault) -> None:
        """Seal with ``vault``."""
        self._vault = vault
        self._opened: dict[bytes, bytes] = {}  # by the sealed value, which changes whenever the key does

    def newest(self, connection: Connection) -> Segment:
        """Return what is in force now; the caller holds the log's lock.

        Raises:
            SecretUnreadable: somebody has touched the sealed key.
        """
        rows = repository.segments(connection, newest_only=True)
        return self._segment(*rows[0]) if rows else Segment(1, None)

    def open(self, rows: Sequence[tuple[int, bytes | None]]) -> list[Segment]:
        """Open the keys of rows, oldest first; raises ``SecretUnreadable`` when one was touched."""
        found = [self._segment(*row) for row in rows]
        return found if found and found[0].first_seq <= 1 else [Segment(1, None), *found]

    def add(self, connection: Connection, first_seq: int, key: bytes | None = None) -> Segment:
        """Begin to use a key from an entry on: a new random one unless told."""
        key = key or clock.new_bytes(KEY_BYTES)
        sealed = self._vault.seal(key.hex(), **_context(first_seq))
        repository.put_segment(connection, first_seq, sealed, clock.now())
        return Segment(first_seq, key)

    def _segment(self, first_seq: int, sealed: bytes | None) -> Segment:
        if sealed is None:
            return Segment(first_seq, None)
        if sealed not in self._opened:
            try:
                opened = self._vault.unseal(sealed, **_context(first_seq))
            except SecretLost:
                return Segment(first_seq, None)
            self._opened[sealed] = bytes.fromhex(opened.get_secret_value())
        return Segment(first_seq, self._opened[sealed])


def segment_at(segments: Sequence[Segment], seq: int) -> Segment:
    """Return the segment that an entry belongs to."""
    return next((segment for segment in reversed(segments) if segment.first_seq <= seq), segments[0])


def _context(first_seq: int) -> dict[str, str | int]:
    return {"table": "audit_segments", "row": first_seq, "field": "key"}
