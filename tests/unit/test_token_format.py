"""How personal tokens look: scanners find them, and typing errors are seen without the database."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from core.security.redact import MASK, redact
from core.tokens import format as token_format

SHAPE = re.compile(r"\bzoark_[0-9A-Za-z]{49}\b")


def test_a_new_token_is_found_by_scanners_and_cut_out_by_the_redactor() -> None:
    secrets = {token_format.new_secret() for _ in range(200)}
    assert len(secrets) == 200
    for secret in secrets:
        assert SHAPE.fullmatch(secret)
        assert token_format.is_well_formed(secret)
        assert redact(f"token={secret}, or so") == f"token={MASK}, or so"


@given(st.text(max_size=80))
def test_no_text_is_a_token_by_chance(text: str) -> None:
    assert not token_format.is_well_formed(text)
    assert not token_format.is_well_formed(token_format.PREFIX + text)


@given(st.integers(len(token_format.PREFIX), 54), st.sampled_from(token_format._DIGITS + "-\n\u0661"))
def test_one_wrong_character_is_seen(place: int, other: str) -> None:
    secret = token_format.new_secret()
    changed = secret[:place] + other + secret[place + 1 :]
    assert token_format.is_well_formed(changed) == (changed == secret)
    assert not token_format.is_well_formed(secret + other)
