"""A browser's session on the API: it works from our own pages, and from no other site's, not even with CORS."""

from __future__ import annotations

from typing import Any

import pytest

from core import clock
from core.accounts.models import User
from core.bootstrap import Core
from tests.api.conftest import Browser, MakeClient

ACCOUNT, SESSIONS, TOKENS = "/api/v1/account", "/api/v1/sessions", "/api/v1/tokens"
OURS, FOREIGN = "http://testserver", "https://evil.example"
DRAFT = {"name": "Mine", "scopes": ["runs:read"], "expires_in_days": 7}


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")


def test_our_own_page_reads_and_writes(browser: Browser, alice: User) -> None:
    browser.sign_in(alice)
    own = {"Origin": OURS, "Sec-Fetch-Site": "same-origin"}
    assert browser.client.get(ACCOUNT, headers={"Sec-Fetch-Site": "same-origin"}).json()["email"] == alice.email
    assert browser.client.get(ACCOUNT, headers={"Sec-Fetch-Site": "none"}).status_code == 200
    assert browser.client.post(TOKENS, json=DRAFT, headers=own).status_code == 201
    assert browser.client.delete(SESSIONS, headers=own).json() == {"ended": 0}
    assert browser.client.get(SESSIONS).json()["items"][0]["is_current"]
    assert browser.client.post("/api/v1/auth/logout", headers=own).status_code == 204
    assert code(browser.client.get(ACCOUNT)) == (401, "not_signed_in")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": FOREIGN},
        {"Origin": "null"},
        {"Origin": OURS + ".evil.example"},
        {"Origin": OURS + ":8080"},
        {"Origin": "https://testserver"},
        {"Origin": ""},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": OURS, "Sec-Fetch-Site": "cross-site"},
        {"Origin": FOREIGN, "Sec-Fetch-Site": "same-origin"},
    ],
    ids=str,
)
def test_another_sites_page_neither_reads_nor_writes(
    browser: Browser, api_core: Core, alice: User, headers: dict[str, str]
) -> None:
    browser.sign_in(alice)
    for method, path in (("GET", ACCOUNT), ("GET", TOKENS), ("POST", TOKENS), ("DELETE", SESSIONS)):
        body = {"json": DRAFT} if method == "POST" else {}
        assert code(browser.client.request(method, path, headers=headers, **body)) == (403, "foreign_page")
    assert not api_core.tokens.list(alice)


def test_a_write_has_to_name_its_origin(browser: Browser, alice: User) -> None:
    browser.sign_in(alice)
    assert code(browser.client.post(TOKENS, json=DRAFT)) == (403, "foreign_page")


def test_a_bad_token_is_not_made_good_by_a_cookie(browser: Browser, alice: User) -> None:
    browser.sign_in(alice)
    for value in ("Bearer nonsense", "Basic YTpi", "", "Bearer"):
        assert code(browser.client.get(ACCOUNT, headers={"Authorization": value})) == (401, "not_signed_in")


def test_other_sites_are_told_nothing_unless_they_are_listed(browser: Browser, alice: User) -> None:
    browser.sign_in(alice)
    asked = {"Origin": FOREIGN, "Access-Control-Request-Method": "GET"}
    for answer in (
        browser.client.options(ACCOUNT, headers=asked),
        browser.client.get(ACCOUNT, headers={"Origin": FOREIGN}),
    ):
        assert answer.status_code in (403, 405)
        assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_a_listed_site_comes_with_a_token_and_never_with_the_cookie(
    api_core: Core, make_client: MakeClient, alice: User
) -> None:
    listed = "https://tools.example.com"
    browser = Browser(api_core, make_client(ZOARK_CORS_ORIGINS=f"https://other.example.com, {listed}"))
    browser.sign_in(alice)
    asked = {
        "Origin": listed,
        "Access-Control-Request-Method": "DELETE",
        "Access-Control-Request-Headers": "authorization, idempotency-key",
    }
    preflight = browser.client.options(SESSIONS, headers=asked)
    assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (200, listed)
    assert "access-control-allow-credentials" not in preflight.headers
    secret = api_core.tokens.create(alice.proven(clock.now()), "T", ["account:read"], 1).secret.get_secret_value()
    answer = browser.client.get(ACCOUNT, headers={"Origin": listed, "Authorization": f"Bearer {secret}"})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, listed)
    assert "X-Request-Id" in answer.headers["access-control-expose-headers"]
    assert code(browser.client.get(ACCOUNT, headers={"Origin": listed})) == (403, "foreign_page")
    assert code(browser.client.post(TOKENS, json=DRAFT, headers={"Origin": listed})) == (403, "foreign_page")
    refused = browser.client.options(SESSIONS, headers={**asked, "Origin": FOREIGN})
    assert refused.status_code == 400
    assert "access-control-allow-origin" not in refused.headers
