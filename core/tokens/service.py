"""The rules of personal API tokens: who makes them, what they may do, when they end."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import timedelta

from pydantic import SecretStr

from core import clock
from core.accounts.models import User
from core.accounts.proof import require_recent_proof
from core.accounts.service import Accounts
from core.audit.service import Audit
from core.db import Connection, Database
from core.errors import Conflict, Invalid, NotFound
from core.names import clean_name
from core.security.tokens import hash_token
from core.tokens import format as token_format
from core.tokens import repository
from core.tokens.models import LONGEST_DAYS, SCOPES, SHORTEST_DAYS, NewToken, Token

MAX_NAME = 80
MAX_TOKENS = 50
NOTE_EVERY = timedelta(minutes=1)


class Tokens:
    """A person's API tokens. The secret is shown once; a hash of it is kept."""

    def __init__(self, db: Database, accounts: Accounts, audit: Audit) -> None:
        """Ask ``accounts`` who may still sign in; tell ``audit``."""
        self._db = db
        self._accounts = accounts
        self._audit = audit
        self._listeners: list[Callable[[Connection, User, Token], None]] = []

    def on_added(self, tell: Callable[[Connection, User, Token], None]) -> None:
        """Call ``tell`` in the transaction of each new token: the mail about it."""
        self._listeners.append(tell)

    def create(self, actor: User, name: str, scopes: Collection[str], days: int) -> NewToken:
        """Make a token that is good for ``days`` days and for ``scopes``.

        Raises:
            StepUpRequired: it is long ago that the actor proved who they are.
            Invalid: no or unknown scopes, or too long a life.
            Conflict: the actor has a token of this name, or too many tokens.
        """
        require_recent_proof(actor)
        name = clean_name(name, MAX_NAME, "Give the token a name")
        if not scopes or not set(scopes) <= set(SCOPES):
            raise Invalid("Choose what the token may do.", "scopes")
        if not SHORTEST_DAYS <= days <= LONGEST_DAYS:
            raise Invalid(f"A token lives {SHORTEST_DAYS} to {LONGEST_DAYS} days.", "expires_in_days")
        at, secret = clock.now(), token_format.new_secret()
        token = Token(
            id=clock.new_id("token"),
            user_id=actor.id,
            name=name,
            hint=secret[: token_format.HINT_LENGTH] + "…",
            scopes=tuple(scope for scope in SCOPES if scope in scopes),
            created_at=at,
            expires_at=at + timedelta(days=days),
            last_used_at=None,
        )
        with self._db.transaction() as connection:
            if repository.name_is_taken(connection, actor.id, name):
                raise Conflict("You already have a token of this name. Choose another name.")
            if len(repository.tokens_of(connection, actor.id)) >= MAX_TOKENS:
                raise Conflict(f"You have {MAX_TOKENS} tokens. Revoke one that is not needed any more.")
            repository.insert_token(connection, token, hash_token(secret))
            told = {"name": name, "scopes": list(token.scopes), "expires_at": token.expires_at.isoformat()}
            self._audit.record(connection, actor, "token.created", "token", token.id, detail=told)
            for tell in self._listeners:
                tell(connection, actor, token)
        return NewToken(token, SecretStr(secret))

    def list(self, actor: User) -> Sequence[Token]:
        """Return the actor's tokens that are not revoked, newest first; expired ones are among them."""
        with self._db.read() as connection:
            return repository.tokens_of(connection, actor.id)

    def get(self, actor: User, token_id: str) -> Token:
        """Return one of the actor's tokens that are not revoked; ``NotFound`` for a stranger's."""
        found = next((token for token in self.list(actor) if token.id == token_id), None)
        if found is None:
            raise NotFound(what="token")
        return found

    def revoke(self, actor: User, token_id: str) -> None:
        """End a token at once; ``NotFound`` for a stranger's and for one that has ended."""
        with self._db.transaction() as connection:
            name = repository.revoke(connection, actor.id, token_id, clock.now())
            if name is None:
                raise NotFound(what="token")
            self._audit.record(connection, actor, "token.revoked", "token", token_id, detail={"name": name})

    def is_good(self, token_id: str) -> bool:
        """Whether a token would still be let in, for whoever came in with it a while ago."""
        with self._db.read() as connection:
            user_id = repository.good_token_owner(connection, token_id, clock.now())
        return user_id is not None and self._accounts.user(user_id) is not None

    def owner(self, secret: str) -> tuple[User, Token] | None:
        """Return who acts with a token, unproved; None unless it is good and they are active."""
        if not token_format.is_well_formed(secret):
            return None
        at = clock.now()
        with self._db.read() as connection:
            token = repository.valid_token(connection, hash_token(secret), at)
        user = self._accounts.user(token.user_id) if token else None
        if token is None or user is None:
            return None
        if token.last_used_at is None or at - token.last_used_at > NOTE_EVERY:
            with self._db.transaction() as connection:
                repository.note_use(connection, token.id, at)
        return user, token
