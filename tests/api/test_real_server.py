"""The client address behind a real server: uvicorn must not believe on its own what a visitor sends."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from streamlit.web.server.starlette.starlette_app_utils import generate_xsrf_token_string

from app.http.cookie import XSRF_COOKIE, browser_in
from core.bootstrap import build_core
from core.config import load_settings
from tests.conftest import PASSWORD
from tests.support.app_server import AppServer

FORWARDED = {"x-forwarded-for": "6.6.6.6, 203.0.113.7", "x-forwarded-proto": "https"}


@pytest.mark.parametrize(
    ("trusts", "address", "is_https"), [("false", "127.0.0.1", False), ("true", "203.0.113.7", True)]
)
def test_our_setting_alone_decides_whether_a_proxy_is_believed(
    tmp_path: Path, trusts: str, address: str, is_https: bool
) -> None:
    settings = {"ZOARK_TRUST_PROXY": trusts, "ZOARK_WORKER": "external"}
    with AppServer(tmp_path, **settings) as app:
        core = build_core(load_settings(ZOARK_DATA_DIR=tmp_path))
        alice = core.accounts.create_user("alice@example.com", "Alice", PASSWORD, "member")
        cookies = {XSRF_COOKIE: generate_xsrf_token_string()}
        ticket = core.accounts.issue_ticket(alice, browser_in(cookies) or "")
        answer = httpx.get(
            f"{app.url}/session/redeem", params={"ticket": ticket}, headers=FORWARDED, cookies=cookies, timeout=60
        )
        assert answer.status_code == 303
        assert ("strict-transport-security" in answer.headers) is is_https
        assert ("; Secure" in answer.headers["set-cookie"]) is is_https
        (session,) = core.sessions.list(alice)
        core.close()
    assert session.address == address
