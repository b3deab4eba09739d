"""Secrets are cut out of text by value, and by shape when nobody here has opened them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.security import redact as redaction
from core.security.redact import MASK, redact, redact_cut, redact_tree, register_secret


@pytest.fixture(autouse=True)
def _no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction, "_secrets", set())


def test_a_reader_never_sees_a_registered_secret() -> None:
    register_secret("zoark-word-1")
    assert redact("a zoark-word-1, and again:zoark-word-1!") == f"a {MASK}, and again:{MASK}!"


def test_a_reader_sees_other_text_unchanged() -> None:
    register_secret("zoark-word-1")
    text = "sk- alone, task-force, a risk-free-and-rather-long-word, Bearer of news, zoark-word-2"
    assert redact(text) == text


def test_a_short_secret_does_not_eat_ordinary_words() -> None:
    register_secret("the")
    assert redact("the other") == "the other"


def test_a_secret_inside_a_longer_one_leaves_no_rest() -> None:
    register_secret("abcdef")
    register_secret("abcdef-ghijkl")
    assert redact("abcdef-ghijkl abcdef") == f"{MASK} {MASK}"


@pytest.mark.parametrize(
    "shaped",
    [
        "sk-proj-ABCDEFGHIJKLMNOP1234",
        "sk_live_ABCDEFGHIJKLMNOP",
        "gsk_ABCDEFGHIJKLMNOPQRST",
        "xai-ABCDEFGHIJKLMNOPQRST",
        "ghp_ABCDEFGHIJKLMNOPQRST",
        "AIzaSyABCDEFGHIJKLMNOPQRST",
        "Bearer abcdefghijklmnopqrstuvwxyz",
    ],
)
def test_a_reader_never_sees_what_looks_like_a_key(shaped: str) -> None:
    assert redact(f"header: {shaped}, ok") == f"header: {MASK}, ok"


def test_a_tree_is_redacted_in_its_keys_and_values() -> None:
    register_secret("zoark-word-1")
    tree = {"zoark-word-1": ["a zoark-word-1", ("zoark-word-1", 1)], "n": {"x": None, "y": True}}
    assert redact_tree(tree) == {MASK: [f"a {MASK}", [MASK, 1]], "n": {"x": None, "y": True}}


@given(secret=st.text(min_size=6, max_size=40), before=st.text(), after=st.text())
def test_no_surrounding_text_lets_a_secret_through(secret: str, before: str, after: str) -> None:
    # The mask itself may hold a "secret" such as "secret"; only real ones are of interest.
    if secret not in MASK and MASK not in before + after:
        register_secret(secret)
        assert secret not in redact(before + secret + after).replace(MASK, "\ue000")


def test_an_end_that_begins_a_secret_is_cut_from_a_broken_text() -> None:
    register_secret("sk-canary-half-of-it-arrives")
    assert redact_cut("the key is sk-canary-ha") == f"the key is {MASK}"
    assert redact_cut("the key is sk") == "the key is sk"
    assert redact_cut("nothing here") == "nothing here"
