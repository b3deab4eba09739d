"""Tokens at rest: sealed as one value, bound to the connection, its owner and the version of the row."""

from __future__ import annotations

import json
from datetime import datetime

from pydantic import SecretStr

from core.errors import SecretUnreadable
from core.oauth.models import Identity, Tokens
from core.security.redact import register_secret
from core.security.sealing import Vault


def seal(vault: Vault, identity: Identity, tokens: Tokens) -> bytes:
    """Encrypt what a provider handed out, for the row of ``identity``."""
    for secret in (tokens.access, tokens.refresh):
        if secret is not None:
            register_secret(secret.get_secret_value())
    text = json.dumps(
        {
            "access": tokens.access.get_secret_value(),
            "refresh": tokens.refresh.get_secret_value() if tokens.refresh else None,
            "expires_at": tokens.expires_at.isoformat() if tokens.expires_at else None,
            "scopes": tokens.scopes,
        }
    )
    return vault.seal(text, **_context(identity))


def unseal(vault: Vault, identity: Identity, sealed: bytes | None) -> Tokens:
    """Decrypt the tokens of a row.

    Raises:
        SecretUnreadable: there are none, they belong to another row, or their master key is gone.
    """
    if sealed is None:
        raise SecretUnreadable
    values = json.loads(vault.unseal(sealed, **_context(identity)).get_secret_value())
    for secret in filter(None, (values["access"], values["refresh"])):
        register_secret(secret)
    return Tokens(
        access=SecretStr(values["access"]),
        refresh=SecretStr(values["refresh"]) if values["refresh"] else None,
        expires_at=datetime.fromisoformat(values["expires_at"]) if values["expires_at"] else None,
        scopes=tuple(values["scopes"]),
    )


def _context(identity: Identity) -> dict[str, str | int]:
    return {
        "table": "identities",
        "row": identity.id,
        "field": "token",
        "owner": identity.user_id,
        "version": identity.token_version,
    }
