"""Connected accounts at rest: who somebody is at a provider, and the sealed tokens that belong to it."""

from __future__ import annotations

from dataclasses import replace

from core import clock
from core.accounts.models import User
from core.db import Connection
from core.errors import CoreError
from core.oauth import repository, shown, tokens
from core.oauth.base import Provider
from core.oauth.failures import OAuthIdentityTaken
from core.oauth.models import Identity, Profile, Tokens
from core.security.sealing import Vault


class Identities:
    """Writes connected accounts inside the caller's transaction; tokens are sealed with their row's version."""

    def __init__(self, vault: Vault) -> None:
        """Seal with ``vault``."""
        self._vault = vault

    def add(
        self, connection: Connection, user: User, provider: Provider, profile: Profile, fresh: Tokens
    ) -> Identity:
        """Connect an account; raises ``OAuthIdentityTaken`` when somebody has it."""
        at = clock.now()
        identity = Identity(
            id=clock.new_id("ident"),
            user_id=user.id,
            provider=provider.name,
            issuer=profile.issuer,
            subject=profile.subject,
            email=shown.line(profile.email, 254),
            name=shown.name(profile),
            scopes=shown.scopes(fresh),
            token_version=1,
            token_expires_at=fresh.expires_at,
            linked_at=at,
            last_used_at=at,
        )
        if not repository.insert_identity(connection, identity, tokens.seal(self._vault, identity, fresh)):
            raise OAuthIdentityTaken(provider.label)
        return identity

    def keep(
        self, connection: Connection, identity: Identity, sealed: bytes | None, profile: Profile, fresh: Tokens
    ) -> None:
        """Store the tokens of another sign-in; the row is locked."""
        named = replace(identity, email=shown.line(profile.email, 254), name=shown.name(profile))
        try:
            stored = tokens.unseal(self._vault, identity, sealed) if fresh.refresh is None else None
        except CoreError:  # its master key is gone: the new tokens take its place
            stored = None
        self.renew(connection, named, stored, fresh)

    def renew(self, connection: Connection, before: Identity, stored: Tokens | None, fresh: Tokens) -> bool:
        """Store renewed tokens in the place of ``stored``; False when somebody was faster."""
        # Google sends a refresh token with the first consent only.
        if fresh.refresh is None and stored is not None:
            fresh = replace(fresh, refresh=stored.refresh)
        after = replace(
            before,
            scopes=shown.scopes(fresh),
            token_version=before.token_version + 1,
            token_expires_at=fresh.expires_at,
            last_used_at=clock.now(),
        )
        return repository.replace_tokens(connection, before, after, tokens.seal(self._vault, after, fresh))

    def open(self, identity: Identity, sealed: bytes | None) -> Tokens:
        """Return the tokens of a connected account; raises ``SecretUnreadable``."""
        return tokens.unseal(self._vault, identity, sealed)
