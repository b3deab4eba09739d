"""A service that wants its secret in the address."""

from __future__ import annotations

import re
from collections.abc import Mapping

import httpx

from core.errors import Invalid
from core.keys.kind import Field
from core.keys.service_kind import HOSTS, TEST_URL, ServiceKind
from core.security.egress import EgressPolicy

_NAME = re.compile(r"[A-Za-z0-9._~-]{1,80}")


class QueryService(ServiceKind):
    """``?key=<secret>`` and the like."""

    name = "service_query"
    label = "Secret in the address"
    about = "For services that want a key as a parameter of the address: weather, maps, currency rates."
    fields = (
        Field("parameter", "Parameter", default="key", help="Its name: in …?appid=SECRET it is appid."),
        HOSTS,
        TEST_URL,
    )
    secret_help = "The value of the parameter alone."

    def clean(self, given: Mapping[str, str], secret: str, policy: EgressPolicy) -> dict[str, str]:
        """Return the settings; the test address is written without the parameter."""
        settings = super().clean(given, secret, policy)
        if not _NAME.fullmatch(settings["parameter"]):
            raise Invalid("Enter the name of the parameter, such as key.", "parameter")
        if settings["parameter"] in httpx.URL(settings["test_url"]).params:
            raise Invalid("Write the test address without the secret: it is added by itself.", "test_url")
        return settings

    def place(
        self, settings: Mapping[str, str], url: httpx.URL, headers: httpx.Headers, secret: str
    ) -> tuple[httpx.URL, httpx.Headers]:
        """Put the secret into the address, in the place of what may stand there."""
        return url.copy_set_param(settings["parameter"], secret), headers


KIND = QueryService()
