"""The SQL of forgetting: old rows, so many at most."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, func, select

from core.db import Connection
from core.db.tables import mail_links, sessions, sign_in_failures, tickets

_links = mail_links.c


def forget_sessions(connection: Connection, before: datetime, limit: int) -> int:
    """Forget sessions that ended before a moment, but not a person's newest; return how many, ``limit`` at most."""
    # Ids grow with time. The newest one tells when the person was last seen.
    newest = select(func.max(sessions.c.id)).group_by(sessions.c.user_id)
    ended = func.coalesce(sessions.c.revoked_at, sessions.c.expires_at) < before
    old = select(sessions.c.id).where(ended, sessions.c.id.not_in(newest)).limit(limit)
    return connection.execute(delete(sessions).where(sessions.c.id.in_(old))).rowcount


def forget_tickets(connection: Connection, before: datetime, limit: int) -> int:
    """Forget tickets that expired before a moment, and the wrong tries with them; return how many."""
    rows = connection.execute(select(tickets.c.token_hash).where(tickets.c.expires_at < before).limit(limit))
    old = list(rows.scalars())
    connection.execute(delete(sign_in_failures).where(sign_in_failures.c.subject_hash.in_(old)))
    return connection.execute(delete(tickets).where(tickets.c.token_hash.in_(old))).rowcount


def forget_links(connection: Connection, before: datetime, limit: int) -> int:
    """Forget links that were used or expired before a moment; return how many, ``limit`` at most."""
    over = func.coalesce(_links.used_at, _links.expires_at) < before
    old = select(_links.token_hash).where(over).limit(limit)
    return connection.execute(delete(mail_links).where(_links.token_hash.in_(old))).rowcount
