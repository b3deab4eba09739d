"""The rules of signing in through the API. A login is a session like a browser's: listed, ended and idled alike."""

from __future__ import annotations

from pydantic import SecretStr

from core import clock
from core.accounts.models import User
from core.accounts.service import Accounts
from core.accounts.sessions import Sessions
from core.audit.service import Audit
from core.db import Connection, Database
from core.errors import CoreError, NotFound
from core.logins import access, repository
from core.logins.failures import PasskeyNeeded, RefreshRefused, TotpRequired
from core.logins.models import Bearer, TokenPair
from core.security.sealing import RingSource
from core.security.tokens import hash_token
from core.two_factor.service import TwoFactor

MAX_REFRESH = 200
# Leak scanners and our own redactor know it by this.
REFRESH_PREFIX = "zoark_refresh_"


class Logins:
    """Log in, refresh and log out; say whose an access token is."""

    def __init__(
        self,
        db: Database,
        rings: RingSource,
        accounts: Accounts,
        sessions: Sessions,
        two_factor: TwoFactor,
        audit: Audit,
    ) -> None:
        """Sign with the keys of ``rings``; judge passwords with ``accounts`` and codes with ``two_factor``."""
        self._db = db
        self._rings = rings
        self._accounts = accounts
        self._sessions = sessions
        self._two_factor = two_factor
        self._audit = audit

    def login(self, email: str, password: str, totp: str | None, user_agent: str) -> TokenPair:
        """Open a session for who knows the password and, where they have a second factor, a code of it.

        Raises:
            LockedOut: too many wrong tries; says how long to wait.
            SignInRefused: address or password is wrong.
            PasskeyNeeded: the second factor is a passkey only.
            TotpRequired: the password is right, and a code is missing.
            CodeRefused: the code is wrong.
        """
        user = self._accounts.authenticate(email, password)
        if self._two_factor.is_required(user):
            if not self._two_factor.has_app(user):
                raise PasskeyNeeded
            if not totp:
                raise TotpRequired
            # The two steps come in one request here: nobody waits between them, so any name of a browser will do.
            half = self._two_factor.begin_sign_in(user, "api")
            try:
                user = self._two_factor.finish_sign_in(half, "api", totp)
            except CoreError:
                self._two_factor.leave_sign_in(half, "api")
                raise
        session_id = self._sessions.id_of(self._accounts.start_session(user, user_agent))
        if session_id is None:  # it was ended in the very moment
            raise RefreshRefused
        with self._db.transaction() as connection:
            return self._issue(connection, user, session_id)

    def refresh(self, refresh_token: str) -> TokenPair:
        """Return the next pair. Whoever shows a token that was used before ends the login for everybody.

        Raises:
            RefreshRefused: the token is unknown, was used before, or its session is over.
        """
        token_hash = hash_token(refresh_token[:MAX_REFRESH])
        with self._db.transaction() as connection:
            session_id = repository.use(connection, token_hash, clock.now())
            known = session_id or repository.session_of(connection, token_hash)
        user = self._sessions.user_of(known) if known else None
        if known is None or user is None:
            raise RefreshRefused
        if session_id is None:
            self._end_stolen(user, known)
            raise RefreshRefused
        with self._db.transaction() as connection:
            return self._issue(connection, user, session_id)

    def logout(self, actor: User, session_id: str) -> None:
        """End a login: its access and refresh tokens are worthless at once."""
        self._sessions.end(actor, session_id)

    def bearer(self, token: str, *, is_activity: bool = True) -> Bearer | None:
        """Return who acts with an access token; None unless it is ours, in time, and its session goes on."""
        claims = access.verify(self._rings.current(), token, clock.now())
        if claims is None:
            return None
        with self._db.read() as connection:
            if not repository.is_known(connection, claims.jti, claims.session_id):
                return None
        user = self._sessions.user_of(claims.session_id, is_activity=is_activity)
        return Bearer(user, claims.session_id) if user and user.id == claims.user_id else None

    def _issue(self, connection: Connection, user: User, session_id: str) -> TokenPair:
        at, token_id = clock.now(), clock.new_id("jti")
        refresh = REFRESH_PREFIX + clock.new_token()
        repository.insert_refresh(connection, token_id, session_id, hash_token(refresh), at)
        token = access.sign(self._rings.current(), access.Claims(user.id, session_id, token_id), at)
        return TokenPair(user, SecretStr(token), SecretStr(refresh), int(access.LIFE.total_seconds()))

    def _end_stolen(self, user: User, session_id: str) -> None:
        """End a session one of whose refresh tokens came twice: the second one may be a thief's."""
        with self._db.transaction() as connection:
            told = {"reason": "a refresh token was used twice"}
            self._audit.record(
                connection, user, "login.reused", "session", session_id, result=RefreshRefused.code, detail=told
            )
        try:
            self._sessions.end(user, session_id)
        except NotFound:  # somebody was faster
            return
