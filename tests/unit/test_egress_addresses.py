"""Which IP addresses the guard lets through, in every form a resolver may give them."""

from __future__ import annotations

import pytest

from core.errors import AddressBlocked
from core.security.egress import check_address
from core.security.egress.addresses import check_allowed_address

PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "93.184.216.34",
    "2606:4700:4700::1111",
    "2001:4860:4860::8888",
    "::ffff:8.8.8.8",
]

PRIVATE = [
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:0:127.0.0.1",
    "64:ff9b::8.8.8.8",
    "64:ff9b::127.0.0.1",
    "64:ff9b:1::a00:1",
    "100::1",
    "2001::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd12:3456::1",
    "fec0::1",
]

NEVER = [
    "0.0.0.0",
    "0.1.2.3",
    "169.254.1.1",
    "169.254.169.254",
    "168.63.129.16",
    "100.100.100.200",
    "192.0.0.192",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::ffff:169.254.169.254",
    "::ffff:168.63.129.16",
    "64:ff9b::169.254.169.254",
    "2002:a9fe:a9fe::1",
    "fd00:ec2::254",
    "fd20:ce::254",
    "fe80::1",
    "fe80::1%eth0",
    "febf::1%2",
    "ff02::1",
    "ff02::1%lo",
]

NO_ADDRESS = [
    "",
    "localhost",
    "127.1",
    "0x7f000001",
    "2130706433",
    "0177.0.0.1",
    "1.1.1.1.",
    " 1.1.1.1",
    "%eth0",
]


@pytest.mark.parametrize("ip", PUBLIC)
def test_public_address_passes(ip: str) -> None:
    check_address(ip)


@pytest.mark.parametrize("ip", PRIVATE + NEVER + NO_ADDRESS)
def test_private_or_unreadable_address_is_blocked(ip: str) -> None:
    with pytest.raises(AddressBlocked):
        check_address(ip)


@pytest.mark.parametrize("ip", ["127.0.0.1%lo", "10.0.0.1%eth0", "::1%lo", "fc00::1%3"])
def test_scope_id_does_not_hide_a_private_address(ip: str) -> None:
    with pytest.raises(AddressBlocked):
        check_address(ip)


@pytest.mark.parametrize("ip", ["127.0.0.1", "::1", "10.0.0.1", "172.18.0.5", "192.168.1.9", "fd12:3456::1"])
def test_private_address_passes_when_an_administrator_allowed_it(ip: str) -> None:
    check_allowed_address(ip)


@pytest.mark.parametrize("ip", NEVER + NO_ADDRESS)
def test_metadata_address_is_blocked_even_when_allowed(ip: str) -> None:
    with pytest.raises(AddressBlocked):
        check_allowed_address(ip)


def test_blocked_address_says_why_without_naming_the_address() -> None:
    with pytest.raises(AddressBlocked, match="private or reserved") as caught:
        check_address("10.1.2.3")
    assert "10.1.2.3" not in caught.value.sentence
