"""API tokens on their page: made, shown once, described in words, revoked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from app import navigation
from app.ui import token_words
from core.accounts.models import User
from core.bootstrap import Core
from core.tokens.models import SCOPES
from tests.conftest import PASSWORD
from tests.pages.conftest import Visit
from tests.support.stopped_clock import ShiftedClock, StoppedClock

Visitor = Callable[..., Visit]


def codes(page: Visit) -> list[str]:
    return [code.value for code in page.app.code]


def make(page: Visit, opened_by: str, **fields: Any) -> Visit:
    """Open the dialog, fill it in and send it: AppTest holds its opener down."""
    page.press(opened_by)
    for key, value in fields.items():
        page.app.button(key=opened_by).click()
        page.fill(**{key: value}).rerun()
    return page.press_in_dialog(opened_by, "tokens_make")


def test_who_has_no_tokens_reads_what_they_are_for(visit: Visitor, alice: User) -> None:
    page = visit(alice).open(navigation.TOKENS)
    assert "No API tokens yet" in page.text
    assert "a script that runs an agent every night" in page.text
    assert page.buttons.count("New token") == 1


def test_alice_makes_a_token_and_sees_it_once(
    visit: Visitor, page_core: Core, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    ShiftedClock.noon(monkeypatch)
    page = make(visit(alice).open(navigation.TOKENS), "tokens_first", tokens_name="Nightly", tokens_days=30)
    (token,) = page_core.tokens.list(alice)
    (secret,) = codes(page)
    owner = page_core.tokens.owner(secret)
    assert owner is not None
    assert owner[1].id == token.id
    assert "it will not be shown again" in page.text
    assert (token.scopes, (token.expires_at - token.created_at).days) == (token_words.READ_ONLY, 30)
    page.rerun()
    assert codes(page) == []
    assert secret not in page.text
    assert secret not in repr(page.app.session_state)
    assert "Read only: sees everything you see" in page.captions
    assert "made just now · expires in 30 days · last used just now" in page.captions


def test_alice_chooses_what_a_token_may_do(visit: Visitor, page_core: Core, alice: User) -> None:
    page_core.tokens.create(alice, "First", list(SCOPES), 365)
    page = make(visit(alice).open(navigation.TOKENS), "tokens_new", tokens_name="Runner", tokens_preset="Choose")
    assert page.errors == ["Choose what the token may do."]
    for scope in ("runs:read", "runs:write", "usage:read"):
        page.app.button(key="tokens_new").click()
        page.app.checkbox(key=f"tokens_scope_{scope}").check()
        page.rerun()
    page.press_in_dialog("tokens_new", "tokens_make")
    assert page_core.tokens.list(alice)[0].scopes == ("runs:read", "runs:write", "usage:read")
    page.rerun()
    assert {"Runs: see and start · Usage: see", "Everything you may do"} <= set(page.captions)


def test_a_name_that_is_taken_is_said_and_nothing_is_lost(visit: Visitor, page_core: Core, alice: User) -> None:
    page_core.tokens.create(alice, "Nightly", ["runs:read"], 7)
    page = make(visit(alice).open(navigation.TOKENS), "tokens_new", tokens_name="Nightly")
    assert page.errors == ["You already have a token of this name. Choose another name."]
    assert page.app.text_input(key="tokens_name").value == "Nightly"
    assert len(page_core.tokens.list(alice)) == 1


def test_who_signed_in_long_ago_confirms_first(
    visit: Visitor, page_core: Core, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    time = StoppedClock(monkeypatch)
    page = visit(alice).open(navigation.TOKENS)
    time.advance(minutes=11)
    page.press("tokens_first")
    assert "tokens_make" not in [button.key for button in page.app.button]
    page.fill(tokens_new_step_up_secret=PASSWORD)
    page.press_in_dialog("tokens_first", "tokens_new_step_up_confirm")
    assert "tokens_make" in [button.key for button in page.app.button]


def test_alice_revokes_a_token_after_a_question(visit: Visitor, page_core: Core, alice: User) -> None:
    token = page_core.tokens.create(alice, "**Odd** [x](http://evil.example)", ["runs:read"], 7).token
    page = visit(alice).open(navigation.TOKENS).press(f"tokens_revoke_{token.id}")
    assert "are refused at once" in page.text
    assert "](http://evil.example)" not in page.text
    assert page_core.tokens.list(alice)
    page.press_in_dialog(f"tokens_revoke_{token.id}", f"tokens_revoke_yes_{token.id}")
    assert page.toasts == ["The token was revoked."]
    assert not page_core.tokens.list(alice)
    assert "No API tokens yet" in page.text


def test_an_expired_token_is_shown_as_expired_and_others_are_not_shown(
    visit: Visitor, page_core: Core, alice: User, charlie: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    time = StoppedClock(monkeypatch)
    page_core.tokens.create(alice, "Old", ["runs:read"], 1)
    page_core.tokens.create(charlie, "Foreign", ["runs:read"], 7)
    time.advance(hours=25)
    page = visit(alice).open(navigation.TOKENS)
    assert "Expired" in page.text
    assert "made 1 day ago · expired 1 h ago · never used" in page.captions
    assert "Foreign" not in page.text


def test_every_scope_has_a_heading() -> None:
    grouped = token_words.grouped()
    assert list(grouped) == list(token_words.NOUNS.values())
    assert sorted(scope for scopes in grouped.values() for scope in scopes) == sorted(SCOPES)
    assert token_words.in_words(["admin:write"]) == "Administration: change"
