"""Seals secrets anew with the newest master key: in batches, while everybody goes on working."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from core.db import Database
from core.db.sealed import SealedColumn, SealedRow, rows_sealed_with, sealed_columns, swap
from core.errors import SecretUnreadable
from core.security.sealing import RingSource, Vault

BATCH = 100
# Between batches others get at the database: SQLite has one writer.
PAUSE_SECONDS = 0.02


class Resealing:
    """Goes through every sealed column until nothing is left that an older key opens.

    Each value takes the place of exactly the one that was read, so a secret that somebody replaces meanwhile stays
    replaced. Nothing is remembered but the rows themselves: whoever begins again after a crash finds what is left.
    """

    def __init__(self, db: Database, vault: Vault, rings: RingSource) -> None:
        """Reseal with ``vault``, which has the keys of ``rings``."""
        self._db = db
        self._vault = vault
        self._rings = rings

    def batches(self, target: int) -> Iterator[int]:
        """Reseal everything with the key ``target``; yield how many rows each batch resealed.

        Returns once a whole pass finds nothing left to do. Ends early, with no more batches, when ``target`` is not
        the newest key here: ask ``is_newest``.
        """
        while True:
            changed = 0
            for column in sealed_columns():
                for count in self._column(column, target):
                    changed += count
                    yield count
            if not changed:
                return

    def is_newest(self, target: int) -> bool:
        """Whether this process seals with a key."""
        return self._rings.current().newest == target

    def _column(self, column: SealedColumn, target: int) -> Iterator[int]:
        after: str | int | None = None
        while self.is_newest(target):
            older = [number for number in self._rings.current().masters if number != target]
            with self._db.read() as connection:
                rows = rows_sealed_with(connection, column, older, after, BATCH)
            if not rows:
                return
            after = rows[-1].row
            yield self._swap(column, rows)
            time.sleep(PAUSE_SECONDS)

    def _swap(self, column: SealedColumn, rows: Sequence[SealedRow]) -> int:
        fresh = [(row, sealed) for row in rows if (sealed := self._resealed(row)) is not None]
        # SQLite has one lock for all, and a commit costs the most. PostgreSQL locks the rows of a transaction until
        # it ends, so there it is one at a time: nobody waits for more than that, and nothing can deadlock.
        size = len(fresh) if self._db.is_sqlite else 1
        count = 0
        for start in range(0, len(fresh), size or 1):
            with self._db.transaction() as connection:
                for row, sealed in fresh[start : start + size]:
                    count += swap(connection, column, row, sealed)
        return count

    def _resealed(self, row: SealedRow) -> bytes | None:
        try:
            return self._vault.reseal(row.sealed, **row.context)
        except SecretUnreadable:
            return None  # damaged, or changed by hand: its key is not the reason, and it stays as it is
