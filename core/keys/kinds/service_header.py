"""A service that wants its secret in a header of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping

import httpx

from core.errors import Invalid
from core.keys.kind import Field
from core.keys.service_kind import HOSTS, TEST_URL, ServiceKind
from core.security.egress import EgressPolicy

_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,80}")
# They say how a request is sent, not by whom.
_NOT_FOR_SECRETS = {
    *("host", "content-length", "content-type", "transfer-encoding", "connection", "upgrade", "te", "trailer"),
    *("accept-encoding", "keep-alive", "expect", "proxy-authorization", "proxy-connection"),
}


class HeaderService(ServiceKind):
    """``X-Api-Key: <secret>`` and the like."""

    name = "service_header"
    label = "Secret in a header"
    about = "For services that want a key in a header of their own, such as X-Api-Key."
    fields = (
        Field("header", "Header", default="X-Api-Key", help="Its name, as the service's documentation writes it."),
        HOSTS,
        TEST_URL,
    )
    secret_help = "The whole value of the header, sent as it is: with its first word, should it have one."
    secret_is_words = True

    def clean(self, given: Mapping[str, str], secret: str, policy: EgressPolicy) -> dict[str, str]:
        """Return the settings; a header that carries no secrets is refused."""
        settings = super().clean(given, secret, policy)
        if not _NAME.fullmatch(settings["header"]) or settings["header"].lower() in _NOT_FOR_SECRETS:
            raise Invalid("Enter the name of a header that carries a secret, such as X-Api-Key.", "header")
        return settings

    def place(
        self, settings: Mapping[str, str], url: httpx.URL, headers: httpx.Headers, secret: str
    ) -> tuple[httpx.URL, httpx.Headers]:
        """Put the secret into its header."""
        headers[settings["header"]] = secret
        return url, headers


KIND = HeaderService()
