"""The check of a provider that speaks OpenID Connect: what its metadata must say for a sign-in to work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from core.errors import BadResponse
from core.oauth import shown
from core.oauth.checks import Checklist, Problem, text_of
from core.oauth.models import Client
from core.oauth.signing_keys import ALGORITHMS, usable_keys

if TYPE_CHECKING:
    from core.oauth.openid import OpenIdProvider

ADDRESSES = ("authorization_endpoint", "token_endpoint", "jwks_uri")


def check_openid(provider: OpenIdProvider, client: Client, look: Checklist) -> None:
    """Read the metadata as a sign-in does, and say of each part of it what is wrong."""
    setting = provider.setting("metadata_url")
    document: dict[str, Any] = {}
    with look.step("Metadata", "The metadata can be read."):
        document = look.document(client.metadata_url, setting)
    if not document:
        return
    with look.step("Issuer", "The metadata belongs to its issuer."):
        issuer = text_of(document, "issuer", setting)
        if not provider.may_be_issuer(issuer, client.metadata_url):
            raise Problem(
                f"The metadata is that of {shown.line(issuer, 200)}, which is not where it was read. "
                f"Set {setting} to the issuer's address followed by /.well-known/openid-configuration."
            )
    with look.step("Addresses", "Every address is there and may be called."):
        for name in ADDRESSES:
            look.check_address(text_of(document, name, setting), setting)
    _check_methods(document, look)
    with look.step("Signing keys", "The keys that sign identities can be read."):
        _check_keys(document, look, setting)


def _check_methods(document: Mapping[str, Any], look: Checklist) -> None:
    """PKCE (RFC 7636) with S256 is always used; some providers that know it do not say so (RFC 8414, 2)."""
    offered = document.get("code_challenge_methods_supported")
    if offered is None:
        look.note("PKCE", "The metadata does not say whether PKCE is offered. Zoark uses it with S256.")
    else:
        with look.step("PKCE", "PKCE with S256 is offered."):
            if not isinstance(offered, list) or "S256" not in offered:
                raise Problem("The provider does not offer PKCE with S256. Turn it on for this client there.")
    signing = document.get("id_token_signing_alg_values_supported")
    if isinstance(signing, list) and not set(ALGORITHMS) & {str(name) for name in signing}:
        with look.step("Signatures", ""):
            raise Problem(f"Identities must be signed with {' or '.join(ALGORITHMS)}. Choose one of them there.")


def _check_keys(document: Mapping[str, Any], look: Checklist, setting: str) -> None:
    url = text_of(document, "jwks_uri", setting)
    published = look.document(url, setting)
    try:
        usable_keys(published)
    except BadResponse:
        raise Problem(
            f"{shown.line(url, 200)} publishes no RSA or elliptic-curve key for signatures. Make one there."
        ) from None
