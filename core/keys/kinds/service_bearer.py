"""A service that wants ``Authorization: Bearer <secret>``."""

from __future__ import annotations

from collections.abc import Mapping

import httpx

from core.keys.service_kind import ServiceKind


class BearerService(ServiceKind):
    """GitHub, Slack, Notion, HubSpot and most newer services."""

    name = "service_bearer"
    label = "Bearer token"
    about = "For services that want a token in the header Authorization: GitHub, Slack, Notion and most others."
    secret_label = "Token"
    secret_help = "The token alone, without the word Bearer."

    def place(
        self, settings: Mapping[str, str], url: httpx.URL, headers: httpx.Headers, secret: str
    ) -> tuple[httpx.URL, httpx.Headers]:
        """Put the token into the header."""
        headers["Authorization"] = f"Bearer {secret}"
        return url, headers


KIND = BearerService()
