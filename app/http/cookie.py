"""Our session token inside Streamlit's own signed cookie, and what identifies a browser before that.

Hosting proxies forward only cookies they know; this one is Streamlit's. It is HttpOnly and SameSite=Lax.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping

from itsdangerous import BadSignature, TimestampSigner

from core import clock

SESSION_COOKIE = "_streamlit_session"
XSRF_COOKIE = "_streamlit_xsrf"
TOKEN_FIELD = "zoark"  # noqa: S105 - a name
# A sign-in at a provider whose second step is awaited; worthless in another browser.
HALF_FIELD = "zoark_half"
# ``<state>.<seconds>.<token>``: the invitation that a sign-in at a provider began with, and when.
INVITATION_FIELD = "zoark_invitation"
INVITATION_SECONDS = 600  # as long as the sign-in may take; the browser may be shared
MAX_AGE_SECONDS = 14 * 86_400  # of the cookie; the session behind it ends earlier


def token_in(cookies: Mapping[str, str], secret: str) -> str | None:
    """Return the session token in a browser's cookies, if the signature is ours."""
    return _field_in(cookies, secret, TOKEN_FIELD)


def half_in(cookies: Mapping[str, str], secret: str) -> str | None:
    """Return the token of a half sign-in in a browser's cookies, if the signature is ours."""
    return _field_in(cookies, secret, HALF_FIELD)


def invitation_in(cookies: Mapping[str, str], secret: str) -> str:
    """Return the token of the invitation with which this browser last went to a provider, if the cookie is ours."""
    return invitation_of(_field_in(cookies, secret, INVITATION_FIELD))[1]


def invitation_field(state: str, token: str) -> str:
    """Return what the cookie keeps of an invitation while its sign-in with ``state`` is under way."""
    return f"{state}.{int(clock.now().timestamp())}.{token}"


def invitation_of(field: object) -> tuple[str, str]:
    """Return the state and the token of such a field, both empty when it is none or over."""
    state, _, rest = str(field or "").partition(".")
    began_at, _, token = rest.partition(".")
    is_over = not began_at.isdecimal() or clock.now().timestamp() - int(began_at) > INVITATION_SECONDS
    return ("", "") if is_over else (state, token)


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
