"""Addresses are found in whatever people paste."""

from __future__ import annotations

import pytest

from core.accounts.inviting import AT_ONCE, addresses_in
from core.errors import Invalid

THREE = ["ada@example.com", "bob@example.com", "eve@example.com"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ada@example.com", ["ada@example.com"]),
        ("  ada@example.com \r\n\r\n bob@example.com\n", ["ada@example.com", "bob@example.com"]),
        ("ada@example.com, bob@example.com; eve@example.com", THREE),
        ("ada@example.com bob@example.com", ["ada@example.com", "bob@example.com"]),
        ("Ada Lovelace <ada@example.com>, Bob <bob@example.com>", ["ada@example.com", "bob@example.com"]),
        ("ADA@example.com\nada@EXAMPLE.com", ["ADA@example.com"]),
        ("Ada ada@example.com", ["Ada ada@example.com"]),
        ("not an  address", ["not an address"]),
        ("<>\nbob@example.com", ["bob@example.com"]),
        ("zoë@exämple.com", ["zoë@exämple.com"]),
    ],
)  # fmt: skip
def test_what_is_pasted_is_taken_apart(text: str, found: list[str]) -> None:
    assert addresses_in(text) == found


@pytest.mark.parametrize("text", ["", " \n\t", ",;\n", "<>"])
def test_nothing_is_told(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        addresses_in(text)
    assert caught.value.sentence == "Enter at least one e-mail address."


def test_too_many_are_told_and_just_enough_are_not() -> None:
    many = [f"p{n}@example.com" for n in range(AT_ONCE + 1)]
    assert len(addresses_in("\n".join(many[:-1]))) == AT_ONCE
    with pytest.raises(Invalid) as caught:
        addresses_in("\n".join(many))
    assert caught.value.sentence == "Invite 100 people at most at once."


def test_a_large_paste_is_answered_at_once() -> None:
    with pytest.raises(Invalid):
        addresses_in("< " * 200_000 + "a@b.c," * 50_000)
