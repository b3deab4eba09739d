"""Writes the audit log in the transaction of the action itself, and checks its chain.

``mac = HMAC-SHA256(key, previous ‖ entry as canonical JSON)``: a changed, removed or inserted entry breaks it.
Where it ends is sealed in a second place (``core.audit.head``), so that a cut tail is missed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Any

from core import clock
from core.accounts.capabilities import require
from core.accounts.models import User
from core.accounts.proof import require_recent_proof
from core.audit import repository
from core.audit.chain import check_chain, mac_of
from core.audit.export import entries_as_csv, heading_as_csv
from core.audit.head import Head
from core.audit.models import LIST_LIMIT, AuditEntry, ChainCheck
from core.audit.origin import origin
from core.audit.segments import SegmentKeys
from core.db import Connection, Database
from core.db.types import storable, storable_tree
from core.errors import MasterKeyWrong, SecretUnreadable
from core.logs import get_logger
from core.security.redact import redact_tree
from core.security.sealing import Vault

EXPORT_BATCH = 1000

log = get_logger(__name__)


class Audit:
    """The log of what people did."""

    def __init__(self, db: Database, vault: Vault) -> None:
        """Chain entries with keys that ``vault`` opens."""
        self._db = db
        self._keys = SegmentKeys(vault)

    def begin(self, connection: Connection) -> None:
        """Seal where the chain ends for the first time: in the transaction that makes the installation."""
        head = repository.last(connection)
        if repository.head(connection) is None:
            repository.insert_head(connection, head, head.sealed(self._key(connection)))

    def adopt(self) -> None:
        """Seal the end of a log that is older than seals; only for the migration that brings them."""
        with self._db.transaction() as connection:
            self.begin(connection)

    def adopt_key(self, connection: Connection, key: bytes) -> None:
        """Keep the key of a log that is older than keys of its own: the first start after that asks for it."""
        repository.last(connection)
        if not repository.segments(connection, newest_only=True):
            self._keys.add(connection, 1, key)

    def begin_segment(self, connection: Connection, *, is_recovery: bool = False) -> None:
        """Chain with a new key from the next entry on; the caller writes that entry in the same transaction.

        With ``is_recovery`` the key before may be gone: what the seal said can then be neither checked nor kept.
        """
        before = repository.last(connection)
        old = self._keys.newest(connection).key if is_recovery else self._key(connection)
        key = self._keys.add(connection, before.seq + 1).key or b""
        if old is None:
            repository.put_head(connection, before, before.sealed(key))
        elif not repository.move_head(connection, before, before.sealed(old), before, before.sealed(key)):
            log.error("the audit log does not end where its seal says", entry=before.seq)

    def record(
        self,
        connection: Connection,
        actor: User | None,
        action: str,
        object_type: str,
        object_id: str,
        *,
        result: str = "ok",
        actor_email: str = "",
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        """Append an entry to the transaction of the action: both happen or neither.

        ``actor`` is None before somebody is known (a refused sign-in); ``actor_email`` then says who was claimed.
        Where a worker or a command acts in the actor's name, the entry says both.
        """
        before = repository.last(connection)
        here = origin()
        claimed = actor.email if actor else actor_email
        entry = AuditEntry(
            seq=before.seq + 1,
            at=clock.now(),
            actor_id=actor.id if actor else None,
            # As the database gives it back, or checking would call a sign-in with odd characters a forgery.
            actor_email=storable(here.doer or claimed)[:254],
            address=storable(here.address),
            action=action,
            object_type=object_type,
            object_id=storable(object_id)[:80],
            result=result,
            request_id=here.request_id,
            detail=storable_tree(redact_tree(dict(detail or {}))),
            on_behalf_of=storable(claimed)[:254] if here.doer and claimed != here.doer else "",
        )
        key = self._key(connection)
        now = Head(entry.seq, mac_of(key, entry, before.mac))
        repository.append(connection, entry, before.mac, now.mac)
        if not repository.move_head(connection, before, before.sealed(key), now, now.sealed(key)):
            # Somebody has cut the log or touched its seal. Sealing anew would hide that: it stays for ``verify``.
            log.error("the audit log does not end where its seal says", entry=entry.seq)

    def search(
        self,
        actor: User,
        since: datetime,
        until: datetime,
        words: str = "",
        action: str = "",
        *,
        before: int | None = None,
        limit: int = LIST_LIMIT,
    ) -> Sequence[AuditEntry]:
        """Return entries in ``[since, until)``, newest first, 500 at most unless told; for administrators.

        With ``before``, the number of an entry, the list goes on behind it.
        """
        require(actor, "audit.read")
        with self._db.read() as connection:
            return repository.search(connection, words.strip()[:100], action, since, until, limit, before)

    def export(
        self, actor: User, since: datetime, until: datetime, words: str = "", action: str = ""
    ) -> Iterator[str]:
        """Return all that ``search`` would find as CSV for a spreadsheet, in pieces; for administrators.

        The export itself is an entry. No transaction is open while somebody takes the pieces.

        Raises:
            Forbidden: the actor is no administrator.
            StepUpRequired: it is long ago that the actor proved who they are.
        """
        require(actor, "audit.read")
        require_recent_proof(actor)
        told = {"since": since.isoformat(), "until": until.isoformat(), "search": words[:100], "action": action}
        with self._db.transaction() as connection:
            self.record(connection, actor, "audit.exported", "audit", "", detail=told)
        return self._pieces(since, until, words.strip()[:100], action)

    def actions(self, actor: User) -> Sequence[str]:
        """Return every kind of action in the log; for administrators."""
        require(actor, "audit.read")
        with self._db.read() as connection:
            return repository.actions(connection)

    def check(self, actor: User) -> ChainCheck:
        """Check the whole chain; for administrators."""
        require(actor, "audit.read")
        return self.verify()

    def verify(self, seen: Head | None = None) -> ChainCheck:
        """Check the whole chain and its end; for the command line.

        Args:
            seen: an end that was once told to the log stream: the log must still have it.
        """
        with self._db.read() as connection:
            links = repository.all_entries_and_head(connection)
            first = next(links, None)
            # Read after the entries: a key that was added meanwhile is no harm, one that is missing would be.
            try:
                segments = self._keys.open(repository.segments(connection))
            except SecretUnreadable:
                return ChainCheck(0, 1, "changed")
            none = repository.head(connection) if first is None else None
            return check_chain(chain([first] if first else [], links), segments, none, seen)

    def head(self) -> Head:
        """Return where the chain ends, to be told to a place outside this database."""
        with self._db.read() as connection:
            found = repository.head(connection)
        return found[0] if found else Head(0, "")

    def _key(self, connection: Connection) -> bytes:
        key = self._keys.newest(connection).key
        if key is None:
            # Better than to go on: what this process seals would need a key that may be removed any moment.
            raise MasterKeyWrong("The newest master key is not here. Start Zoark again with every master key.")
        return key

    def _pieces(self, since: datetime, until: datetime, words: str, action: str) -> Iterator[str]:
        yield heading_as_csv()
        before: int | None = None
        while True:
            with self._db.read() as connection:
                found = repository.search(connection, words, action, since, until, EXPORT_BATCH, before)
            if found:
                yield entries_as_csv(found)
            if len(found) < EXPORT_BATCH:
                return
            before = found[-1].seq
