"""The base of everything that speaks OpenID Connect: discovery, and ID tokens checked to the last claim."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import SecretStr

from core import clock
from core.errors import BadResponse
from core.oauth.base import Channel, Endpoints, Provider, get_object, is_accepted
from core.oauth.checks import Checklist
from core.oauth.failures import OAuthProofRefused
from core.oauth.models import Client, Profile, Tokens
from core.oauth.openid_check import check_openid
from core.oauth.signing_keys import ALGORITHMS, usable_keys

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

    from core.config import Settings
    from core.security.egress import GuardedClient

LEEWAY_SECONDS = 60
WELL_KNOWN = "/.well-known/openid-configuration"


class OpenIdProvider(Provider):
    """A provider with a metadata document and ID tokens."""

    scopes: ClassVar[tuple[str, ...]] = ("openid", "email", "profile")
    fields: ClassVar[tuple[str, ...]] = ("client_id", "client_secret", "metadata_url")

    def client(self, settings: Settings) -> Client | None:
        """Read ``ZOARK_OAUTH_<NAME>_CLIENT_ID``, ``_CLIENT_SECRET`` and ``_METADATA_URL``."""
        client_id = getattr(settings, f"oauth_{self.name}_client_id")
        secret = getattr(settings, f"oauth_{self.name}_client_secret")
        metadata_url = getattr(settings, f"oauth_{self.name}_metadata_url")
        return Client(client_id, secret, metadata_url) if client_id and metadata_url else None

    def endpoints(self, client: Client, http: GuardedClient) -> Endpoints:
        """Read the metadata document (OpenID Connect Discovery 1.0, 4)."""
        document = get_object(http, client.metadata_url)
        issuer = _text(document, "issuer")
        # Else one provider could speak for the people of another: an identity is (issuer, subject).
        if not self.may_be_issuer(issuer, client.metadata_url):
            raise BadResponse
        methods = document.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        return Endpoints(
            issuer=issuer,
            authorise=_text(document, "authorization_endpoint"),
            token=_text(document, "token_endpoint"),
            keys=_text(document, "jwks_uri"),
            revoke=str(document.get("revocation_endpoint") or ""),
            userinfo=str(document.get("userinfo_endpoint") or ""),
            client_auth="client_secret_basic" if "client_secret_basic" in methods else "client_secret_post",
            names_itself=document.get("authorization_response_iss_parameter_supported") is True,
        )

    def check(self, client: Client, look: Checklist) -> None:
        """Read the metadata as a sign-in does, and say of each part of it what is wrong."""
        check_openid(self, client, look)

    def may_be_issuer(self, issuer: str, metadata_url: str) -> bool:
        """Whether the document of this address may speak for ``issuer``."""
        return metadata_url == issuer.rstrip("/") + WELL_KNOWN

    def issuer_for(self, channel: Channel, claims: Mapping[str, Any]) -> str:
        """Return the issuer that an ID token with these claims must have."""
        return channel.at.issuer

    def is_verified(self, channel: Channel, claims: Mapping[str, Any]) -> bool:
        """Whether the provider vouches that the e-mail address is this person's."""
        return claims.get("email_verified") in (True, "true")

    def identity(self, channel: Channel, tokens: Tokens, nonce: str) -> Profile:
        """Return who the ID token is about; what it leaves out comes from the userinfo endpoint."""
        proven = self._proven(channel, tokens, nonce)
        claims = proven
        if not proven.get("email") and channel.at.userinfo:
            told = get_object(channel.http, channel.at.userinfo, tokens.access)
            if told.get("sub") != proven["sub"]:  # OpenID Connect Core 1.0, 5.3.2
                raise OAuthProofRefused(self.label)
            claims = {**told, **proven}
        return Profile(
            issuer=proven["iss"],
            subject=proven["sub"],
            email=str(claims.get("email") or ""),
            email_verified=self.is_verified(channel, claims),
            name=str(claims.get("name") or claims.get("preferred_username") or ""),
        )

    def accepts(self, channel: Channel, access: SecretStr) -> bool:
        """Ask the userinfo endpoint; where there is none, a token that has not run out counts as good."""
        return not channel.at.userinfo or is_accepted(channel.http, channel.at.userinfo, access)

    def _proven(self, channel: Channel, tokens: Tokens, nonce: str) -> dict[str, Any]:
        """Return the claims of the ID token after every check of OpenID Connect Core 1.0, 3.1.3.7."""
        from joserfc import jwt
        from joserfc.errors import JoseError

        try:
            keys = self._keys_for(channel, tokens.id_token)
            claims = jwt.decode(tokens.id_token, keys, algorithms=ALGORITHMS).claims
            jwt.JWTClaimsRegistry(
                now=int(clock.now().timestamp()),
                leeway=LEEWAY_SECONDS,
                iss={"essential": True, "value": self.issuer_for(channel, claims)},
                aud={"essential": True, "value": channel.client.id},
                sub={"essential": True},
                exp={"essential": True},
                iat={"essential": True},
            ).validate(claims)
        except (JoseError, ValueError, TypeError, KeyError, AttributeError):
            raise OAuthProofRefused(self.label) from None
        if not self._is_for_this_flow(channel, claims, nonce):
            raise OAuthProofRefused(self.label)
        return claims

    def _keys_for(self, channel: Channel, id_token: str) -> KeySet:
        """Return the provider's keys; they are fetched anew, once, for a key that is not among those kept."""
        from joserfc import jws

        def read() -> KeySet:
            return usable_keys(get_object(channel.http, channel.at.keys))

        name = jws.extract_compact(id_token.encode()).headers().get("kid")
        keys = channel.kept.get("keys", channel.at.keys, read)
        is_known = name is not None and name in {key.kid for key in keys.keys}
        return keys if is_known else channel.kept.get("keys", channel.at.keys, read, is_fresh=True)

    def _is_for_this_flow(self, channel: Channel, claims: Mapping[str, Any], nonce: str) -> bool:
        audience = claims["aud"]
        if not _has_nonce(claims, nonce):
            return False
        if claims.get("azp") is None:
            return isinstance(audience, str) or len(audience) == 1
        return bool(claims["azp"] == channel.client.id)


def _has_nonce(claims: Mapping[str, Any], nonce: str) -> bool:
    given = claims.get("nonce")
    return isinstance(given, str) and hmac.compare_digest(given.encode(), nonce.encode())


def _text(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str) or not value:
        raise BadResponse
    return value
