"""Sessions: everybody sees their own and ends them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app import navigation
from core.accounts.models import User
from core.bootstrap import Core
from tests.pages.conftest import Visit

Visitor = Callable[..., Visit]
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def test_alice_sees_where_she_is_signed_in_and_ends_one(
    visit: Visitor, page_core: Core, alice: User, charlie: User
) -> None:
    there = page_core.accounts.start_session(alice, FIREFOX)
    page_core.accounts.start_session(charlie, FIREFOX)
    page = visit(alice).open(navigation.SESSIONS)
    shown = [markdown.value for markdown in page.app.markdown]
    assert ("**Unknown device**" in shown, shown.count("**Firefox on Linux**")) == (True, 1)
    assert "This browser" in page.text
    (other,) = [info for info in page_core.sessions.list(alice, page.token) if not info.is_current]
    page.press(f"sessions_end_{other.id}")
    assert page.toasts == ["The session was ended."]
    assert page_core.accounts.session_user(there) is None
    assert "sessions_end_others" not in [button.key for button in page.app.button]


def test_alice_ends_all_others_and_stays(visit: Visitor, page_core: Core, alice: User) -> None:
    others = [page_core.accounts.start_session(alice, FIREFOX) for _ in range(2)]
    page = visit(alice).open(navigation.SESSIONS).press("sessions_end_others")
    assert page.toasts == ["2 other session(s) were ended."]
    assert [page_core.accounts.session_user(token) for token in others] == [None, None]
    assert page.title == "Sessions"


def test_the_page_that_watches_is_no_sign_of_life(
    visit: Visitor, page_core: Core, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[bool] = []
    look = page_core.accounts.session_user

    def noted(token: str | None, *, is_activity: bool = True) -> User | None:
        looks.append(is_activity)
        return look(token, is_activity=is_activity)

    monkeypatch.setattr(page_core.accounts, "session_user", noted)
    visit(alice).open(navigation.HOME)
    assert looks == [True, False, True]  # the shell, the watching fragment, the page
