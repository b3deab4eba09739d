"""The rules of passkeys: adding and removing them, signing in, the second step, and confirming with them.

The device verifies the person (PIN, finger, face), so a passkey alone counts as both factors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from core import clock
from core.accounts import half, provider_sign_in
from core.accounts.devices import device_label
from core.accounts.models import User
from core.accounts.proof import require_recent_proof
from core.accounts.service import Accounts
from core.audit.origin import origin
from core.audit.service import Audit
from core.config import Settings
from core.db import Connection, Database
from core.errors import Conflict, CoreError, NotFound, SecondStepOver
from core.limits.service import Limits
from core.names import clean_name
from core.oauth.service import OAuth
from core.organisation.service import Organisation
from core.passkeys import ceremony, repository
from core.passkeys.challenges import Challenges
from core.passkeys.failures import PasskeyRefused
from core.passkeys.models import (
    MAX_NAME,
    MAX_PASSKEYS,
    Assertion,
    Attestation,
    NewKey,
    Passkey,
    Purpose,
    Site,
    StoredKey,
)
from core.passkeys.sites import site_at
from core.passkeys.uses import Uses


class Passkeys:
    """Keys of people's own devices, in the place of a password, of a code, or of both."""

    def __init__(
        self,
        db: Database,
        settings: Settings,
        accounts: Accounts,
        oauth: OAuth,
        organisation: Organisation,
        limits: Limits,
        audit: Audit,
    ) -> None:
        """Belong to the address of ``settings``; count with ``limits``; ask ``oauth`` for other ways in."""
        self._db = db
        self._base_url = settings.base_url
        self._accounts = accounts
        self._oauth = oauth
        self._organisation = organisation
        self._challenges = Challenges(db, limits)
        self._uses = Uses(db, self._challenges, audit)
        self._audit = audit
        self._listeners: list[Callable[[Connection, User, Passkey], None]] = []

    def on_added(self, tell: Callable[[Connection, User, Passkey], None]) -> None:
        """Call ``tell`` in the transaction of each passkey that is added."""
        self._listeners.append(tell)

    def site_at(self, opened_at: str) -> Site:
        """Return where passkeys belong when Zoark was opened at an address; raises ``PasskeysNotHere``."""
        return site_at(self._base_url, opened_at)

    # --- a person's own ---------------------------------------------------------------------------

    def list(self, actor: User) -> Sequence[Passkey]:
        """Return the actor's passkeys, oldest first."""
        with self._db.read() as connection:
            return [stored.passkey for stored in repository.keys_of(connection, actor.id)]

    def begin_adding(self, actor: User, site: Site, browser: str) -> dict[str, Any]:
        """Return what the browser is asked to make.

        Raises:
            StepUpRequired: it is long ago that the actor proved who they are.
            Conflict: the actor has as many as anybody may have.
            RateLimitedHere: too many from this network address.
        """
        require_recent_proof(actor)  # it will be another way in
        known = self._keys_of(actor.id)
        _check_room(len(known))
        company = self._organisation.get().company_name
        challenge = self._challenges.ask("add", actor.id, browser)
        return ceremony.creation_options(site, actor, company, challenge, known)

    def add(self, actor: User, site: Site, browser: str, answer: Attestation) -> Passkey:
        """Add what the browser has made for ``begin_adding``, which has asked for a proof; it is told by mail.

        Raises:
            PasskeyStepOver, PasskeyRefused: the answer is late, or proves nothing.
            Conflict: the passkey is known already, or there are too many.
        """
        added, problem = None, None
        with self._db.transaction() as connection:
            try:
                challenge = self._challenges.answered(connection, "add", actor.id, browser, answer.client_data)
                key = ceremony.check_attestation(site, answer, challenge)
                added = self._insert(connection, actor, key, answer.transports)
            except CoreError as error:  # written down, with the challenge that it has used up
                problem = error
                self._record(connection, actor, "passkey.refused", "", error.code, purpose="add")
            else:
                self._record(connection, actor, "passkey.added", added.id, name=added.name)
                for tell in self._listeners:
                    tell(connection, actor, added)
        if problem or added is None:
            raise problem or PasskeyRefused
        return added

    def rename(self, actor: User, passkey_id: str, name: str) -> None:
        """Give one of the actor's passkeys another name.

        Raises:
            Invalid: the name has not the right form.
            NotFound: it is not the actor's.
        """
        cleaned = clean_name(name, MAX_NAME)
        with self._db.transaction() as connection:
            if not repository.rename(connection, actor.id, passkey_id, cleaned):
                raise NotFound(what="passkey")
            self._record(connection, actor, "passkey.renamed", passkey_id, name=cleaned)

    def remove(self, actor: User, passkey_id: str) -> None:
        """Remove one of the actor's passkeys.

        Raises:
            StepUpRequired: it is long ago that the actor proved who they are.
            NotFound: it is not the actor's.
            Conflict: it is the actor's only way in.
        """
        require_recent_proof(actor)
        with self._db.transaction() as connection:
            has_password = provider_sign_in.has_password(connection, actor.id)
            if not repository.remove(connection, actor.id, passkey_id):
                raise NotFound(what="passkey")
            others = repository.count(connection, actor.id) + self._oauth.count(connection, actor.id)
            if not has_password and not others:
                raise Conflict("This is your only way to sign in. Add another passkey or connect an account first.")
            self._record(connection, actor, "passkey.removed", passkey_id)

    # --- signing in with a passkey alone ----------------------------------------------------------

    def begin_sign_in(self, site: Site, browser: str) -> dict[str, Any]:
        """Return what the browser is asked for, by nobody known; raises ``RateLimitedHere``."""
        return ceremony.request_options(site, self._challenges.ask("sign_in", None, browser))

    def sign_in(self, site: Site, browser: str, answer: Assertion) -> User:
        """Return who may have a session now: no password and no code is asked for any more.

        Raises:
            PasskeyError: which rule refused it; each has its sentence.
        """
        return self._uses.judge("sign_in", None, site, browser, answer)

    # --- as the second step after a password ------------------------------------------------------

    def begin_second_step(self, token: str, site: Site, browser: str) -> dict[str, Any]:
        """Return what the browser is asked for, after the password.

        Raises:
            SecondStepOver: the half sign-in expired, was used up, or began in another browser.
            RateLimitedHere: too many from this network address.
        """
        user = self._half_owner(token, browser)
        return self._request(user, "second_step", site, browser)

    def finish_second_step(self, token: str, site: Site, browser: str, answer: Assertion) -> User:
        """Return who may have a session now.

        Raises:
            SecondStepOver: the half sign-in expired, was used up, or began in another browser.
            PasskeyError: which rule refused it; each has its sentence.
        """
        user = self._half_owner(token, browser)

        def use_up(connection: Connection) -> None:
            if not half.end(connection, token, browser):
                raise SecondStepOver

        return self._uses.judge("second_step", user, site, browser, answer, use_up)

    # --- as a proof that it is them ---------------------------------------------------------------

    def begin_proof(self, actor: User, site: Site, browser: str) -> dict[str, Any]:
        """Return what the browser is asked for.

        Raises:
            NotFound: the actor has no passkey.
            RateLimitedHere: too many from this network address.
        """
        return self._request(actor, "step_up", site, browser)

    def prove(self, actor: User, token: str | None, site: Site, browser: str, answer: Assertion) -> None:
        """Confirm that the actor sits in front of their session, the one of ``token``.

        Raises:
            StepUpRequired: the session is not the actor's, or has ended.
            PasskeyError: which rule refused it; each has its sentence.
        """
        self._uses.judge(
            "step_up",
            actor,
            site,
            browser,
            answer,
            lambda connection: self._accounts.note_proof(connection, actor, token),
        )

    # --- for the second factor, inside its transactions -------------------------------------------

    def count(self, connection: Connection, user_id: str) -> int:
        """Return how many passkeys a person has."""
        return repository.count(connection, user_id)

    def erase(self, connection: Connection, user_id: str) -> int:
        """Remove every passkey of a person and return how many those were; the caller tells the audit log."""
        return repository.remove_all(connection, user_id)

    # --- the parts --------------------------------------------------------------------------------

    def _insert(self, connection: Connection, actor: User, key: NewKey, transports: Sequence[str]) -> Passkey:
        # This locks the row of the person: two browsers at once do not make eleven.
        provider_sign_in.has_password(connection, actor.id)
        mine = repository.keys_of(connection, actor.id)
        _check_room(len(mine))
        passkey = Passkey(
            id=clock.new_id("pass"),
            user_id=actor.id,
            name=_free_name([stored.passkey.name for stored in mine]),
            transports=tuple(sorted(ceremony.TRANSPORTS.intersection(transports))),
            is_backed_up=key.is_backed_up,
            created_at=clock.now(),
            last_used_at=None,
        )
        if not repository.add(connection, passkey, key):
            raise Conflict("This passkey was added before.")
        return passkey

    def _request(self, user: User, purpose: Purpose, site: Site, browser: str) -> dict[str, Any]:
        known = self._keys_of(user.id)
        if not known:
            raise NotFound(what="passkey")
        return ceremony.request_options(site, self._challenges.ask(purpose, user.id, browser), known)

    def _half_owner(self, token: str, browser: str) -> User:
        with self._db.read() as connection:
            user = half.owner(connection, token, browser)
        if user is None:
            raise SecondStepOver
        return user

    def _keys_of(self, user_id: str) -> Sequence[StoredKey]:
        with self._db.read() as connection:
            return repository.keys_of(connection, user_id)

    def _record(
        self, connection: Connection, actor: User, action: str, passkey_id: str, result: str = "ok", **detail: str
    ) -> None:
        self._audit.record(connection, actor, action, "passkey", passkey_id, result=result, detail=detail)


def _check_room(count: int) -> None:
    if count >= MAX_PASSKEYS:
        raise Conflict(f"You have {MAX_PASSKEYS} passkeys. Remove one that you do not use any more first.")


def _free_name(taken: Sequence[str]) -> str:
    """Return the browser's name for a new passkey, with a number when there is one like it."""
    label = device_label(origin().user_agent)
    numbered = (label if number == 1 else f"{label} ({number})" for number in range(1, MAX_PASSKEYS + 2))
    return next(name for name in numbered if name not in taken)
