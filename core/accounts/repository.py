"""The SQL of people, sessions and tickets."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, delete, func, insert, select, update

from core.accounts.models import Failures, LinkKind, MailLink, User
from core.db import Connection
from core.db.tables import mail_links, sessions, sign_in_failures, tickets, users
from core.db.upsert import upsert

_links = mail_links.c


def insert_user(connection: Connection, user: User, password_hash: str | None) -> bool:
    """Add a person; False when somebody, active or not, has the address."""
    added = connection.execute(
        upsert(connection, users)
        .values(
            id=user.id,
            email=user.email,
            name=user.name,
            role=user.role,
            department=user.department,
            password_hash=password_hash,
            is_active=True,
            created_at=user.created_at,
        )
        .on_conflict_do_nothing(index_elements=["email"])
        .returning(users.c.id)
    )
    return added.first() is not None


def user_by_id(connection: Connection, user_id: str, *, is_kept: bool = False) -> User | None:
    """Return an active person; ``is_kept`` so that nobody changes them until this transaction ends."""
    query = select(users).where(users.c.id == user_id, users.c.is_active)
    row = connection.execute(query.with_for_update(read=True) if is_kept else query).first()
    return _user(row) if row else None


def user_and_hash(connection: Connection, email: str) -> tuple[User | None, str | None]:
    """Return an active person and their password hash, or two times nothing."""
    row = connection.execute(select(users).where(users.c.email == email, users.c.is_active)).first()
    return (_user(row), row.password_hash) if row else (None, None)


def is_active_at(connection: Connection, email: str) -> bool | None:
    """Return whether the person with this address is active; None when nobody has it."""
    return connection.execute(select(users.c.is_active).where(users.c.email == email)).scalar()


def lock_password(connection: Connection, user_id: str) -> bool:
    """Return whether a person has a password; the person is not changed until this transaction ends."""
    kept = select(users.c.password_hash).where(users.c.id == user_id, users.c.is_active).with_for_update()
    return connection.execute(kept).scalar() is not None


def count_users(connection: Connection) -> int:
    """Return how many people there are."""
    return connection.execute(select(func.count()).select_from(users)).scalar_one()


def failures_of(connection: Connection, subject_hash: str) -> Failures | None:
    """Return the wrong tries for an address."""
    row = connection.execute(
        select(sign_in_failures).where(sign_in_failures.c.subject_hash == subject_hash)
    ).first()
    return Failures(row.failures, row.last_failed_at) if row else None


def lock_failures(connection: Connection, subject_hash: str, at: datetime) -> Failures | None:
    """Return the wrong tries for an address; no other try is judged until this transaction ends."""
    # Without a row there is nothing to lock: PostgreSQL would let the first tries through side by side.
    connection.execute(
        upsert(connection, sign_in_failures)
        .values(subject_hash=subject_hash, failures=0, last_failed_at=at)
        .on_conflict_do_nothing()
    )
    row = connection.execute(
        select(sign_in_failures).where(sign_in_failures.c.subject_hash == subject_hash).with_for_update()
    ).first()
    return Failures(row.failures, row.last_failed_at) if row else None


def add_failure(connection: Connection, subject_hash: str, at: datetime) -> None:
    """Count one more wrong try."""
    connection.execute(
        upsert(connection, sign_in_failures)
        .values(subject_hash=subject_hash, failures=1, last_failed_at=at)
        .on_conflict_do_update(
            index_elements=["subject_hash"],
            set_={"failures": sign_in_failures.c.failures + 1, "last_failed_at": at},
        )
    )


def clear_failures(connection: Connection, subject_hash: str) -> None:
    """Forget the wrong tries for an address."""
    connection.execute(delete(sign_in_failures).where(sign_in_failures.c.subject_hash == subject_hash))


def insert_ticket(
    connection: Connection, token_hash: str, user_id: str, browser_hash: str, expires_at: datetime
) -> None:
    """Add a one-time ticket."""
    row = {"token_hash": token_hash, "user_id": user_id, "browser_hash": browser_hash, "expires_at": expires_at}
    connection.execute(insert(tickets).values(row))


def lock_ticket(connection: Connection, token_hash: str, browser_hash: str, at: datetime) -> str | None:
    """Return whose unused ticket this is; nobody else uses it until this transaction ends."""
    return connection.execute(
        select(tickets.c.user_id).where(*_usable(token_hash, browser_hash, at)).with_for_update()
    ).scalar()


def is_usable(connection: Connection, token_hash: str, browser_hash: str, at: datetime) -> bool:
    """Whether a ticket can still be used, without using it."""
    return bool(connection.execute(select(tickets).where(*_usable(token_hash, browser_hash, at))).first())


def use_ticket(connection: Connection, token_hash: str, browser_hash: str, at: datetime) -> str | None:
    """Mark a ticket as used and return whose it is; a second use finds nothing."""
    used = connection.execute(
        update(tickets)
        .where(*_usable(token_hash, browser_hash, at))
        .values(used_at=at)
        .returning(tickets.c.user_id)
    ).first()
    return used.user_id if used else None


def _usable(token_hash: str, browser_hash: str, at: datetime) -> tuple[Any, ...]:
    column = tickets.c
    is_this = (column.token_hash == token_hash, column.browser_hash == browser_hash)
    return (*is_this, column.used_at.is_(None), column.expires_at > at)


def drop_old_tickets(connection: Connection, before: datetime) -> None:
    """Forget tickets that expired before a moment, and the wrong tries with them."""
    old = select(tickets.c.token_hash).where(tickets.c.expires_at < before)
    connection.execute(delete(sign_in_failures).where(sign_in_failures.c.subject_hash.in_(old)))
    connection.execute(delete(tickets).where(tickets.c.expires_at < before))


def insert_session(connection: Connection, **values: Any) -> None:
    """Add a browser session."""
    connection.execute(insert(sessions).values(**values))


def session_owner(
    connection: Connection, name: str, at: datetime, idle_since: datetime, begun_since: datetime
) -> tuple[User, datetime] | None:
    """Return whose live session this is, with the moment of their proof, and when it was last seen.

    A session is named by the hash of its token or, for logins of the API, by its id.
    """
    row = connection.execute(
        select(users, sessions.c.last_seen_at, sessions.c.proved_at)
        .join(sessions, sessions.c.user_id == users.c.id)
        .where(
            _is_session(name),
            sessions.c.revoked_at.is_(None),
            sessions.c.expires_at > at,
            sessions.c.last_seen_at > idle_since,
            sessions.c.created_at > begun_since,
            users.c.is_active,
        )
    ).first()
    return (_user(row).proven(row.proved_at), row.last_seen_at) if row else None


def session_id(connection: Connection, token_hash: str) -> str | None:
    """Return the id of the session of a token."""
    return connection.execute(select(sessions.c.id).where(sessions.c.token_hash == token_hash)).scalar()


def note_proof(connection: Connection, token_hash: str, user_id: str, at: datetime) -> bool:
    """Note that a person proved who they are in their session; False when it is not theirs or has ended."""
    noted = connection.execute(
        update(sessions)
        .where(sessions.c.token_hash == token_hash, sessions.c.user_id == user_id, sessions.c.revoked_at.is_(None))
        .values(proved_at=at)
    )
    return noted.rowcount == 1


def signed_in_with(connection: Connection, user_id: str, what: Literal["user_agent", "address"]) -> list[str]:
    """Return the browsers, or the network addresses, a person has signed in with."""
    return list(connection.scalars(select(sessions.c[what]).where(sessions.c.user_id == user_id).distinct()))


def touch_session(connection: Connection, name: str, at: datetime) -> None:
    """Note that a session is in use."""
    connection.execute(update(sessions).where(_is_session(name)).values(last_seen_at=at))


def _is_session(name: str) -> ColumnElement[bool]:
    return (sessions.c.id if name.startswith("sess_") else sessions.c.token_hash) == name


def revoke_session(connection: Connection, token_hash: str, at: datetime) -> str | None:
    """End a session and return whose it was; None when there was none to end."""
    ended = connection.execute(
        update(sessions)
        .where(sessions.c.token_hash == token_hash, sessions.c.revoked_at.is_(None))
        .values(revoked_at=at)
        .returning(sessions.c.user_id)
    ).first()
    return ended.user_id if ended else None


def live_sessions(
    connection: Connection, user_id: str, at: datetime, idle_since: datetime, begun_since: datetime
) -> list[Any]:
    """Return the rows of a person's live sessions, last seen first."""
    rows = connection.execute(
        select(sessions)
        .where(
            sessions.c.user_id == user_id,
            sessions.c.revoked_at.is_(None),
            sessions.c.expires_at > at,
            sessions.c.last_seen_at > idle_since,
            sessions.c.created_at > begun_since,
        )
        .order_by(sessions.c.last_seen_at.desc(), sessions.c.id)
    )
    return list(rows)


