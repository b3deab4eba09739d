"""Writes the audit log in the transaction of the action itself, and checks its chain.

``mac = HMAC-SHA256(key, previous ‖ entry as canonical JSON)``: a changed, removed or inserted entry breaks it.
Where it ends is sealed in a second place (``core.audit.head``), so that a cut tail is missed.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from core import clock
from core.accounts.capabilities import require
from core.accounts.models import User
from core.accounts.proof import require_recent_proof
from core.audit import repository
from core.audit.export import entries_as_csv, heading_as_csv
from core.audit.head import Head
from core.audit.models import LIST_LIMIT, AuditEntry, ChainCheck
from core.audit.origin import origin
from core.db import Connection, Database
from core.db.types import storable, storable_tree
from core.logs import get_logger
from core.security.redact import redact_tree

EXPORT_BATCH = 1000

log = get_logger(__name__)


class Audit:
    """The log of what people did."""

    def __init__(self, db: Database, key: bytes) -> None:
        """Chain entries with ``key``, 32 bytes derived from the oldest master key."""
        self._db = db
        self._key = key

    def begin(self, connection: Connection) -> None:
        """Seal where the chain ends for the first time: in the transaction that makes the installation."""
        head = repository.last(connection)
        if repository.head(connection) is None:
            repository.insert_head(connection, head, head.sealed(self._key))

    def adopt(self) -> None:
        """Seal the end of a log that is older than seals; only for the migration that brings them."""
        with self._db.transaction() as connection:
            self.begin(connection)

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
        now = Head(entry.seq, self._mac(entry, before.mac))
        repository.append(connection, entry, before.mac, now.mac)
        if not repository.move_head(connection, before, before.sealed(self._key), now, now.sealed(self._key)):
            # Somebody has cut the log or touched its seal. Sealing anew would hide that: it stays for ``verify``.
            log.error("the audit log does not end where its seal says", entry=entry.seq)

    def search(
        self, actor: User, since: datetime, until: datetime, words: str = "", action: str = ""
    ) -> Sequence[AuditEntry]:
        """Return entries in ``[since, until)``, newest first, 500 at most; for administrators."""
        require(actor, "audit.read")
        with self._db.read() as connection:
            return repository.search(connection, words.strip()[:100], action, since, until, LIST_LIMIT)

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
        count, previous, noted = 0, "", None
        with self._db.read() as connection:
            for entry, stored_previous, mac, noted in repository.all_entries_and_head(connection):
                count += 1
                fits = entry.seq == count and stored_previous == previous
                if not fits or not hmac.compare_digest(mac, self._mac(entry, previous)):
                    return ChainCheck(count, entry.seq, "changed")
                ends = [end for end in (seen, noted[0] if noted else None) if end and end.seq == count]
                if any(end.mac != mac and (end is seen or self._is_sealed(noted)) for end in ends):
                    return ChainCheck(count, count, "cut")  # and then it went on with another entry
                previous = mac
            if not count:
                noted = repository.head(connection)
        if noted is None or not self._is_sealed(noted):
            return ChainCheck(count, count + 1, "unsealed")
        if count < max(noted[0].seq, seen.seq if seen else 0):
            return ChainCheck(count, count + 1, "cut")
        if count > noted[0].seq:
            return ChainCheck(count, noted[0].seq + 1, "unsealed")
        return ChainCheck(count)

    def head(self) -> Head:
        """Return where the chain ends, to be told to a place outside this database."""
        with self._db.read() as connection:
            found = repository.head(connection)
        return found[0] if found else Head(0, "")

    def _is_sealed(self, noted: tuple[Head, str] | None) -> bool:
        return noted is not None and hmac.compare_digest(noted[1], noted[0].sealed(self._key))

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

    def _mac(self, entry: AuditEntry, previous: str) -> str:
        values = {name: getattr(entry, name) for name in AuditEntry.__dataclass_fields__}
        values["at"] = entry.at.isoformat()
        if not entry.on_behalf_of:
            del values["on_behalf_of"]  # entries from before this column are sealed without it
        canonical = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hmac.new(self._key, (previous + canonical).encode(), hashlib.sha256).hexdigest()
