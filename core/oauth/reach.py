"""The way to sign-in providers: which are set up, and calls to them under one guard and one sentence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import httpx

from core.config import Settings
from core.errors import BadResponse, Invalid, ModelError, NotFound
from core.logs import get_logger
from core.oauth.base import Channel, Provider
from core.oauth.checks import Checklist, Problem
from core.oauth.failures import OAuthProviderFailed
from core.oauth.kept import Kept
from core.oauth.models import Client, Finding, ProviderState
from core.oauth.registry import all_providers, provider_named
from core.security.egress import EgressPolicy, GuardedClient, guarded_client

CALL_SECONDS = 10.0
MAX_BYTES = 1_000_000

log = get_logger(__name__)


class Reach:
    """Finds and calls the providers of this installation."""

    def __init__(self, settings: Settings, policy: EgressPolicy) -> None:
        """Take registrations from ``settings``; call under ``policy`` only."""
        self._settings = settings
        self._policy = policy
        self._kept = Kept()

    def providers(self) -> Sequence[Provider]:
        """Return the providers that are set up here, in the order of the buttons."""
        return [p for p in all_providers().values() if p.client(self._settings) is not None]

    def configured(self, name: str) -> tuple[Provider, Client]:
        """Return a provider and how we are registered there; raises ``NotFound`` when it is not set up."""
        provider = provider_named(name)
        client = provider.client(self._settings)
        if client is None:
            raise NotFound(what="sign-in provider")
        return provider, client

    def states(self) -> Sequence[ProviderState]:
        """Return how every provider stands, in the order of the buttons."""
        return [
            ProviderState(
                name=provider.name,
                is_set_up=provider.client(self._settings) is not None,
                missing=provider.missing(self._settings),
                callback_path=f"/oauth/{provider.name}/callback",
            )
            for provider in all_providers().values()
        ]

    def check(self, name: str, redirect_uri: str) -> Sequence[Finding]:
        """Ask a provider step by step, past what is kept of it; raises ``NotFound``. No transaction may be open."""
        provider, client = self.configured(name)
        with self.asking(provider) as http:
            look = Checklist(http, self._policy)
            if missing := provider.missing(self._settings):
                with look.step("Settings", ""):
                    raise Problem(f"Not set: {', '.join(missing)}.")
            provider.check(client, look)
            if not look.has_problem:
                provider.check_client(provider.open(client, http, Kept()), look, redirect_uri)
        return look.findings

    def open(self, provider: Provider, client: Client, http: GuardedClient) -> Channel:
        """Begin a conversation with a provider."""
        return provider.open(client, http, self._kept)

    @contextmanager
    def asking(self, provider: Provider) -> Iterator[GuardedClient]:
        """Give the way to a provider; whatever goes wrong there is one sentence. No transaction may be open."""
        try:
            with guarded_client(self._policy, total_seconds=CALL_SECONDS, max_bytes=MAX_BYTES) as http:
                yield http
        except (ModelError, Invalid) as error:  # Invalid: what it sent cannot stand in a header
            log.warning("sign-in provider failed", provider=provider.name, code=error.code, reason=error.sentence)
            raise OAuthProviderFailed(provider.label) from None

    def check_address(self, url: str) -> None:
        """Refuse to send a browser to an address that we would not call ourselves; raises ``ModelError``."""
        try:
            self._policy.check_url(httpx.URL(url))
        except httpx.InvalidURL:
            raise BadResponse from None
