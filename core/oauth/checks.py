"""Whether a provider is set up right: it is asked step by step, and each answer is one plain sentence.

Providers say in ``check`` what there is to ask; this file knows how a question can fail.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx

from core.errors import AddressBlocked, CoreError, ModelTimeout, ResponseTooLarge, Unreachable
from core.oauth import shown
from core.oauth.models import Finding

if TYPE_CHECKING:
    from core.security.egress import EgressPolicy, GuardedClient

SHOWN = 200


class Problem(Exception):
    """What is wrong and what to do, as sentences."""


class Checklist:
    """Collects what the steps of a check found."""

    def __init__(self, http: GuardedClient, policy: EgressPolicy) -> None:
        """Ask through ``http``, which guards every call under ``policy``."""
        self.http = http
        self._policy = policy
        self.findings: list[Finding] = []

    @property
    def has_problem(self) -> bool:
        """Whether a step has failed so far."""
        return any(finding.level == "problem" for finding in self.findings)

    def note(self, what: str, sentence: str) -> None:
        """Add something worth knowing that stops nothing."""
        self.findings.append(Finding(what, "note", sentence))

    @contextmanager
    def step(self, what: str, good: str) -> Iterator[None]:
        """Note ``good`` when the block passes, else the ``Problem`` it raised."""
        try:
            yield
        except Problem as problem:
            self.findings.append(Finding(what, "problem", str(problem)))
        else:
            self.findings.append(Finding(what, "ok", good))

    def get(self, url: str, setting: str) -> httpx.Response:
        """Call an address that ``setting`` names or leads to; raises ``Problem``."""
        with explained(url, setting):
            return self.http.get(url, headers={"Accept": "application/json"})

    def check_address(self, url: str, setting: str) -> None:
        """Look at an address without calling it; raises ``Problem`` when Zoark may not call it."""
        with explained(url, setting):
            self._policy.check_url(httpx.URL(url))

    def document(self, url: str, setting: str) -> dict[str, Any]:
        """Read a JSON object; raises ``Problem``."""
        response = self.get(url, setting)
        if response.status_code != 200:
            raise Problem(f"{_short(url)} answers with status {response.status_code}. Check {setting}.")
        try:
            document = response.json()
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise Problem(f"{_short(url)} does not answer with a JSON document. Check {setting}.")
        return document


@contextmanager
def explained(url: str, setting: str) -> Iterator[None]:
    """Turn what goes wrong on the way to ``url`` into a ``Problem``."""
    try:
        yield
    except httpx.InvalidURL:
        raise Problem(f"{_short(url)} is not an address. Check {setting}.") from None
    except (httpx.HTTPError, CoreError) as error:
        raise Problem(_why(error, url, setting)) from None


def text_of(document: Mapping[str, Any], name: str, setting: str) -> str:
    """Return a text that the metadata must have; raises ``Problem``."""
    value = document.get(name)
    if not isinstance(value, str) or not value:
        raise Problem(f"The metadata does not say `{name}`. Is it OpenID Connect metadata? Check {setting}.")
    return value


def _why(error: Exception, url: str, setting: str) -> str:
    host = _host(url)
    if isinstance(error, AddressBlocked):
        return (
            f"Zoark may not call {_short(url)}: {error.facts['reason']}. If the server is yours, name its "
            "host:port in ZOARK_ENDPOINT_ALLOWLIST."
        )
    if isinstance(error, ModelTimeout):
        return f"{host} does not answer in time. Is it running, and does a firewall let Zoark through?"
    if isinstance(error, ResponseTooLarge):
        return f"{_short(url)} answers with far too much. Check {setting}."
    if not isinstance(error, Unreachable):
        return f"{_short(url)} gives no usable answer. Check {setting}."
    causes = tuple(_causes(error))
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return f"There is no server of the name {host}. Check {setting}."
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return f"{host} has no valid certificate for https. Renew it, or check {setting}."
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return f"{host} refuses the connection. Is the server running, and is the port in {setting} right?"
    return f"{host} cannot be reached. Is it running, and does a firewall let Zoark through?"


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause = error.__cause__
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _host(url: str) -> str:
    try:
        return _short(httpx.URL(url).netloc.decode("ascii", "replace")) or _short(url)
    except httpx.InvalidURL:
        return _short(url)


def _short(text: str) -> str:
    return shown.line(text, SHOWN)
