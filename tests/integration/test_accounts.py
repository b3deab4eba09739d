"""People register, sign in and stay signed in, on both databases."""

from __future__ import annotations

import pytest

from core.bootstrap import Core
from core.errors import SignInRefused, TicketRefused
from tests.conftest import PASSWORD, Cast


def test_alice_signs_in_with_her_password(core: Core, cast: Cast) -> None:
    assert core.accounts.authenticate(" Alice@Example.com ", PASSWORD) == cast.alice


def test_alice_is_refused_with_a_wrong_password(core: Core, cast: Cast) -> None:
    with pytest.raises(SignInRefused):
        core.accounts.authenticate("alice@example.com", PASSWORD + "x")


def test_a_ticket_opens_one_session_in_its_own_browser(core: Core, cast: Cast) -> None:
    ticket = core.accounts.issue_ticket(cast.alice, "browser-a")
    with pytest.raises(TicketRefused):
        core.accounts.redeem_ticket(ticket, "browser-b", "agent")
    token = core.accounts.redeem_ticket(ticket, "browser-a", "agent")
    assert core.accounts.session_user(token) == cast.alice
    with pytest.raises(TicketRefused):
        core.accounts.redeem_ticket(ticket, "browser-a", "agent")
