"""Counts model calls against the limits of their key, person and department; for the engine, no actor asks.

All workers share the windows. A call is counted in every window it falls under or in none; windows are always
locked in one order, so that no two calls wait for each other. A worker that dies holds nothing: what it counted
leaves the windows with the minute.
"""

from __future__ import annotations

from core import clock
from core.db import Connection, Database
from core.quotas import repository
from core.quotas.failures import RateLimitReached, RateLimitTooSmall, in_words
from core.quotas.models import Allowance, Rules, Scope, Use
from core.quotas.window import WINDOW_SECONDS, Window
from core.usage.models import CallOrigin

NOTHING = Use(0)


class Rates:
    """Requests and tokens a minute."""

    def __init__(self, db: Database) -> None:
        """Count in ``db``."""
        self._db = db

    def take(self, origin: CallOrigin, tokens: int) -> Use:
        """Count one request that uses so many tokens at most, or nothing.

        Raises:
            RateLimitReached: there is no room now; says in which limit, and when there may be.
            RateLimitTooSmall: there never is room for so many tokens.
        """
        with self._db.read() as connection:
            if not self._limited(connection, origin):
                return NOTHING
        with self._db.transaction() as connection:
            moment = clock.now().timestamp()
            # Read again: rules may have changed, and what is read here is what is kept to.
            limited = self._limited(connection, origin)
            _check_size(limited, tokens)
            held = [repository.locked_window(connection, *subject) for subject, _ in limited]
            _check_room(limited, held, tokens, moment)
            counted = []
            for ((scope, scope_id), _), window in zip(limited, held, strict=True):
                second = window.second_of(moment)
                after = window.moved_to(second).added(second, 1, tokens)
                repository.store_window(connection, scope, scope_id, after)
                counted.append((scope, scope_id, second))
        return Use(tokens, tuple(counted))

    def settle(self, use: Use, tokens: int) -> None:
        """Put right how many tokens a call has really used."""
        self._correct(use, 0, tokens - use.tokens)

    def give_back(self, use: Use) -> None:
        """Take back what was counted for a call that was not sent."""
        self._correct(use, -1, -use.tokens)

    def forget_old(self, limit: int) -> int:
        """Drop windows that limit nobody any more; return how many, ``limit`` at most."""
        before = int(clock.now().timestamp()) - 2 * WINDOW_SECONDS
        with self._db.transaction() as connection:
            return repository.forget_windows(connection, before, limit)

    def _limited(self, connection: Connection, origin: CallOrigin) -> list[tuple[tuple[Scope, str], Allowance]]:
        """Return the subjects of a call that limit it, in the one order in which everybody locks them."""
        subjects = _subjects(origin)
        rules = Rules.of(repository.applicable(connection, subjects))
        found = [(subject, rules.allowance(*subject)) for subject in subjects]
        return [(subject, allowance) for subject, allowance in found if allowance.limits_calls]

    def _correct(self, use: Use, requests: int, tokens: int) -> None:
        if not use.counted or not (requests or tokens):
            return
        with self._db.transaction() as connection:
            for scope, scope_id, second in use.counted:
                window = repository.locked_window(connection, scope, scope_id)
                after = window.corrected(second, requests, tokens)
                if after != window:
                    repository.store_window(connection, scope, scope_id, after)


def _subjects(origin: CallOrigin) -> list[tuple[Scope, str]]:
    found: list[tuple[Scope, str]] = [("key", origin.key_id), ("person", origin.user_id)]
    if origin.department is not None:
        found.append(("department", origin.department))
    return sorted(found)


def _check_size(limited: list[tuple[tuple[Scope, str], Allowance]], tokens: int) -> None:
    for (scope, _), allowance in limited:
        most = allowance.tokens_per_minute
        if most is not None and tokens > most:
            raise RateLimitTooSmall(needed=tokens, limit=in_words(scope, most, "tokens"))


def _check_room(
    limited: list[tuple[tuple[Scope, str], Allowance]], held: list[Window], tokens: int, moment: float
) -> None:
    """Raise ``RateLimitReached`` for the limit that has room last."""
    longest: RateLimitReached | None = None
    for ((scope, _), allowance), window in zip(limited, held, strict=True):
        lacking = window.moved_to(window.second_of(moment)).lacks(allowance, tokens)
        if lacking is None:
            continue
        most = allowance.requests_per_minute if lacking == "requests" else allowance.tokens_per_minute
        wait = window.wait_seconds(allowance, tokens, moment)
        if longest is None or wait > longest.wait_seconds:
            longest = RateLimitReached(in_words(scope, most or 0, lacking), wait)
    if longest is not None:
        raise longest
