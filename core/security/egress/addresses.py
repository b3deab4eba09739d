"""Decides which IP addresses an outbound call may reach.

``ipaddress.is_global`` alone is no SSRF check: it calls cloud metadata (168.63.129.16), multicast and
translated forms of 127.0.0.1 global. So every address must pass an explicit deny list as well.
"""

from __future__ import annotations

import ipaddress

from core.errors import AddressBlocked

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _networks(*texts: str) -> tuple[_Network, ...]:
    return tuple(ipaddress.ip_network(text) for text in texts)


# No administrator has a reason to allow these: they hand out the host's cloud credentials or reach no server.
NEVER_ALLOWED = _networks(
    "0.0.0.0/8",
    "169.254.0.0/16",  # link-local, and the metadata service of most clouds
    "100.100.100.200/32",  # Alibaba metadata
    "168.63.129.16/32",  # Azure metadata
    "192.0.0.192/32",  # Oracle metadata
    "224.0.0.0/4",
    "240.0.0.0/4",
    "::/128",
    "fd00:ec2::/32",  # AWS metadata over IPv6
    "fd20:ce::254/128",  # Google metadata over IPv6
    "fe80::/10",
    "ff00::/8",
)

# IANA special-purpose registries for IPv4 and IPv6, plus the retired blocks that ``is_global`` lets through.
NOT_PUBLIC = _networks(
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "::/8",
    "64:ff9b::/96",
    "64:ff9b:1::/48",
    "100::/64",
    "2001::/23",
    "2001:db8::/32",
    "2002::/16",
    "3fff::/20",
    "5f00::/16",
    "fc00::/7",
    "fec0::/10",
)

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def check_address(ip: str) -> None:
    """Accept ``ip`` only if it is a public unicast address, whatever form it is written in.

    Args:
        ip: an IPv4 or IPv6 address as a resolver gives it, possibly with a scope id (``fe80::1%eth0``).

    Raises:
        AddressBlocked: the address is private, reserved, multicast, a metadata service, or no address.
    """
    for address in _reached_by(ip):
        _refuse_never_allowed(address)
        if not address.is_global or _is_in(address, NOT_PUBLIC):
            raise AddressBlocked("it leads to a private or reserved network")


def check_allowed_address(ip: str) -> None:
    """Accept an address an administrator has allowed, unless it is one that nobody may allow.

    Args:
        ip: an IPv4 or IPv6 address, possibly with a scope id.

    Raises:
        AddressBlocked: the address is link-local, a metadata service, multicast, unspecified, or no address.
    """
    for address in _reached_by(ip):
        _refuse_never_allowed(address)


def canonical_host(host: str) -> str:
    """Give the one spelling under which ``host`` is compared: lower case, IP addresses compressed."""
    try:
        return ipaddress.ip_address(host).compressed
    except ValueError:
        return host.lower()


def is_ip(host: str) -> bool:
    """Tell whether ``host`` is an IP address in its ordinary spelling (not ``127.1`` or ``0x7f000001``)."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _refuse_never_allowed(address: _Address) -> None:
    if address.is_multicast or address.is_link_local or _is_in(address, NEVER_ALLOWED):
        raise AddressBlocked("it is a link-local, metadata or multicast address, which is never allowed")


def _reached_by(ip: str) -> tuple[_Address, ...]:
    """Give every address a packet to ``ip`` may end at: itself and the IPv4 address inside it."""
    try:
        address = ipaddress.ip_address(ip.partition("%")[0])
    except ValueError:
        raise AddressBlocked("it is not an IP address") from None
    if isinstance(address, ipaddress.IPv4Address):
        return (address,)
    if address.ipv4_mapped is not None:
        # The kernel speaks IPv4 to a mapped address, so only the inner address counts.
        return (address.ipv4_mapped,)
    if address.sixtofour is not None:
        return (address.sixtofour, address)
    if address in _NAT64:
        return (ipaddress.IPv4Address(int(address) & 0xFFFFFFFF), address)
    return (address,)


def _is_in(address: _Address, networks: tuple[_Network, ...]) -> bool:
    return any(address in network for network in networks)
