"""Google accounts."""

from __future__ import annotations

from core.oauth.openid import OpenIdProvider


class Google(OpenIdProvider):
    """Plain OpenID Connect; a refresh token comes only when asked for offline access."""

    name = "google"
    label = "Google"
    mark = "google.svg"
    extra = {"access_type": "offline"}  # noqa: RUF012 - read only


PROVIDER = Google()