def end_session(connection: Connection, user_id: str, session_id: str, at: datetime) -> bool:
    """End one of a person's sessions; False when it is not theirs or has ended."""
    ended = connection.execute(
        update(sessions)
        .where(sessions.c.id == session_id, sessions.c.user_id == user_id, sessions.c.revoked_at.is_(None))
        .values(revoked_at=at)
    )
    return ended.rowcount == 1


def end_sessions(connection: Connection, user_id: str, at: datetime, but: str | None = None) -> int:
    """End a person's sessions but the one named ``but``, and their open tickets; return how many ended."""
    mine = (sessions.c.user_id == user_id, sessions.c.revoked_at.is_(None))
    others = (~_is_session(but),) if but else ()
    ended = connection.execute(update(sessions).where(*mine, *others).values(revoked_at=at))
    connection.execute(
        update(tickets).where(tickets.c.user_id == user_id, tickets.c.used_at.is_(None)).values(used_at=at)
    )
    return ended.rowcount


def set_password_hash(connection: Connection, user_id: str, password_hash: str) -> bool:
    """Give an active person a new password; False when there is no such person."""
    changed = connection.execute(
        update(users).where(users.c.id == user_id, users.c.is_active).values(password_hash=password_hash)
    )
    return changed.rowcount == 1


