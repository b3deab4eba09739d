"""Our session token inside Streamlit's own signed cookie, and what identifies a browser before that.

Hosting proxies forward only cookies they know; this one is Streamlit's. It is HttpOnly and SameSite=Lax.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping

from itsdangerous import BadSignature, TimestampSigner

SESSION_COOKIE = "_streamlit_session"
XSRF_COOKIE = "_streamlit_xsrf"
TOKEN_FIELD = "zoark"  # noqa: S105 - a name
# A sign-in at a provider whose second step is awaited; worthless in another browser.
HALF_FIELD = "zoark_half"
MAX_AGE_SECONDS = 14 * 86_400  # of the cookie; the session behind it ends earlier


def token_in(cookies: Mapping[str, str], secret: str) -> str | None:
    """Return the session token in a browser's cookies, if the signature is ours."""
    return _field_in(cookies, secret, TOKEN_FIELD)


def half_in(cookies: Mapping[str, str], secret: str) -> str | None:
    """Return the token of a half sign-in in a browser's cookies, if the signature is ours."""
    return _field_in(cookies, secret, HALF_FIELD)


def _field_in(cookies: Mapping[str, str], secret: str, field: str) -> str | None:
    raw = cookies.get(SESSION_COOKIE)
    if not raw:
        return None
    try:
        # Starlette's SessionMiddleware: base64 of JSON, signed with a time stamp.
        data = TimestampSigner(secret).unsign(raw.encode("latin-1"), max_age=MAX_AGE_SECONDS)
        value = json.loads(base64.b64decode(data)).get(field)
    except (BadSignature, ValueError, AttributeError):
        return None
    return value if isinstance(value, str) else None


def browser_in(cookies: Mapping[str, str]) -> str | None:
    """Return what identifies a browser: the token inside Streamlit's XSRF cookie, whose mask changes."""
    from streamlit.web.server.starlette.starlette_app_utils import decode_xsrf_token_string

    raw = cookies.get(XSRF_COOKIE)
    if not raw:
        return None
    try:
        token, _ = decode_xsrf_token_string(raw)
    except (ValueError, IndexError):
        return None
    return token.hex() if token else None
