"""Somebody whose password was right, or whom a provider vouched for, and whose second factor is still awaited.

The browser holds a token for it, good for five minutes, once, and in that browser only. Its row is among the
tickets, but ``redeem_ticket`` never finds it: a browser is hashed with another word in front.
"""

from __future__ import annotations

from datetime import timedelta

from core import clock
from core.accounts import repository
from core.accounts.models import User
from core.db import Connection
from core.security.tokens import hash_token

LIFE = timedelta(minutes=5)


def begin(connection: Connection, user: User, browser: str) -> str:
    """Return the token of a new half sign-in."""
    token, at = clock.new_token(), clock.now()
    repository.drop_old_tickets(connection, at)
    repository.insert_ticket(connection, hash_token(token), user.id, _browser_hash(browser), at + LIFE)
    return token


def owner(connection: Connection, token: str, browser: str) -> User | None:
    """Return whose half sign-in this is, if it still stands; no other try with it until this transaction ends."""
    user_id = repository.lock_ticket(connection, hash_token(token), _browser_hash(browser), clock.now())
    return repository.user_by_id(connection, user_id) if user_id else None


def is_open(connection: Connection, token: str, browser: str) -> bool:
    """Whether it still stands."""
    return repository.is_usable(connection, hash_token(token), _browser_hash(browser), clock.now())


def end(connection: Connection, token: str, browser: str) -> bool:
    """Use it up; False when it was used up before."""
    return repository.use_ticket(connection, hash_token(token), _browser_hash(browser), clock.now()) is not None


def _browser_hash(browser: str) -> str:
    return hash_token("second-step/" + browser)
