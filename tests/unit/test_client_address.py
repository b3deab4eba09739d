"""From where a visitor comes, with and without a proxy in front."""

from __future__ import annotations

import pytest

from app.http.origin import client_address


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("6.6.6.6, 203.0.113.7", "203.0.113.7"),  # what stands before the last hop was sent by the visitor
        ("6.6.6.6,203.0.113.7:4711", "203.0.113.7"),
        ("2001:db8::7", "2001:db8::7"),
        ("[2001:db8::7]:4711", "2001:db8::7"),
        ("", "10.0.0.1"),
        ("203.0.113.7, unknown", "10.0.0.1"),
        ("<script>", "10.0.0.1"),
    ],
)
def test_the_last_hop_is_believed_where_there_is_a_proxy(forwarded: str, address: str) -> None:
    assert client_address("10.0.0.1", forwarded, trust_proxy=True) == address
    assert client_address("10.0.0.1", forwarded, trust_proxy=False) == "10.0.0.1"
