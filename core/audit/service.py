"""Writes the audit log in the transaction of the action itself, and checks its chain.

``mac = HMAC-SHA256(key, previous ‖ entry as canonical JSON)``: a changed, removed or inserted entry breaks it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from core import clock
from core.accounts.capabilities import require
from core.accounts.models import User
from core.audit import repository
from core.audit.export import entries_as_csv
from core.audit.models import LIST_LIMIT, AuditEntry, ChainCheck
from core.audit.origin import origin
from core.db import Connection, Database
from core.db.types import storable, storable_tree
from core.security.redact import redact_tree

EXPORT = 10_000


class Audit:
    """The log of what people did."""

    def __init__(self, db: Database, key: bytes) -> None:
        """Chain entries with ``key``, 32 bytes derived from the oldest master key."""
        self._db = db
        self._key = key

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
        """
        previous_seq, previous = repository.last(connection)
        here = origin()
        entry = AuditEntry(
            seq=previous_seq + 1,
            at=clock.now(),
            actor_id=actor.id if actor else None,
            # As the database gives it back, or checking would call a sign-in with odd characters a forgery.
            actor_email=actor.email if actor else storable(actor_email)[:254],
            address=storable(here.address),
            action=action,
            object_type=object_type,
            object_id=storable(object_id)[:80],
            result=result,
            request_id=here.request_id,
            detail=storable_tree(redact_tree(dict(detail or {}))),
        )
        repository.append(connection, entry, previous, self._mac(entry, previous))

    def search(
        self, actor: User, since: datetime, until: datetime, words: str = "", action: str = ""
    ) -> Sequence[AuditEntry]:
        """Return entries in ``[since, until)``, newest first, 500 at most; for administrators."""
        require(actor, "audit.read")
        with self._db.read() as connection:
            return repository.search(connection, words.strip()[:100], action, since, until, LIST_LIMIT)

    def export(self, actor: User, since: datetime, until: datetime, words: str = "", action: str = "") -> str:
        """Return what ``search`` finds as CSV for a spreadsheet, 10,000 entries at most; for administrators."""
        require(actor, "audit.read")
        with self._db.read() as connection:
            found = repository.search(connection, words.strip()[:100], action, since, until, EXPORT)
        return entries_as_csv(found)

    def actions(self, actor: User) -> Sequence[str]:
        """Return every kind of action in the log; for administrators."""
        require(actor, "audit.read")
        with self._db.read() as connection:
            return repository.actions(connection)

    def verify(self) -> ChainCheck:
        """Check the whole chain; for the command line."""
        count, previous = 0, ""
        with self._db.read() as connection:
            for entry, stored_previous, mac in repository.all_entries(connection):
                count += 1
                fits = entry.seq == count and stored_previous == previous
                if not fits or not hmac.compare_digest(mac, self._mac(entry, previous)):
                    return ChainCheck(count, entry.seq)
                previous = mac
        return ChainCheck(count, None)

    def _mac(self, entry: AuditEntry, previous: str) -> str:
        values = {name: getattr(entry, name) for name in AuditEntry.__dataclass_fields__}
        values["at"] = entry.at.isoformat()
        canonical = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hmac.new(self._key, (previous + canonical).encode(), hashlib.sha256).hexdigest()