def verify_email(connection: Connection, user_id: str, email: str, at: datetime) -> bool:
    """Note that an address is a person's; False when it is not their address any more."""
    noted = connection.execute(
        update(users)
        .where(users.c.id == user_id, users.c.email == email, users.c.is_active)
        .values(email_verified_at=func.coalesce(users.c.email_verified_at, at))
    )
    return noted.rowcount == 1


def email_verified_at(connection: Connection, user_id: str) -> datetime | None:
    """Return when a person's address was verified."""
    return connection.execute(select(users.c.email_verified_at).where(users.c.id == user_id)).scalar_one_or_none()


def insert_link(connection: Connection, token_hash: str, link: MailLink, at: datetime) -> None:
    """Add a link that goes out by mail."""
    connection.execute(insert(mail_links).values(token_hash=token_hash, created_at=at, **asdict(link)))


def open_link(connection: Connection, kind: LinkKind, token_hash: str, at: datetime) -> MailLink | None:
    """Return a link that can be used now."""
    row = connection.execute(select(mail_links).where(*_is_open(kind, at), _links.token_hash == token_hash)).first()
    if row is None:
        return None
    return MailLink(row.kind, row.email, row.expires_at, row.user_id, row.role, row.department, row.created_by)


def use_link(connection: Connection, kind: LinkKind, token_hash: str, at: datetime) -> bool:
    """Mark a link as used; a second use finds nothing."""
    used = connection.execute(
        update(mail_links).where(*_is_open(kind, at), _links.token_hash == token_hash).values(used_at=at)
    )
    return used.rowcount == 1


def close_links(connection: Connection, kind: LinkKind, email: str, at: datetime, by: str | None = None) -> None:
    """Make every open link of a kind to an address worthless; with ``by`` only those that somebody sent."""
    found = (*_is_open(kind, at), _links.email == email, *((_links.created_by == by,) if by else ()))
    connection.execute(update(mail_links).where(*found).values(used_at=at))


def drop_old_links(connection: Connection, before: datetime) -> None:
    """Forget links that expired before a moment."""
    connection.execute(delete(mail_links).where(_links.expires_at < before))


def _is_open(kind: LinkKind, at: datetime) -> tuple[Any, ...]:
    return (_links.kind == kind, _links.used_at.is_(None), _links.expires_at > at)


def _user(row: Any) -> User:
    return User(row.id, row.email, row.name, row.role, row.department, row.created_at)
