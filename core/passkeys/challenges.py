"""Challenges: what a browser has to sign, good for five minutes, once, for one purpose, person and browser."""

from __future__ import annotations

from datetime import timedelta

from core import clock
from core.audit.origin import origin
from core.db import Connection, Database
from core.limits.service import Limits, network
from core.passkeys import ceremony, repository
from core.passkeys.failures import PasskeyStepOver
from core.passkeys.models import Purpose
from core.security.tokens import hash_token

LIFE = timedelta(minutes=5)
CHALLENGE_BYTES = 32
# A challenge cannot be guessed, so this only keeps floods out. One office has one address: hence the burst.
CHALLENGES_AN_HOUR = 120
BURST = 60


class Challenges:
    """Hands challenges out and takes their answers; only hashes are kept."""

    def __init__(self, db: Database, limits: Limits) -> None:
        """Keep them in ``db``; count visitors with ``limits``."""
        self._db = db
        self._limits = limits

    def ask(self, purpose: Purpose, user_id: str | None, browser: str) -> bytes:
        """Return a fresh challenge.

        Raises:
            PasskeyStepOver: nothing identifies the browser.
            RateLimitedHere: too many from this network address.
        """
        if not browser:
            raise PasskeyStepOver
        if address := network(origin().address):
            self._limits.take(f"passkey/{address}", CHALLENGES_AN_HOUR, BURST)
        challenge, at = clock.new_bytes(CHALLENGE_BYTES), clock.now()
        with self._db.transaction() as connection:
            repository.drop_old_challenges(connection, at)
            repository.insert_challenge(
                connection, _hash(challenge), purpose, user_id, _browser_hash(browser), at + LIFE
            )
        return challenge

    def answered(
        self, connection: Connection, purpose: Purpose, user_id: str | None, browser: str, client_data: bytes
    ) -> bytes:
        """Use up the challenge that was answered and return it.

        Raises:
            PasskeyRefused: this is no answer.
            PasskeyStepOver: it is late, was used before, or was asked of another browser, person or purpose.
        """
        challenge = ceremony.challenge_in(client_data)
        used = repository.use_challenge(
            connection, _hash(challenge), purpose, user_id, _browser_hash(browser), clock.now()
        )
        if not used:
            raise PasskeyStepOver
        return challenge


def _hash(challenge: bytes) -> str:
    return hash_token("passkey/" + challenge.hex())


def _browser_hash(browser: str) -> str:
    return hash_token("passkey-browser/" + browser)
