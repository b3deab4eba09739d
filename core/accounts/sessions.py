"""Where a person is signed in, and ending it. Sessions begin in ``core.accounts.service``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from core import clock
from core.accounts import repository
from core.accounts.devices import device_label
from core.accounts.models import SessionInfo, User
from core.audit.service import Audit
from core.db import Connection, Database
from core.errors import NotFound
from core.organisation.service import Organisation
from core.security.tokens import hash_token

TOUCH_EVERY = timedelta(minutes=1)


class Sessions:
    """List and end browser sessions."""

    def __init__(self, db: Database, organisation: Organisation, audit: Audit) -> None:
        """Count as live what ``organisation`` lets live; tell ``audit``."""
        self._db = db
        self._organisation = organisation
        self._audit = audit

    def list(
        self, actor: User, token: str | None = None, *, session_id: str | None = None
    ) -> Sequence[SessionInfo]:
        """Return the actor's live sessions: the one of ``token`` or with ``session_id``, then those last seen."""
        at = clock.now()
        current = hash_token(token) if token else session_id
        with self._db.read() as connection:
            rules = self._organisation.read(connection)
            idle_since = at - timedelta(minutes=rules.session_idle_minutes)
            begun_since = at - timedelta(hours=rules.session_life_hours)
            rows = repository.live_sessions(connection, actor.id, at, idle_since, begun_since)
        found = [
            SessionInfo(
                id=row.id,
                device=device_label(row.user_agent),
                address=row.address,
                created_at=row.created_at,
                last_seen_at=row.last_seen_at,
                is_current=current in (row.id, row.token_hash),
            )
            for row in rows
        ]
        return sorted(found, key=lambda session: not session.is_current)

    def id_of(self, token: str) -> str | None:
        """Return the id of the session of a token."""
        with self._db.read() as connection:
            return repository.session_id(connection, hash_token(token))

    def user_of(self, session_id: str, *, is_activity: bool = True) -> User | None:
        """Return whose live session this is, as ``Accounts.session_user`` does: for logins of the API."""
        at = clock.now()
        with self._db.read() as connection:
            rules = self._organisation.read(connection)
            idle_since = at - timedelta(minutes=rules.session_idle_minutes)
            begun_since = at - timedelta(hours=rules.session_life_hours)
            found = repository.session_owner(connection, session_id, at, idle_since, begun_since)
        if found is None:
            return None
        user, last_seen_at = found
        if is_activity and at - last_seen_at > TOUCH_EVERY:
            with self._db.transaction() as connection:
                repository.touch_session(connection, session_id, at)
        return user

    def end(self, actor: User, session_id: str) -> None:
        """End one of the actor's sessions; ``NotFound`` for a stranger's and for one that has ended."""
        with self._db.transaction() as connection:
            if not repository.end_session(connection, actor.id, session_id, clock.now()):
                raise NotFound(what="session")
            self._audit.record(connection, actor, "session.ended", "session", session_id)

    def end_others(self, actor: User, token: str | None, *, session_id: str | None = None) -> int:
        """End the actor's sessions but the one of ``token`` or with ``session_id``; return how many those were."""
        kept = hash_token(token) if token else session_id
        with self._db.transaction() as connection:
            count = repository.end_sessions(connection, actor.id, clock.now(), but=kept)
            if count:
                told = {"email": actor.email, "count": count}
                self._audit.record(connection, actor, "session.all_ended", "user", actor.id, detail=told)
        return count

    def revoke_all(self, connection: Connection, user_id: str) -> int:
        """End every session of a person in the caller's transaction; the caller tells the audit log."""
        return repository.end_sessions(connection, user_id, clock.now())
