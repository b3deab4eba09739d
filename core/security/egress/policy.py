"""What an outbound call may ask for: one rule for URLs, one for the addresses their names resolve to.

Private servers (Ollama, the built-in model) are reachable only as an exact host:port an administrator named.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from core.errors import AddressBlocked, SettingsWrong
from core.security.egress.addresses import canonical_host, check_address, check_allowed_address, is_ip

if TYPE_CHECKING:
    import httpx

_DEFAULT_PORTS = {"https": 443, "http": 80}
_NAME = re.compile(r"[a-z0-9_]([a-z0-9._-]*[a-z0-9_.])?")
_ENTRY = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*)\]|(?P<name>[A-Za-z0-9._-]+)):(?P<port>[0-9]{1,5})")
# inet_aton reads 127.1, 0177.0.0.1 and 0x7f000001 as addresses; no real name ends in such a label.
_NUMERIC_LABEL = re.compile(r"([0-9]+|0x[0-9a-f]*)\.?")


@dataclass(frozen=True)
class EgressPolicy:
    """The outbound rules of one client.

    Attributes:
        allowed: exact (host, port) pairs that may be private and may use plain http.
        ports: the ports allowed for every other host.
    """

    allowed: frozenset[tuple[str, int]] = frozenset()
    ports: frozenset[int] = frozenset({443})

    def __post_init__(self) -> None:
        """Keep hosts in the one spelling in which they are compared."""
        allowed = frozenset((canonical_host(host), port) for host, port in self.allowed)
        object.__setattr__(self, "allowed", allowed)

    @classmethod
    def from_allowlist(cls, text: str) -> EgressPolicy:
        """Read the administrator's setting, such as ``127.0.0.1:11434,[::1]:80,ollama.local:11434``.

        Args:
            text: comma-separated host:port entries; empty allows nothing private.

        Raises:
            SettingsWrong: an entry is not host:port, or names an address that is never allowed.
        """
        entries = (entry.strip() for entry in text.split(","))
        return cls(allowed=frozenset(_read_entry(entry) for entry in entries if entry))

    def with_exact(self, host: str, port: int) -> EgressPolicy:
        """Give a policy that also allows this one loopback server, for the built-in model.

        Args:
            host: a loopback IP address such as ``127.0.0.1``; names are refused.
            port: 1 to 65535.

        Raises:
            AddressBlocked: ``host`` is not a loopback IP address.
        """
        if not (is_ip(host) and ipaddress.ip_address(host).is_loopback):
            raise AddressBlocked("only a loopback address can be added for the built-in model")
        return replace(self, allowed=self.allowed | {(host, port)})

    def allows(self, host: str, port: int) -> bool:
        """Tell whether an administrator has named exactly this host and port."""
        return (canonical_host(host), port) in self.allowed

    def check_url(self, url: httpx.URL) -> None:
        """Refuse a URL by its looks, before anything is resolved.

        Raises:
            AddressBlocked: wrong scheme, user name or password, no readable host, or a port not allowed.
        """
        # The raw form is what will be resolved; `url.host` decodes punycode.
        scheme, host = url.scheme, url.raw_host.decode("ascii")
        if scheme not in _DEFAULT_PORTS:
            raise AddressBlocked("only https addresses can be called")
        if url.userinfo:
            raise AddressBlocked("it contains a user name or password")
        if not host:
            raise AddressBlocked("it has no host")
        # Port 0 is a port, so no `or` here.
        port = _DEFAULT_PORTS[scheme] if url.port is None else url.port
        if scheme != "https" and not self.allows(host, port):
            raise AddressBlocked("only https addresses can be called")
        self.check_server(host, port)

    def check_server(self, host: str, port: int) -> None:
        """Refuse a server by its looks, whatever is spoken with it, before its name is resolved.

        Raises:
            AddressBlocked: no readable host, a port not allowed, or an address not allowed.
        """
        if not (is_ip(host) or _NAME.fullmatch(host)):
            raise AddressBlocked("its host is not a valid name")
        if self.allows(host, port):
            if is_ip(host):
                check_allowed_address(host)
            return
        if port not in self.ports:
            raise AddressBlocked(f"port {port} cannot be called")
        if is_ip(host):
            check_address(host)

    def with_ports(self, *ports: int) -> EgressPolicy:
        """Give a policy for another protocol, whose servers listen on these ports."""
        return replace(self, ports=frozenset(ports))

    def check_answer(self, host: str, port: int, ip: str) -> None:
        """Refuse one address that ``host`` resolved to.

        Raises:
            AddressBlocked: the address may not be reached, or not under this host and port.
        """
        if self.allows(host, port):
            check_allowed_address(ip)
        else:
            check_address(ip)


def _read_entry(entry: str) -> tuple[str, int]:
    match = _ENTRY.fullmatch(entry)
    host = (match["v6"] or match["name"]).lower() if match else ""
    port = int(match["port"]) if match else 0
    is_number = _NUMERIC_LABEL.fullmatch(host.rpartition(".")[2]) is not None
    is_v6 = bool(match and match["v6"])
    if not (1 <= port <= 65535) or (is_number or is_v6) != is_ip(host):
        raise SettingsWrong(
            f'ZOARK_ENDPOINT_ALLOWLIST: "{entry}" is not a host:port such as 127.0.0.1:11434, '
            "[::1]:80 or ollama.local:11434."
        )
    if is_ip(host):
        try:
            check_allowed_address(host)
        except AddressBlocked:
            raise SettingsWrong(
                f'ZOARK_ENDPOINT_ALLOWLIST: "{entry}" is a link-local, metadata or multicast address, '
                "which can never be allowed."
            ) from None
    return canonical_host(host), port
