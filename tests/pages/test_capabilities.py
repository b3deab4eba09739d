"""Who sees which page: every page, in one table, for four roles and somebody who is not signed in."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

import pytest

from app import navigation
from app.navigation import Entry
from core.accounts.models import Role
from core.bootstrap import Core
from core.errors import Forbidden
from tests.conftest import PASSWORD
from tests.pages.conftest import Visit

Visitor = Callable[..., Visit]
ROLES: tuple[Role, ...] = get_args(Role)
ANONYMOUS = "anonymous"
SIGNED_IN = {"viewer", "member", "manager", "admin"}
EVERYBODY = SIGNED_IN | {ANONYMOUS}
ADMINS = {"admin"}
MANAGERS = {"manager", "admin"}

# Whom each page shows its content.
TABLE: dict[str, set[str]] = {
    "home": SIGNED_IN,
    "agents": SIGNED_IN,
    "agent": SIGNED_IN,
    "workflows": SIGNED_IN,
    "workflow": SIGNED_IN,
    "keys": SIGNED_IN,
    "key": SIGNED_IN,
    "api": SIGNED_IN,
    "runs": SIGNED_IN,
    "run": SIGNED_IN,
    "compare": SIGNED_IN,
    "approvals": SIGNED_IN,
    "approval": SIGNED_IN,
    "usage": SIGNED_IN,
    "budgets": SIGNED_IN,
    "statement": SIGNED_IN,
    "limits": SIGNED_IN,
    "webhooks": SIGNED_IN,
    "webhook": SIGNED_IN,
    "connections": SIGNED_IN,
    "sessions": SIGNED_IN,
    "security": SIGNED_IN,
    "tokens": SIGNED_IN,
    "people": MANAGERS,
    "departments": ADMINS,
    "audit": ADMINS,
    "workers": ADMINS,
    "sign-in-settings": ADMINS,
    "mail": ADMINS,
    "prices": ADMINS,
    "master-key": ADMINS,
    "setup": ADMINS,
    "reset": EVERYBODY,
    "new-password": EVERYBODY,
    "invitation": EVERYBODY,
    "verify": EVERYBODY,
}


def test_every_page_is_in_the_table() -> None:
    assert [entry.url for entry in navigation.ALL] == list(TABLE)


@pytest.mark.parametrize("who", [ANONYMOUS, *sorted(SIGNED_IN)])
@pytest.mark.parametrize("entry", navigation.ALL, ids=lambda entry: entry.url)
def test_a_page_is_shown_to_those_who_may_see_it(visit: Visitor, page_core: Core, entry: Entry, who: str) -> None:
    role = next((role for role in ROLES if role == who), None)
    user = page_core.accounts.create_user("w@example.com", "Who", PASSWORD, role) if role else None
    page = visit(user).open(entry)
    assert not page.app.exception
    if who in TABLE[entry.url]:
        assert Forbidden().sentence not in page.errors
        assert not page.sees_sign_in
        assert page.text
    elif user is None:
        assert page.sees_sign_in
        assert page.buttons == ["Sign in"]
    else:
        assert page.errors == [Forbidden().sentence]
        assert page.buttons == ["Sign out"]
    is_listed = entry.section is not None and user is not None and who in TABLE[entry.url]
    assert navigation._is_listed(entry, user) == is_listed
