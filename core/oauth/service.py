"""The rules of signing in at a provider, connecting an account there, and using its tokens.

Somebody at a provider is ``(issuer, subject)``, never an e-mail address: see ``admission``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from pydantic import SecretStr

from core import clock
from core.accounts import provider_sign_in
from core.accounts.models import User
from core.accounts.proof import require_recent_proof
from core.accounts.service import Accounts
from core.audit.service import Audit
from core.config import Settings
from core.db import Connection, Database
from core.errors import Conflict, CoreError, NotFound
from core.oauth import repository, shown
from core.oauth.admission import admit
from core.oauth.base import Provider
from core.oauth.failures import (
    OAuthDeclined,
    OAuthExpired,
    OAuthFlowRefused,
    OAuthIdentityTaken,
    OAuthProofRefused,
    OAuthProviderFailed,
    OAuthSuspended,
)
from core.oauth.identities import Identities
from core.oauth.models import Answer, Client, Flow, Identity, Profile, Tokens
from core.oauth.reach import Reach
from core.security.egress import EgressPolicy
from core.security.sealing import Vault
from core.security.tokens import hash_token

FLOW_LIFE = timedelta(minutes=10)  # RFC 9700 asks for short-lived, one-time state
MAX_CODE = 4_000
# A token that ends within this time is renewed: the call that it is for takes time too.
RENEW_BEFORE = timedelta(seconds=60)


class OAuth:
    """Sign in at a provider, connect and disconnect accounts there, use their tokens."""

    def __init__(
        self,
        db: Database,
        vault: Vault,
        policy: EgressPolicy,
        settings: Settings,
        accounts: Accounts,
        audit: Audit,
    ) -> None:
        """Seal with ``vault``; reach providers under ``policy`` only; tell ``audit``."""
        self._db = db
        self._vault = vault
        self._reach = Reach(settings, policy)
        self._identities = Identities(vault)
        self._accounts = accounts
        self._audit = audit

    def providers(self) -> Sequence[Provider]:
        """Return the providers that are set up here, in the order of the buttons."""
        return self._reach.providers()

    def forget_old(self, limit: int) -> int:
        """Forget sign-ins that were begun and are over; return how many those were, ``limit`` at most."""
        with self._db.transaction() as connection:
            return repository.forget_flows(connection, clock.now(), limit)

    def begin(self, actor: User | None, provider_name: str, browser: str, redirect_uri: str, next_path: str) -> str:
        """Begin a sign-in, or with an ``actor`` a connection, and return where to send the browser.

        Raises:
            StepUpRequired: it is long ago that the actor proved who they are.
            NotFound: there is no such provider here.
            OAuthProviderFailed: it cannot be asked.
        """
        if actor is not None:
            require_recent_proof(actor)  # it will be another way in
        provider, client = self._reach.configured(provider_name)
        state, nonce, verifier = clock.new_token(), clock.new_token(), clock.new_token()
        with self._reach.asking(provider) as http:
            channel = provider.open(client, http)
            self._reach.check_address(channel.at.authorise)
            url = provider.authorise_url(channel, redirect_uri, state, nonce, verifier)
        at, state_hash = clock.now(), hash_token(state)
        with self._db.transaction() as connection:
            repository.drop_old_flows(connection, at)
            repository.insert_flow(
                connection,
                state_hash=state_hash,
                provider=provider.name,
                browser_hash=_browser_hash(browser),
                nonce=nonce,
                verifier_sealed=self._vault.seal(verifier, **_flow_context(state_hash)),
                link_user_id=actor.id if actor else None,
                next_path=next_path[:2000],
                expires_at=at + FLOW_LIFE,
            )
        return url

    def take_flow(self, provider_name: str, state: str, browser: str) -> Flow:
        """Take up the sign-in that a browser comes back from; it cannot be taken again.

        Raises:
            NotFound: there is no such provider here.
            OAuthFlowRefused: unknown, expired, used before, of another provider, or of another browser.
        """
        provider, _ = self._reach.configured(provider_name)
        state_hash = hash_token(state[:200])
        with self._db.transaction() as connection:
            row = repository.take_flow(connection, state_hash, provider.name, _browser_hash(browser), clock.now())
        if row is None:
            self._refused(None, provider, OAuthFlowRefused.code)
            raise OAuthFlowRefused(provider.label)
        verifier = self._vault.unseal(row.verifier_sealed, **_flow_context(state_hash))
        return Flow(provider.name, row.nonce, verifier, row.link_user_id, row.next_path)

    def finish(self, actor: User | None, flow: Flow, answer: Answer) -> User:
        """Prove who came back; return who is signed in now, or who has connected an account.

        Args:
            actor: who is signed in in this browser.
            flow: what ``take_flow`` returned.
            answer: what the browser brought.

        Raises:
            OAuthError: which rule refused it; each has its sentence.
            RegistrationClosed: nobody has this identity, and people cannot register by themselves.
        """
        provider, client = self._reach.configured(flow.provider)
        email = ""
        try:
            if flow.link_user_id and (actor is None or actor.id != flow.link_user_id):
                raise OAuthFlowRefused(provider.label)
            profile, fresh = self._ask(provider, client, flow, answer)
            email = profile.email
            if actor is not None and flow.link_user_id:
                return self._connect(actor, provider, profile, fresh)
            return self._sign_in(provider, profile, fresh)
        except CoreError as error:
            self._refused(actor, provider, error.code, email)
            raise

    def list(self, actor: User) -> Sequence[Identity]:
        """Return the actor's connected accounts, oldest first."""
        with self._db.read() as connection:
            return repository.identities_of(connection, actor.id)

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
                renewed = provider.refresh(provider.open(client, http), stored.refresh)
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

    # --- one step each ---------------------------------------------------------------------------

    def _ask(self, provider: Provider, client: Client, flow: Flow, answer: Answer) -> tuple[Profile, Tokens]:
        if answer.error == "access_denied":
            raise OAuthDeclined(provider.label)
        if answer.error or not 0 < len(answer.code) <= MAX_CODE:
            raise OAuthProviderFailed(provider.label)
        with self._reach.asking(provider) as http:
            channel = provider.open(client, http)
            if channel.at.names_itself and answer.issuer != channel.at.issuer:  # mix-up, RFC 9207
                raise OAuthProofRefused(provider.label)
            try:
                fresh = provider.exchange(
                    channel, answer.code, flow.verifier.get_secret_value(), answer.redirect_uri
                )
            except OAuthExpired:
                raise OAuthFlowRefused(provider.label) from None
            profile = provider.identity(channel, fresh, flow.nonce)
        if not profile.subject or len(profile.subject) > 255 or len(profile.issuer) > 400:
            raise OAuthProofRefused(provider.label)
        return profile, fresh

    def _sign_in(self, provider: Provider, profile: Profile, fresh: Tokens) -> User:
        with self._db.transaction() as connection:
            known = repository.lock_identity(connection, profile.issuer, profile.subject)
            if known is None:
                user = admit(connection, self._accounts, provider, profile)
                identity = self._identities.add(connection, user, provider, profile, fresh)
                self._record(connection, user, "oauth.signed_up", identity)
                return user
            identity, sealed = known
            found = provider_sign_in.active_user(connection, identity.user_id)
            if found is None:
                raise OAuthSuspended(provider.label)
            self._identities.keep(connection, identity, sealed, profile, fresh)
            self._record(connection, found, "oauth.signed_in", identity)
            return replace(found, proved_at=clock.now())

    def _connect(self, actor: User, provider: Provider, profile: Profile, fresh: Tokens) -> User:
        with self._db.transaction() as connection:
            if provider_sign_in.active_user(connection, actor.id) is None:
                raise OAuthSuspended(provider.label)
            known = repository.lock_identity(connection, profile.issuer, profile.subject)
            if known is None:
                identity = self._identities.add(connection, actor, provider, profile, fresh)
            elif known[0].user_id != actor.id:
                raise OAuthIdentityTaken(provider.label)
            else:
                identity = known[0]
                self._identities.keep(connection, identity, known[1], profile, fresh)
            self._record(connection, actor, "oauth.linked", identity)
        return actor

    def _revoke(self, actor: User, identity: Identity, sealed: bytes | None) -> None:
        """End the tokens at the provider; what it answers changes nothing here."""
        try:
            provider, client = self._reach.configured(identity.provider)
            stored = self._identities.open(identity, sealed)
            with self._reach.asking(provider) as http:
                result = "ok" if provider.revoke(provider.open(client, http), stored) else "not_offered"
        except CoreError as error:
            result = error.code
        with self._db.transaction() as connection:
            self._record(connection, actor, "oauth.revoked", identity, result)

    # --- small things ----------------------------------------------------------------------------

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

    def _refused(self, actor: User | None, provider: Provider, code: str, email: str = "") -> None:
        with self._db.transaction() as connection:
            self._audit.record(
                connection,
                actor,
                "oauth.refused",
                "provider",
                provider.name,
                result=code,
                actor_email=shown.line(email, 254),
            )


def _browser_hash(browser: str) -> str:
    return hash_token("oauth-browser/" + browser)


def _flow_context(state_hash: str) -> dict[str, str | int]:
    return {"table": "oauth_flows", "row": state_hash, "field": "verifier"}
