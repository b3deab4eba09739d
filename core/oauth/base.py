"""What a sign-in provider is: one small file in ``providers/`` that states its differences.

The protocol is Authlib's; every call goes through the guarded client that the service hands over.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Literal
from urllib.parse import quote

import httpx
from pydantic import SecretStr

from core import clock
from core.errors import BadResponse
from core.oauth.checks import Checklist, Problem, explained
from core.oauth.failures import OAuthExpired
from core.oauth.kept import Kept
from core.oauth.models import Client, Profile, Tokens

if TYPE_CHECKING:
    from core.config import Settings
    from core.security.egress import GuardedClient

ClientAuth = Literal["client_secret_basic", "client_secret_post"]

LONGEST_LIFE_SECONDS = 10 * 365 * 86_400
# What a provider says of a client that it does not know. Microsoft: unauthorized_client; GitHub: the last.
_CLIENT_IS_WRONG = frozenset({"invalid_client", "unauthorized_client", "incorrect_client_credentials"})
# RFC 6749, 5.2; GitHub has names of its own and sends them with status 200.
_GRANT_IS_OVER = frozenset({"invalid_grant", "bad_verification_code", "bad_refresh_token"})


@dataclass(frozen=True)
class Endpoints:
    """Where a provider does what, and who it says it is."""

    issuer: str
    authorise: str
    token: str
    revoke: str = ""
    keys: str = ""
    userinfo: str = ""
    client_auth: ClientAuth = "client_secret_basic"
    names_itself: bool = False  # RFC 9207: it sends its issuer back with the code


@dataclass(frozen=True)
class Channel:
    """One conversation with a provider: who we are there, the way there, its endpoints, and what it published."""

    client: Client
    http: GuardedClient
    at: Endpoints
    kept: Kept


class Provider(ABC):
    """A sign-in provider. Subclasses are found by the registry and tested by the contract test.

    Attributes:
        name: stable identifier; part of the redirect URI and of the settings' names.
        label: what people read.
        mark: its logo, a file in ``app/ui/assets``.
        scopes: what is asked for.
        fields: the settings it needs: ``ZOARK_OAUTH_<NAME>_<FIELD>``.
        extra: further parameters of the authorisation request.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    mark: ClassVar[str]
    scopes: ClassVar[tuple[str, ...]]
    fields: ClassVar[tuple[str, ...]]
    extra: ClassVar[Mapping[str, str]] = {}

    @abstractmethod
    def client(self, settings: Settings) -> Client | None:
        """Return how we are registered there; None when the settings do not say it."""

    @abstractmethod
    def endpoints(self, client: Client, http: GuardedClient) -> Endpoints:
        """Return where it does what, asking it if need be; raises ``ModelError``."""

    @abstractmethod
    def identity(self, channel: Channel, tokens: Tokens, nonce: str) -> Profile:
        """Return whose tokens these are, proven; raises ``ModelError`` or ``OAuthProofRefused``."""

    def open(self, client: Client, http: GuardedClient, kept: Kept) -> Channel:
        """Begin a conversation; where it does what is asked once in ten minutes."""
        where = client.metadata_url or client.base_url
        at = kept.get(f"endpoints of {self.name}", where, lambda: self.endpoints(client, http))
        return Channel(client, http, at, kept)

    def authorise_url(self, channel: Channel, redirect_uri: str, state: str, nonce: str, verifier: str) -> str:
        """Return where to send the browser: state, nonce and PKCE with S256, always (RFC 9700, 2.1)."""
        url, _ = self._authlib(channel, redirect_uri).create_authorization_url(
            channel.at.authorise, state=state, code_verifier=verifier, nonce=nonce, **self.extra
        )
        return str(url)

    def exchange(self, channel: Channel, code: str, verifier: str, redirect_uri: str) -> Tokens:
        """Turn a code into tokens.

        Raises:
            OAuthExpired: the code is over, or was not ours.
            ModelError: there was no usable answer.
        """
        return self._tokens(
            channel,
            "fetch_token",
            grant_type="authorization_code",
            code=code,
            code_verifier=verifier,
            redirect_uri=redirect_uri,
        )

    def refresh(self, channel: Channel, refresh_token: SecretStr) -> Tokens:
        """Get a new access token.

        Raises:
            OAuthExpired: the provider does not renew this connection any more.
            ModelError: there was no usable answer.
        """
        return self._tokens(channel, "refresh_token", refresh_token=refresh_token.get_secret_value())

    @abstractmethod
    def check(self, client: Client, look: Checklist) -> None:
        """Look at everything that can be wrong with the settings, before anybody signs in."""

    def setting(self, field: str) -> str:
        """Return the name of one of its settings in the environment."""
        return f"ZOARK_OAUTH_{self.name}_{field}".upper()

    def missing(self, settings: Settings) -> tuple[str, ...]:
        """Return the names of the settings that are not set."""
        return tuple(self.setting(f) for f in self.fields if not _filled(settings, f"oauth_{self.name}_{f}"))

    def check_client(self, channel: Channel, look: Checklist, redirect_uri: str) -> None:
        """Send a code that is none: the provider complains about the code, or, first, about the client."""
        client, secret = self.setting("client_id"), self.setting("client_secret")
        auth, fields = _credentials(channel)
        form = {"grant_type": "authorization_code", "code": "check", "redirect_uri": redirect_uri}
        with look.step("Client", "The provider knows the client and accepts its secret."):
            with explained(channel.at.token, client):
                response = channel.http.post(
                    channel.at.token,
                    data={**form, "code_verifier": clock.new_token(), **fields},
                    auth=auth,
                    headers={"Accept": "application/json"},
                )
            try:
                error = response.json().get("error")
            except (ValueError, AttributeError):
                error = "invalid_client" if response.status_code == 401 else None
            if error in _CLIENT_IS_WRONG:
                raise Problem(f"The provider does not accept the client. Check {client} and {secret}.")
            if not isinstance(error, str):
                raise Problem(f"The address for tokens gives no usable answer (status {response.status_code}).")

    @abstractmethod
    def accepts(self, channel: Channel, access: SecretStr) -> bool:
        """Whether the provider still takes this access token; raises ``ModelError`` when it gives no answer."""

    def revoke(self, channel: Channel, tokens: Tokens) -> bool:
        """End the connection at the provider (RFC 7009); False where it offers no way. Raises ``ModelError``."""
        if not channel.at.revoke:
            return False
        secret = tokens.refresh or tokens.access
        auth, fields = _credentials(channel)
        response = channel.http.post(
            channel.at.revoke, data={"token": secret.get_secret_value(), **fields}, auth=auth
        )
        if response.status_code != 200:
            raise BadResponse
        return True

    def _tokens(self, channel: Channel, method: str, **values: str) -> Tokens:
        from authlib.oauth2 import OAuth2Error  # type: ignore[import-untyped]

        auth, fields = _credentials(channel)
        try:
            answer = getattr(self._authlib(channel), method)(channel.at.token, auth=auth, **values, **fields)
            return self._read(answer)
        except OAuth2Error as error:
            if error.error in _GRANT_IS_OVER:
                raise OAuthExpired(self.label) from None
            raise BadResponse from None
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, TypeError, KeyError, AttributeError):
            raise BadResponse from None

    def _read(self, answer: Mapping[str, Any]) -> Tokens:
        access, kind = answer["access_token"], str(answer.get("token_type", "bearer"))
        if not isinstance(access, str) or not access or kind.lower() != "bearer":
            raise BadResponse
        refresh, life, scope = answer.get("refresh_token"), answer.get("expires_in"), answer.get("scope")
        expires_at = None
        if life is not None:
            expires_at = clock.now() + timedelta(seconds=max(0, min(int(life), LONGEST_LIFE_SECONDS)))
        return Tokens(
            access=SecretStr(access),
            refresh=SecretStr(refresh) if isinstance(refresh, str) and refresh else None,
            expires_at=expires_at,
            # GitHub separates them by commas.
            scopes=tuple(scope.replace(",", " ").split()) if isinstance(scope, str) and scope else self.scopes,
            id_token=str(answer.get("id_token") or ""),
        )

    def _authlib(self, channel: Channel, redirect_uri: str | None = None) -> Any:
        from authlib.oauth2.client import OAuth2Client  # type: ignore[import-untyped]

        return OAuth2Client(
            channel.http,
            client_id=channel.client.id,
            scope=" ".join(self.scopes),
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
        )


