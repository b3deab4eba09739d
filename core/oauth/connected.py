"""A person's connected accounts: which there are, whether they still hold, their tokens, and ending them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from pydantic import SecretStr

from core import clock
from core.accounts import provider_sign_in
from core.accounts.models import User
from core.accounts.proof import require_recent_proof
from core.audit.service import Audit
from core.db import Connection, Database
from core.errors import Conflict, CoreError, NotFound
from core.oauth import repository
from core.oauth.failures import OAuthExpired
from core.oauth.identities import Identities
from core.oauth.models import Identity
from core.oauth.reach import Reach

# A token that ends within this time is renewed: the call that it is for takes time too.
RENEW_BEFORE = timedelta(seconds=60)


class Connected:
    """The part of ``OAuth`` that is about accounts which are connected already."""

    def __init__(self, db: Database, reach: Reach, identities: Identities, audit: Audit) -> None:
        """Keep connections in ``db``, ask providers through ``reach``, tell ``audit``."""
        self._db = db
        self._reach = reach
        self._identities = identities
        self._audit = audit

    def list(self, actor: User) -> Sequence[Identity]:
        """Return the actor's connected accounts, oldest first."""
        with self._db.read() as connection:
            return repository.identities_of(connection, actor.id)

    def count(self, connection: Connection, user_id: str) -> int:
        """Return how many accounts a person has connected, within somebody's transaction."""
        return repository.count_identities(connection, user_id)

    def disconnect(self, actor: User, identity_id: str) -> None:
        """Disconnect an account, erase its tokens and end them at the provider, if that answers.

        Raises:
            StepUpRequired: it is long ago that the actor proved who they are.
            NotFound: it is not the actor's.
            Conflict: it is the actor's only way in.
        """
        require_recent_proof(actor)
        identity, sealed = self._row(actor, identity_id)
        with self._db.transaction() as connection:
            has_password = provider_sign_in.has_password(connection, actor.id)
            if not has_password and repository.count_identities(connection, actor.id) <= 1:
                raise Conflict("This is your only way to sign in. Set a password or connect another account first.")
            if not repository.delete_identity(connection, identity.id):
                raise NotFound(what="connected account")
            self._record(connection, actor, "oauth.disconnected", identity)
        self._revoke(actor, identity, sealed)

    def check_connection(self, actor: User, identity_id: str) -> None:
        """Ask the provider whether it still accepts a connection; a token that has run out is renewed first.

        Raises:
            NotFound: the connection is not the actor's.
            OAuthExpired: it does not; the person has to connect again.
            OAuthProviderFailed: the provider does not answer.
        """
        access = self.fresh_token(actor, identity_id)
        identity, _ = self._row(actor, identity_id)
        provider, client = self._reach.configured(identity.provider)
        with self._reach.asking(provider) as http:
            is_accepted = provider.accepts(self._reach.open(provider, client, http), access)
        if not is_accepted:
            raise OAuthExpired(provider.label)

    def fresh_token(self, actor: User, identity_id: str) -> SecretStr:
        """Return an access token that is good for another minute, renewed if need be.

        Raises:
            NotFound: the connection is not the actor's.
            OAuthExpired: it cannot be renewed; the person has to connect again.
            OAuthProviderFailed: the provider does not answer.
        """
        identity, sealed = self._row(actor, identity_id)
        stored = self._identities.open(identity, sealed)
        if stored.expires_at is None or stored.expires_at > clock.now() + RENEW_BEFORE:
            with self._db.transaction() as connection:
                repository.note_use(connection, identity.id, clock.now())
            return stored.access
        provider, client = self._reach.configured(identity.provider)
        if stored.refresh is None:
            raise OAuthExpired(provider.label)
        try:
            with self._reach.asking(provider) as http:
                renewed = provider.refresh(self._reach.open(provider, client, http), stored.refresh)
        except OAuthExpired:
            # Refresh tokens that are good once: somebody else may have used it a moment ago.
            later, sealed = self._row(actor, identity_id)
            if later.token_version == identity.token_version:
                raise
            return self._identities.open(later, sealed).access
        with self._db.transaction() as connection:
            if self._identities.renew(connection, identity, stored, renewed):
                self._record(connection, actor, "oauth.refreshed", identity)
                return renewed.access
        # Somebody else renewed it in the meantime: theirs counts, ours may be void already.
        return self._identities.open(*self._row(actor, identity_id)).access

    def _revoke(self, actor: User, identity: Identity, sealed: bytes | None) -> None:
        """End the tokens at the provider; what it answers changes nothing here."""
        try:
            provider, client = self._reach.configured(identity.provider)
            stored = self._identities.open(identity, sealed)
            with self._reach.asking(provider) as http:
                is_offered = provider.revoke(self._reach.open(provider, client, http), stored)
            result = "ok" if is_offered else "not_offered"
        except CoreError as error:
            result = error.code
        with self._db.transaction() as connection:
            self._record(connection, actor, "oauth.revoked", identity, result)

    def _row(self, actor: User, identity_id: str) -> tuple[Identity, bytes | None]:
        with self._db.read() as connection:
            found = repository.identity_of(connection, actor.id, identity_id)
        if found is None:
            raise NotFound(what="connected account")
        return found

    def _record(
        self, connection: Connection, actor: User, action: str, identity: Identity, result: str = "ok"
    ) -> None:
        detail = {"provider": identity.provider, "issuer": identity.issuer}
        self._audit.record(connection, actor, action, "identity", identity.id, result=result, detail=detail)
