"""What a login of the API gives."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import SecretStr

from core.accounts.models import User


@dataclass(frozen=True)
class TokenPair:
    """An access token, good for ``expires_in_seconds``, and the refresh token that fetches the next pair, once."""

    user: User
    access: SecretStr
    refresh: SecretStr
    expires_in_seconds: int


@dataclass(frozen=True)
class Bearer:
    """Who acts with an access token, and in which session."""

    user: User
    session_id: str