def _filled(settings: Settings, field: str) -> bool:
    value = getattr(settings, field)
    return bool(value.get_secret_value() if isinstance(value, SecretStr) else value)


def _credentials(channel: Channel) -> tuple[httpx.Auth, dict[str, str]]:
    """Return how we prove who we are: a header (RFC 6749, 2.3.1: form-encoded first) or fields of the body."""
    client_id, secret = channel.client.id, channel.client.secret.get_secret_value()
    if channel.at.client_auth == "client_secret_post":
        return httpx.Auth(), {"client_id": client_id, "client_secret": secret}
    return httpx.BasicAuth(quote(client_id, safe=""), quote(secret, safe="")), {}


def get_json(http: GuardedClient, url: str, access: SecretStr | None = None) -> Any:
    """Fetch a JSON document of a provider; any failure is a ``ModelError``."""
    headers = {"Accept": "application/json"}
    if access is not None:
        headers["Authorization"] = f"Bearer {access.get_secret_value()}"
    try:
        response = http.get(url, headers=headers)
        if response.status_code != 200:
            raise BadResponse
        return response.json()
    except (httpx.InvalidURL, httpx.HTTPError, ValueError):
        raise BadResponse from None


def is_accepted(http: GuardedClient, url: str, access: SecretStr) -> bool:
    """Whether an address takes an access token; any answer but yes or no is a ``ModelError``."""
    response = http.get(url, headers={"Authorization": f"Bearer {access.get_secret_value()}"})
    if response.status_code not in (200, 401):
        raise BadResponse
    return response.status_code == 200


def get_object(http: GuardedClient, url: str, access: SecretStr | None = None) -> dict[str, Any]:
    """Fetch a JSON object; any failure is a ``ModelError``."""
    document = get_json(http, url, access)
    if not isinstance(document, dict):
        raise BadResponse
    return document
