"""Passwords are 15 to 128 characters, every one of them counts, and nobody learns who has an account."""

from __future__ import annotations

import pytest

from core.errors import Invalid
from core.security import passwords

ALLOWED = "correct horse battery staple"


@pytest.mark.parametrize("password", ["a" * 15, "a" * 128, "ä" * 15, "🙂" * 128, "  " + "a" * 15 + "  "])
def test_a_person_may_choose_a_password_of_15_to_128_characters(password: str) -> None:
    passwords.check_rule(password)
    assert passwords.verify_password(password, passwords.hash_password(password))


@pytest.mark.parametrize("password", ["", "a" * 14, " " * 30, " " * 9 + "a" * 14, "a" * 129, "🙂" * 129])
def test_a_person_may_not_choose_a_shorter_or_longer_password(password: str) -> None:
    with pytest.raises(Invalid) as caught:
        passwords.check_rule(password)
    assert caught.value.field == "password"
    assert "characters" in caught.value.sentence


def test_a_person_is_refused_when_only_the_last_of_128_characters_differs() -> None:
    stored = passwords.hash_password("a" * 127 + "b")
    assert passwords.verify_password("a" * 127 + "b", stored)
    assert not passwords.verify_password("a" * 127 + "c", stored)
    assert not passwords.verify_password("a" * 127, stored)


def test_a_person_typing_the_same_characters_on_another_keyboard_is_let_in() -> None:
    stored = passwords.hash_password("Fußgängerübergang ﬁn Å")
    # decomposed umlauts, "fi" as two letters, the ångström sign, a space at the end
    assert passwords.verify_password("Fußga\u0308ngeru\u0308bergang fin \u212b ", stored)
    assert not passwords.verify_password("Fussgängerübergang fin Å", stored)


def test_a_password_counts_its_characters_after_they_are_unified() -> None:
    with pytest.raises(Invalid):
        passwords.check_rule("a\u0308" * 14)
    with pytest.raises(Invalid):
        passwords.check_rule("ﷺ" * 8)  # 18 characters each


def test_a_hash_is_salted_and_hides_the_password() -> None:
    first, second = passwords.hash_password(ALLOWED), passwords.hash_password(ALLOWED)
    assert first != second
    assert ALLOWED not in first


@pytest.mark.parametrize("odd", ["\ud800" * 20, "a\x00" * 10, ""])
def test_odd_characters_are_a_wrong_password_and_no_error(odd: str) -> None:
    assert not passwords.verify_password(odd, passwords.hash_password(ALLOWED))
    assert not passwords.verify_password(odd, None)


def test_a_person_without_account_costs_the_same_work(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = passwords.hash_password(ALLOWED)
    passwords._dummy()
    compared: list[str] = []
    hasher = passwords._hasher()
    verify = hasher.verify

    def counted(password: str, hash: str) -> bool:
        compared.append(hash)
        return bool(verify(password, hash))

    monkeypatch.setattr(hasher, "verify", counted)
    assert not passwords.verify_password("wrong", stored)
    assert not passwords.verify_password("wrong", None)
    assert not passwords.verify_password("nobody has this password", None)
    assert [hash_[:7] for hash_ in compared] == [stored[:7]] * 3  # algorithm and cost
    assert compared[0] == stored
    assert compared[1] == compared[2] == passwords._dummy()


@pytest.mark.parametrize(
    "password",
    [
        "passwordpassword",
        "Password123456789",
        "123456789987654321",
        "qwertyuiop12345",
        "  PASSWORDstandard ",
        "iloveyou-sunshine-99",
        "Ada.Admin@zoark.example",
        "ada admin ada admin",
        "zoark zoark zoark",
        "example-2026-admin",
    ],
)
def test_a_person_may_not_choose_what_a_guesser_tries_first(password: str) -> None:
    words = passwords.context_words("Ada Admin", "ada.admin@zoark.example")
    assert words >= {"zoark", "Ada", "Admin", "ada", "admin"}
    with pytest.raises(Invalid) as caught:
        passwords.check_rule(password, {*words, "example"})
    assert caught.value.field == "password"
    assert caught.value.sentence.startswith("This password is easy to guess")


@pytest.mark.parametrize(
    "password", [ALLOWED, "ada likes tall trees", "sunshine on my old barn", "zoark: 4 blue mugs"]
)
def test_a_sentence_with_a_common_word_in_it_is_fine(password: str) -> None:
    passwords.check_rule(password, passwords.context_words("Ada Admin", "ada.admin@zoark.example"))


def test_the_list_of_common_passwords_is_long_enough() -> None:
    listed = passwords._common()
    assert len(listed) >= 3000
    assert min(map(len, listed)) >= passwords._COMMON_SHORTEST
    assert max(map(len, listed)) <= passwords._COMMON_LONGEST
    assert all(entry == entry.casefold() for entry in listed)
