"""The hosts to which a service's key may be sent: exact names, over https unless an administrator listed them."""

from __future__ import annotations

import re
from dataclasses import dataclass

import httpx

from core.errors import AddressBlocked, Invalid
from core.security.egress import EgressPolicy, refuse_private_name
from core.security.egress.addresses import canonical_host

MAX_HOSTS = 10
_PORTS = {"https": 443, "http": 80}
_BETWEEN = re.compile(r"[\s,;]+")


@dataclass(frozen=True)
class Host:
    """One server. It reads as ``api.example.com``; a scheme or port that is not usual is written out."""

    name: str
    port: int = 443
    scheme: str = "https"

    def __str__(self) -> str:
        name = f"[{self.name}]" if ":" in self.name else self.name
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{'' if self.scheme == 'https' else 'http://'}{name}{port}"

    def url(self, path: str = "/") -> str:
        """Return an address on this host."""
        return f"{'https://' if self.scheme == 'https' else ''}{self}{path}"


def host_of(url: httpx.URL) -> Host | None:
    """Return the host that an address is on; None for a scheme that is never called."""
    if url.scheme not in _PORTS:
        return None
    port = _PORTS[url.scheme] if url.port is None else url.port
    return Host(canonical_host(url.raw_host.decode("ascii")), port, url.scheme)


def read_hosts(stored: str) -> tuple[Host, ...]:
    """Return the hosts of a stored key."""
    return tuple(_host(entry) for entry in stored.split(", "))


def clean_hosts(typed: str, policy: EgressPolicy) -> tuple[Host, ...]:
    """Return what a person typed, with spaces or commas between.

    Raises:
        Invalid: one is no exact host name, or there are too many.
        AddressBlocked: one may not be called from here.
    """
    entries = [entry for entry in _BETWEEN.split(typed) if entry]
    if not 1 <= len(entries) <= MAX_HOSTS:
        raise Invalid(f"Enter 1 to {MAX_HOSTS} hosts, such as api.example.com.", "hosts")
    hosts = tuple(dict.fromkeys(_host(entry) for entry in entries))
    for host in hosts:
        if host.scheme != "https" and not policy.allows(host.name, host.port):
            raise AddressBlocked("only https addresses can be called")
        refuse_private_name(policy, host.name, host.port)
    return hosts


def _host(entry: str) -> Host:
    try:
        url = httpx.URL(entry if "://" in entry else f"https://{entry}")
        host = host_of(url)
    except httpx.InvalidURL:
        host = None
    if host is None or not host.name or "*" in host.name or url.userinfo or url.raw_path not in (b"", b"/"):
        raise Invalid(f"Write each host as an exact name, such as api.example.com, not {entry[:60]}.", "hosts")
    return host
