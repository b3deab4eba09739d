"""The audit log and the list of sessions know where a request came from."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core import clock
from core.accounts.models import User
from core.bootstrap import Core
from tests.api.conftest import Browser, MakeClient
from tests.conftest import PASSWORD


@pytest.mark.parametrize(("trusts", "address"), [("true", "203.0.113.7"), ("false", "testclient")])
def test_a_session_keeps_the_address_it_began_at(
    api_core: Core, make_client: MakeClient, alice: User, trusts: str, address: str
) -> None:
    client = make_client(ZOARK_TRUST_PROXY=trusts)
    client.headers["x-forwarded-for"] = "6.6.6.6, 203.0.113.7"
    browser = Browser(api_core, client)
    token = browser.sign_in(alice)
    (session,) = api_core.sessions.list(alice, token)
    assert session.address == address
    client.get("/session/logout")
    root = api_core.accounts.create_user("root@example.com", "Root", PASSWORD, "admin")
    entries = api_core.audit.search(root, clock.now() - timedelta(minutes=5), clock.now(), "alice")
    seen = {entry.action: entry.address for entry in entries}
    assert (seen["sign_in.succeeded"], seen["sign_out"]) == (address, address)
