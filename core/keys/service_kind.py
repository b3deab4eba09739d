"""What services for tools have in common: the hosts that may get the secret, and a GET that tests it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING

import httpx

from core.errors import BadKey, Invalid
from core.keys.failures import LeadsElsewhere, NothingThere
from core.keys.hosts import Host, clean_hosts, host_of, read_hosts
from core.keys.kind import Field, Found, Kind, Reach
from core.keys.models import Family, Group, OpenKey
from core.keys.service_client import MAX_BYTES, TOTAL_SECONDS, ServiceClient
from core.llm.failures import from_response

if TYPE_CHECKING:
    from pydantic import SecretStr

    from core.keys.models import Key
    from core.security.egress import EgressPolicy

HOSTS = Field(
    "hosts",
    "Allowed hosts",
    help="Exact names, with commas between. The secret is sent to these hosts over https, and nowhere else.",
    placeholder="api.example.com",
)
TEST_URL = Field(
    "test_url",
    "Test address",
    help="Something on an allowed host that can be fetched only with the key, such as /v1/me. Without it the test "
    "only tells whether the host answers.",
    placeholder="https://api.example.com/v1/me",
    is_needed=False,
    leads=False,
)


class ServiceKind(Kind):
    """A secret that tools use at a service; subclasses say where in a request it stands."""

    family: Family = "service"
    group: Group = "services"
    fields: tuple[Field, ...] = (HOSTS, TEST_URL)
    secret_label = "Secret"  # noqa: S105 - a label
    advice: Mapping[str, str] = {
        "bad_key": "Copy the whole secret again with Replace secret, and check that it stands where the service "
        "expects it.",
        "nothing_there": "Check the test address in the service's documentation, then Change address.",
        "bad_response": "Check the test address in the service's documentation, then Change address.",
    }

    @abstractmethod
    def place(
        self, settings: Mapping[str, str], url: httpx.URL, headers: httpx.Headers, secret: str
    ) -> tuple[httpx.URL, httpx.Headers]:
        """Return address and headers with the secret in them."""

    def clean(self, given: Mapping[str, str], secret: str, policy: EgressPolicy) -> dict[str, str]:
        """Return the settings; hosts that may not be called are refused."""
        settings = super().clean(given, secret, policy)
        hosts = clean_hosts(settings["hosts"], policy)
        settings["hosts"] = ", ".join(map(str, hosts))
        settings["test_url"] = _test_url(settings["test_url"], hosts)
        if any(word in settings.values() or word in settings["test_url"] for word in secret.split()):
            raise Invalid("The secret belongs into its own field only.", "test_url")
        return settings

    def leads_to(self, key: Key) -> str:
        """Return the allowed hosts."""
        return key.settings["hosts"]

    def client(
        self,
        opened: OpenKey,
        policy: EgressPolicy,
        *,
        total_seconds: float = TOTAL_SECONDS,
        max_bytes: int = MAX_BYTES,
    ) -> ServiceClient:
        """Return what sends requests with this key."""
        settings = opened.key.settings
        return ServiceClient(
            read_hosts(settings["hosts"]),
            lambda url, headers, secret: self.place(settings, url, headers, secret),
            _secret_of(opened),
            policy,
            total_seconds=total_seconds,
            max_bytes=max_bytes,
        )

    def check(self, opened: OpenKey, reach: Reach) -> Found:
        """Fetch the test address with the secret; without one, see whether the first host answers at all."""
        _secret_of(opened)
        settings = opened.key.settings
        host = read_hosts(settings["hosts"])[0]
        if not settings["test_url"]:
            reach.http.get(host.url())
            return Found(f"{host} answers. Add a test address to see whether it accepts the secret.")
        with self.client(opened, reach.policy, total_seconds=reach.seconds) as client:
            answer = client.get(settings["test_url"])
        if 200 <= answer.status < 300:
            return Found(f"{httpx.URL(settings['test_url']).host} accepts this secret.")
        if 300 <= answer.status < 400:
            raise LeadsElsewhere
        if answer.status in (404, 410):
            raise NothingThere(where="the test address")
        raise from_response(answer.status, answer.text)


def _secret_of(opened: OpenKey) -> SecretStr:
    if opened.endpoint.secret is None:
        raise BadKey
    return opened.endpoint.secret


def _test_url(typed: str, hosts: tuple[Host, ...]) -> str:
    if not typed:
        return ""
    try:
        url = httpx.URL(hosts[0].url(typed) if typed.startswith("/") else typed)
    except httpx.InvalidURL:
        url = httpx.URL("")
    if url.userinfo or url.fragment or host_of(url) not in hosts:
        raise Invalid("The test address has to be on one of the allowed hosts.", "test_url")
    return str(url)
