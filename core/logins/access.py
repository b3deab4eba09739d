"""Access tokens: JSON Web Tokens (RFC 7519) with one fixed algorithm, signed with keys of the key ring."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from core.security.sealing import KeyRing

if TYPE_CHECKING:
    from joserfc.jwk import OctKey

LIFE = timedelta(minutes=15)
ALGORITHM = "HS256"
ISSUER = "zoark"
AUDIENCE = "zoark-api"
MAX_LENGTH = 2000


@dataclass(frozen=True)
class Claims:
    """What an access token says: whose it is, of which session, and its own id."""

    user_id: str
    session_id: str
    jti: str


def sign(ring: KeyRing, claims: Claims, at: datetime) -> str:
    """Return an access token that is good for ``LIFE`` from ``at`` on, signed with the newest key."""
    from joserfc import jwt

    moment = int(at.timestamp())
    return jwt.encode(
        {"alg": ALGORITHM, "typ": "JWT", "kid": str(ring.newest)},
        {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": claims.user_id,
            "sid": claims.session_id,
            "jti": claims.jti,
            "iat": moment,
            "exp": moment + int(LIFE.total_seconds()),
        },
        _key(ring, ring.newest),
        algorithms=[ALGORITHM],
    )


def verify(ring: KeyRing, text: str, at: datetime) -> Claims | None:
    """Return what a token says; None unless we signed it, for ourselves, and it has not expired at ``at``."""
    from joserfc import jws, jwt
    from joserfc.errors import JoseError

    if len(text) > MAX_LENGTH:
        return None
    try:
        header = jws.extract_compact(text.encode()).headers()
        number = int(str(header.get("kid", "")))
        if number not in ring.masters:
            return None
        claims = jwt.decode(text, _key(ring, number), algorithms=[ALGORITHM]).claims
    except (JoseError, ValueError, TypeError, RecursionError):
        return None
    if claims.get("iss") != ISSUER or claims.get("aud") != AUDIENCE:
        return None
    expires = claims.get("exp")
    if not isinstance(expires, int) or expires <= at.timestamp():
        return None
    said = [claims.get(name) for name in ("sub", "sid", "jti")]
    return Claims(*map(str, said)) if all(isinstance(one, str) for one in said) else None


def _key(ring: KeyRing, number: int) -> OctKey:
    from joserfc.jwk import OctKey

    return OctKey.import_key(ring.derive("access-token", number))
