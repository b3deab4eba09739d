"""The rules of signing in at a provider, connecting an account there, and using its tokens.

Somebody at a provider is ``(issuer, subject)``, never an e-mail address: see ``admission``.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import timedelta

from core import clock
from core.accounts import provider_sign_in
from core.accounts.capabilities import require
from core.accounts.models import User
from core.accounts.proof import require_recent_proof
from core.accounts.service import Accounts
from core.audit.origin import origin
from core.audit.service import Audit
from core.config import Settings
from core.db import Connection, Database
from core.errors import CoreError
from core.limits.service import Limits, network
from core.logs import get_logger
from core.oauth import repository, shown
from core.oauth.admission import admit, admit_invited
from core.oauth.base import Provider
from core.oauth.connected import Connected
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
from core.oauth.models import Answer, Client, Finding, Flow, Identity, Profile, ProviderState, Tokens
from core.oauth.reach import Reach
from core.security.egress import EgressPolicy
from core.security.sealing import Vault
from core.security.tokens import hash_token

FLOW_LIFE = timedelta(minutes=10)  # RFC 9700 asks for short-lived, one-time state
MAX_CODE = 4_000
# Of one network address, which a whole office may share.
STARTS_AN_HOUR = 300
RETURNS_AN_HOUR = 300
AT_ONCE = 60

log = get_logger(__name__)


class OAuth(Connected):
    """Sign in at a provider, connect and disconnect accounts there, use their tokens."""

    def __init__(
        self,
        db: Database,
        vault: Vault,
        policy: EgressPolicy,
        settings: Settings,
        accounts: Accounts,
        limits: Limits,
        audit: Audit,
    ) -> None:
        """Seal with ``vault``; reach providers under ``policy`` only; count with ``limits``; tell ``audit``."""
        super().__init__(db, Reach(settings, policy), Identities(vault), audit)
        self._vault = vault
        self._settings = settings
        self._accounts = accounts
        self._limits = limits

    def providers(self) -> Sequence[Provider]:
        """Return the providers that are set up here, in the order of the buttons."""
        return self._reach.providers()

    def states(self, actor: User) -> Sequence[ProviderState]:
        """Return how every provider stands, in the order of the buttons; ``Forbidden`` for who may not set them."""
        require(actor, "settings.manage")
        return self._reach.states()

    def check(self, actor: User, provider_name: str, redirect_uri: str) -> Sequence[Finding]:
        """Ask a provider whether it is set up right and return what each step found.

        Raises:
            Forbidden: the actor may not change settings.
            NotFound: there is no such provider here.
            OAuthProviderFailed: it changed its answers in the middle.
        """
        require(actor, "settings.manage")
        return self._reach.check(provider_name, redirect_uri)

    def forget_old(self, limit: int) -> int:
        """Forget sign-ins that were begun and are over; return how many those were, ``limit`` at most."""
        with self._db.transaction() as connection:
            return repository.forget_flows(connection, clock.now(), limit)

    def forget_unreadable(self, connection: Connection, master_keys: Collection[int]) -> dict[str, int]:
        """Drop what was sealed with lost master keys: signing in at the provider again brings new tokens."""
        dropped = repository.forget_sealed_with(connection, master_keys)
        return {"tokens of connected accounts dropped": dropped}

    def begin(self, actor: User | None, provider_name: str, browser: str, redirect_uri: str, next_path: str) -> str:
        """Begin a sign-in, or with an ``actor`` a connection, and return where to send the browser.

        Raises:
            StepUpRequired: it is long ago that the actor proved who they are.
            NotFound: there is no such provider here.
            RateLimitedHere: too many begin at this network address.
            OAuthProviderFailed: it cannot be asked.
        """
        if actor is not None:
            require_recent_proof(actor)  # it will be another way in
        provider, client = self._reach.configured(provider_name)
        self._take_for_origin("oauth-start", STARTS_AN_HOUR)
        state, nonce, verifier = clock.new_token(), clock.new_token(), clock.new_token()
        with self._reach.asking(provider) as http:
            channel = self._reach.open(provider, client, http)
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
            RateLimitedHere: too many come back at this network address.
            OAuthFlowRefused: unknown, expired, used before, of another provider, or of another browser.
        """
        provider, _ = self._reach.configured(provider_name)
        self._take_for_origin("oauth-return", RETURNS_AN_HOUR)
        state_hash = hash_token(state[:200])
        with self._db.transaction() as connection:
            row = repository.take_flow(connection, state_hash, provider.name, _browser_hash(browser), clock.now())
            if row is None and repository.knows_flow(connection, state_hash):
                self._record_refusal(connection, None, provider, OAuthFlowRefused.code)
            elif row is None:  # anybody can make such addresses up; the audit log is not theirs to fill
                log.info("nobody began the sign-in of this callback", provider=provider.name)
        if row is None:
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
            LinkRefused: the invitation that the browser brought is over.
        """
        provider, client = self._reach.configured(flow.provider)
        email = ""
        try:
            if flow.link_user_id and not _is_begun_by(actor, flow):
                raise OAuthFlowRefused(provider.label)
            profile, fresh = self._ask(provider, client, flow, answer)
            email = profile.email
            if actor is not None and flow.link_user_id:
                return self._connect(actor, provider, profile, fresh)
            return self._sign_in(provider, profile, fresh, answer.invitation)
        except CoreError as error:
            self._refused(actor, provider, error.code, email)
            raise

    # --- one step each ---------------------------------------------------------------------------

    def _ask(self, provider: Provider, client: Client, flow: Flow, answer: Answer) -> tuple[Profile, Tokens]:
        if answer.error == "access_denied":
            raise OAuthDeclined(provider.label)
        if answer.error or not 0 < len(answer.code) <= MAX_CODE:
            raise OAuthProviderFailed(provider.label)
        with self._reach.asking(provider) as http:
            channel = self._reach.open(provider, client, http)
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

    def _sign_in(self, provider: Provider, profile: Profile, fresh: Tokens, invitation: str) -> User:
        with self._db.transaction() as connection:
            known = repository.lock_identity(connection, profile.issuer, profile.subject)
            if known is not None and invitation:
                raise OAuthIdentityTaken(provider.label)
            if known is None:
                if invitation:
                    user = admit_invited(connection, self._accounts, self._audit, provider, profile, invitation)
                else:
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
            elif _is_of_another(known[0], actor):
                raise OAuthIdentityTaken(provider.label)
            else:
                identity = known[0]
                self._identities.keep(connection, identity, known[1], profile, fresh)
            self._record(connection, actor, "oauth.linked", identity)
        return actor

    # --- small things ----------------------------------------------------------------------------

    def _take_for_origin(self, what: str, rate: int) -> None:
        if address := network(origin().address):
            self._limits.take(f"{what}/{address}", rate, AT_ONCE)

    def _refused(self, actor: User | None, provider: Provider, code: str, email: str = "") -> None:
        with self._db.transaction() as connection:
            self._record_refusal(connection, actor, provider, code, email)

    def _record_refusal(
        self, connection: Connection, actor: User | None, provider: Provider, code: str, email: str = ""
    ) -> None:
        self._audit.record(
            connection,
            actor,
            "oauth.refused",
            "provider",
            provider.name,
            result=code,
            actor_email=shown.line(email, 254),
        )


def _is_begun_by(actor: User | None, flow: Flow) -> bool:
    return actor is not None and actor.id == flow.link_user_id


def _is_of_another(identity: Identity, actor: User) -> bool:
    return identity.user_id != actor.id


def _browser_hash(browser: str) -> str:
    return hash_token("oauth-browser/" + browser)


def _flow_context(state_hash: str) -> dict[str, str | int]:
    return {"table": "oauth_flows", "row": state_hash, "field": "verifier"}
