"""The rules of the second factor: setting it up, signing in with it, confirming with it, losing it."""

from __future__ import annotations

from pydantic import SecretStr

from core import clock
from core.accounts import half, tries
from core.accounts.models import User
from core.accounts.proof import require_recent_proof
from core.accounts.service import Accounts
from core.accounts.sessions import Sessions
from core.audit.service import Audit
from core.db import Connection, Database
from core.errors import CodeRefused, CodesLockedOut, Conflict, CoreError, SecondStepOver
from core.organisation.service import Organisation
from core.passkeys.service import Passkeys
from core.security.sealing import Vault
from core.security.tokens import hash_token
from core.two_factor import codes, repository
from core.two_factor.lost import LostFactors, subject
from core.two_factor.models import Enrolment, RecoveryCodes, SecondSteps, TwoFactorState

# Per account the waits of core.accounts.lockout allow 17 wrong codes in the first hour and 4 in each one after it.
TRIES_PER_SIGN_IN = 5


class TwoFactor:
    """Codes of an authenticator app (TOTP), each good once, and ten recovery codes; passkeys count too."""

    def __init__(
        self,
        db: Database,
        vault: Vault,
        accounts: Accounts,
        passkeys: Passkeys,
        sessions: Sessions,
        organisation: Organisation,
        audit: Audit,
    ) -> None:
        """Seal seeds with ``vault``; note proofs with ``accounts``; ask ``organisation`` what it demands."""
        self._db = db
        self._vault = vault
        self._accounts = accounts
        self._passkeys = passkeys
        self.lost = LostFactors(db, passkeys, sessions, audit)
        self._organisation = organisation
        self._audit = audit

    def state(self, actor: User) -> TwoFactorState:
        """Return how the actor's second factor stands."""
        with self._db.read() as connection:
            seed = repository.seed_of(connection, actor.id)
            return TwoFactorState(
                enabled_at=seed.enabled_at if seed else None,
                recovery_codes_left=repository.codes_left(connection, actor.id),
                passkeys=self._passkeys.count(connection, actor.id),
                is_demanded=self._organisation.read(connection).demands_two_factor(actor.role),
            )

    def is_required(self, user: User) -> bool:
        """Whether signing in as this person takes a second step: asked after every password and every provider."""
        with self._db.read() as connection:
            return self._is_met(connection, user.id)

    def must_enrol(self, user: User) -> bool:
        """Whether this person has to set it up before anything else: the organisation demands it of them."""
        with self._db.read() as connection:
            is_demanded = self._organisation.read(connection).demands_two_factor(user.role)
            return is_demanded and not self._is_met(connection, user.id)

    def has_app(self, user: User) -> bool:
        """Whether this person has an authenticator app set up."""
        with self._db.read() as connection:
            return self._has_app(connection, user.id)

    def begin(self, actor: User) -> Enrolment:
        """Make a new seed for the actor; nothing is in force before ``enable``.

        Raises:
            StepUpRequired: it is long ago that the actor proved who they are.
            Conflict: it is on already.
        """
        require_recent_proof(actor)
        seed = codes.new_seed()
        sealed = self._vault.seal(seed, **_context(actor.id))
        with self._db.transaction() as connection:
            if not repository.put_pending(connection, actor.id, sealed):
                raise Conflict("Two-factor sign-in is on already. Turn it off to use another app.")
            self._audit.record(connection, actor, "two_factor.begun", "user", actor.id)
        return self._enrolment(actor, seed)

    def pending(self, actor: User) -> Enrolment | None:
        """Return the seed that was begun and is not in force yet, to draw it again; never one in force.

        Raises:
            StepUpRequired: it is long ago that the actor proved who they are.
        """
        require_recent_proof(actor)
        with self._db.read() as connection:
            seed = repository.seed_of(connection, actor.id)
        if seed is None or seed.sealed is None or seed.enabled_at is not None:
            return None
        return self._enrolment(actor, self._open(actor.id, seed.sealed).get_secret_value())

    def enable(self, actor: User, code: str) -> RecoveryCodes:
        """Turn it on with a code of the app, and return the recovery codes: they are shown this once.

        Raises:
            StepUpRequired: it is long ago that the actor proved who they are.
            CodeRefused: the code is not the one of the seed that was begun.
            Conflict: nothing was begun, or it is on already.
        """
        require_recent_proof(actor)
        with self._db.transaction() as connection:
            seed = repository.seed_of(connection, actor.id)
            if seed is None or seed.sealed is None or seed.enabled_at is not None:
                raise Conflict("Two-factor sign-in is on already, or its setup was not begun.")
            opened = self._open(actor.id, seed.sealed).get_secret_value()
            step = codes.matching_step(opened, codes.squeezed(code), clock.now()) if _is_code(code) else None
            if step is None:
                raise CodeRefused
            if not repository.enable(connection, actor.id, seed.sealed, step, clock.now()):
                raise Conflict("The setup was begun anew somewhere else. Go on there, or begin again.")
            fresh = self._replace_codes(connection, actor)
            self._audit.record(connection, actor, "two_factor.enabled", "user", actor.id)
        return fresh

    def disable(self, actor: User, typed: str) -> None:
        """Turn it off with a code of the app or a recovery code.

        Raises:
            StepUpRequired: it is long ago that the actor proved who they are.
            CodeRefused, CodesLockedOut: the code is wrong, or too many were.
        """
        require_recent_proof(actor)
        with self._db.transaction() as connection:
            problem = self._try(connection, actor, typed, "two_factor.disabled")
            if problem is None:
                repository.erase(connection, actor.id)
                self._audit.record(connection, actor, "two_factor.disabled", "user", actor.id)
        if problem:
            raise problem

    def new_recovery_codes(self, actor: User) -> RecoveryCodes:
        """Return fresh recovery codes; the ones before are worth nothing from now on.

        Raises:
            StepUpRequired: it is long ago that the actor proved who they are.
            Conflict: it is not on.
        """
        require_recent_proof(actor)
        with self._db.transaction() as connection:
            seed = repository.seed_of(connection, actor.id)
            if seed is None or seed.enabled_at is None:
                raise Conflict("Turn on two-factor sign-in first.")
            fresh = self._replace_codes(connection, actor)
            self._audit.record(connection, actor, "recovery_codes.renewed", "user", actor.id)
        return fresh

    def reset(self, actor: User, user_id: str) -> None:
        """Remove somebody's app and passkeys, when they have lost them; for administrators.

        The person's sessions end, and they are told by mail.

        Raises:
            Forbidden: the actor is no administrator.
            StepUpRequired: it is long ago that the actor proved who they are.
            NotFound: there is no such person.
            Conflict: the person is the actor.
        """
        self.lost.reset(actor, user_id)

    def begin_sign_in(self, user: User, browser: str) -> str:
        """Return the token of a half sign-in, after password or provider: five minutes, this browser, once."""
        with self._db.transaction() as connection:
            return half.begin(connection, user, browser)

    def second_steps(self, token: str, browser: str) -> SecondSteps:
        """Return with what a half sign-in can be finished; raise ``SecondStepOver`` when it is over."""
        with self._db.read() as connection:
            user = half.owner(connection, token, browser)
            if user is None:
                raise SecondStepOver
            return SecondSteps(self._has_app(connection, user.id), self._passkeys.count(connection, user.id) > 0)

    def is_sign_in_begun(self, token: str, browser: str) -> bool:
        """Whether this half sign-in still awaits its code."""
        with self._db.read() as connection:
            return half.is_open(connection, token, browser)

    def leave_sign_in(self, token: str, browser: str) -> None:
        """End a half sign-in without a code; one that is over is no error."""
        with self._db.transaction() as connection:
            half.end(connection, token, browser)

    def finish_sign_in(self, token: str, browser: str, typed: str) -> User:
        """Judge the code of a half sign-in and return who may have a session now.

        Raises:
            SecondStepOver: it expired, was used up, or began in another browser.
            CodeRefused: the code is wrong; five times in all.
            CodesLockedOut: too many wrong codes for this account.
        """
        with self._db.transaction() as connection:
            user = half.owner(connection, token, browser)
            if user is None:
                raise SecondStepOver
            problem = self._try(connection, user, typed, "sign_in.refused")
            if isinstance(problem, CodeRefused):
                tries.add(connection, hash_token(token))
                if tries.count(connection, hash_token(token)) >= TRIES_PER_SIGN_IN:
                    half.end(connection, token, browser)
            elif problem is None:
                half.end(connection, token, browser)
        if problem:
            raise problem
        return user.proven(clock.now())

    def prove(self, actor: User, token: str | None, typed: str) -> None:
        """Confirm by password or, when it is on, by a code that the actor sits in front of their session.

        Raises:
            SignInRefused, LockedOut: the password is wrong, or too many were.
            CodeRefused, CodesLockedOut: the code is wrong, or too many were.
            StepUpRequired: the session is not the actor's, or has ended.
        """
        if not (_is_code(typed) and self.has_app(actor)):
            self._accounts.prove(actor, token, typed)
            return
        with self._db.transaction() as connection:
            problem = self._try(connection, actor, typed, "step_up.refused")
            if problem is None:
                self._accounts.note_proof(connection, actor, token)
        if problem:
            raise problem

    def _has_app(self, connection: Connection, user_id: str) -> bool:
        seed = repository.seed_of(connection, user_id)
        return seed is not None and seed.enabled_at is not None

    def _is_met(self, connection: Connection, user_id: str) -> bool:
        return self._has_app(connection, user_id) or self._passkeys.count(connection, user_id) > 0

    def _try(self, connection: Connection, user: User, typed: str, action: str) -> CoreError | None:
        """Judge a code and count it; the caller raises what is returned after its transaction."""
        counted = subject(user.id)
        wait = tries.wait_seconds(connection, counted)
        if wait:
            return CodesLockedOut(wait_seconds=wait)
        if self._is_right(connection, user, typed):
            tries.clear(connection, counted)
            return None
        tries.add(connection, counted)
        self._audit.record(connection, user, action, "user", user.id, result=CodeRefused.code)
        return CodeRefused()

    def _is_right(self, connection: Connection, user: User, typed: str) -> bool:
        seed = repository.seed_of(connection, user.id)
        if seed is None or seed.sealed is None or seed.enabled_at is None:
            return False
        if _is_code(typed):
            opened = self._open(user.id, seed.sealed).get_secret_value()
            step = codes.matching_step(opened, codes.squeezed(typed), clock.now())
            return step is not None and repository.use_step(connection, user.id, step)
        if not repository.use_code(connection, user.id, _code_hash(typed), clock.now()):
            return False
        left = repository.codes_left(connection, user.id)
        self._audit.record(connection, user, "recovery_code.used", "user", user.id, detail={"left": left})
        return True

    def _replace_codes(self, connection: Connection, actor: User) -> RecoveryCodes:
        fresh = RecoveryCodes(tuple(codes.new_recovery_code() for _ in range(codes.RECOVERY_CODES)))
        repository.replace_codes(connection, actor.id, [_code_hash(code) for code in fresh.codes])
        return fresh

    def _enrolment(self, actor: User, seed: str) -> Enrolment:
        issuer = self._organisation.get().company_name or "Zoark"
        return Enrolment(codes.qr_svg(seed, actor.email, issuer), codes.spaced(seed))

    def _open(self, user_id: str, sealed: bytes) -> SecretStr:
        return self._vault.unseal(sealed, **_context(user_id))


def _is_code(typed: str) -> bool:
    return codes.is_six_digits(typed)


def _code_hash(typed: str) -> str:
    return hash_token(codes.normal_recovery_code(typed))


def _context(user_id: str) -> dict[str, str | int]:
    return {"table": "users", "row": user_id, "field": "totp_sealed", "owner": user_id}
