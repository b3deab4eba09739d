"""Judges the use of a passkey and does what it is for, in one transaction."""

from __future__ import annotations

from collections.abc import Callable

from core import clock
from core.accounts import provider_sign_in
from core.accounts.models import User
from core.audit.service import Audit
from core.db import Connection, Database
from core.errors import CoreError
from core.passkeys import ceremony, repository
from core.passkeys.challenges import Challenges
from core.passkeys.failures import PasskeyCopied, PasskeyOwnerSuspended, PasskeyRefused, PasskeyUnknown
from core.passkeys.models import Assertion, Purpose, Site, StoredKey


class Uses:
    """Whose passkey was used, if every rule holds; a refusal is written down with what it has used up."""

    def __init__(self, db: Database, challenges: Challenges, audit: Audit) -> None:
        """Take answers to ``challenges``; tell ``audit`` of every use and refusal."""
        self._db = db
        self._challenges = challenges
        self._audit = audit

    def judge(
        self,
        purpose: Purpose,
        user: User | None,
        site: Site,
        browser: str,
        answer: Assertion,
        finish: Callable[[Connection], None] = lambda _: None,
    ) -> User:
        """Return whose passkey was used, after ``finish`` was called in the same transaction.

        Args:
            purpose: what the browser was asked for.
            user: whose passkey it has to be; anybody's when None.
            site: where it was used.
            browser: which browser brings the answer.
            answer: what it brings.
            finish: does what the use is for; it may raise ``CoreError`` too.

        Raises:
            PasskeyError: which rule refused it.
        """
        owner, stored, problem = user, None, None
        with self._db.transaction() as connection:
            try:
                user_id = user.id if user else None
                challenge = self._challenges.answered(connection, purpose, user_id, browser, answer.client_data)
                stored = repository.key_by_credential(connection, answer.credential_id)
                # Whoever is known was asked for their own passkeys; from a browser alone any may come, but named.
                if stored is None or (user is None and answer.user_handle is None):
                    raise PasskeyUnknown
                owner = self._owner(connection, user, site, answer, challenge, stored)
                finish(connection)
            except CoreError as error:
                problem = error
            self._record(connection, purpose, owner, stored, problem)
        if problem or owner is None:
            raise problem or PasskeyRefused
        return owner.proven(clock.now())

    def _owner(
        self,
        connection: Connection,
        user: User | None,
        site: Site,
        answer: Assertion,
        challenge: bytes,
        stored: StoredKey,
    ) -> User:
        if user is not None and stored.passkey.user_id != user.id:
            raise PasskeyUnknown
        use = ceremony.check_assertion(site, answer, challenge, stored)
        owner = provider_sign_in.active_user(connection, stored.passkey.user_id)
        if owner is None:
            raise PasskeyOwnerSuspended
        if not repository.note_use(connection, stored.passkey.id, use.sign_count, use.is_backed_up, clock.now()):
            raise PasskeyCopied  # the same moment has seen a higher counter
        return owner

    def _record(
        self,
        connection: Connection,
        purpose: Purpose,
        owner: User | None,
        stored: StoredKey | None,
        problem: CoreError | None,
    ) -> None:
        action = "passkey.used" if problem is None else "passkey.refused"
        if problem and purpose == "sign_in":
            action = "sign_in.refused"
        self._audit.record(
            connection,
            owner,
            action,
            "passkey",
            stored.passkey.id if stored else "",
            result=problem.code if problem else "ok",
            detail={"purpose": purpose, "user": stored.passkey.user_id if stored else None},
        )
