"""What a proxy says about the visitor's scheme counts only when the setting says that there is a proxy."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from app.http.middleware import SecurityHeaders, _secured
from core.accounts.models import User
from core.bootstrap import Core
from tests.api.conftest import Browser, MakeClient

TRUST = {"ZOARK_TRUST_PROXY": "true"}
FORCE = {**TRUST, "ZOARK_FORCE_HTTPS": "true"}
HTTPS = {"x-forwarded-proto": "https"}


def is_secure(client: TestClient, **headers: str) -> bool:
    return "strict-transport-security" in client.get("/", headers=headers).headers


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("https", True),
        ("https, http", True),
        (" https ,http", True),
        ("http", False),
        ("http, https", False),
        ("HTTPS ;x", False),
        ("ftp", False),
        ("", False),
    ],
)
def test_a_trusted_proxy_tells_the_scheme(make_client: MakeClient, told: str, expected: bool) -> None:
    assert is_secure(make_client(**TRUST), **{"x-forwarded-proto": told}) is expected


def test_without_the_setting_nobody_is_believed(make_client: MakeClient) -> None:
    assert not is_secure(make_client(), **HTTPS)


def test_a_proxy_can_also_say_that_it_was_plain_http(make_client: MakeClient) -> None:
    assert not is_secure(make_client("https://testserver", **TRUST), **{"x-forwarded-proto": "http"})


def test_the_session_cookie_is_secure_behind_a_trusted_proxy_only(
    api_core: Core, make_client: MakeClient, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    for settings, expected in (({}, False), (TRUST, True)):
        browser = Browser(api_core, make_client(**settings))
        answer = browser.client.get("/session/redeem", params={"ticket": browser.ticket(alice)}, headers=HTTPS)
        assert answer.status_code == 303
        assert ("; Secure" in answer.headers["set-cookie"]) is expected


@pytest.mark.parametrize("path", ["/", "/run?id=run_1&x=%2F", "/session/logout", "/no/such/page"])
def test_plain_http_is_sent_to_https(make_client: MakeClient, path: str) -> None:
    answer = make_client(**FORCE).get(path, headers={"x-forwarded-proto": "http"})
    assert (answer.status_code, answer.headers["location"]) == (308, f"https://testserver{path}")


def test_a_post_stays_a_post(make_client: MakeClient) -> None:
    assert make_client(**FORCE).post("/upload").status_code == 308


@pytest.mark.parametrize("path", ["/healthz", "/_stcore/health"])
def test_health_is_answered_on_plain_http(make_client: MakeClient, path: str) -> None:
    assert make_client(**FORCE).get(path).status_code == 200


def test_readiness_is_answered_on_plain_http(make_client: MakeClient) -> None:
    assert make_client(**FORCE).get("/readyz").status_code == 503  # no worker, but no redirect


def test_https_behind_the_proxy_is_served(make_client: MakeClient) -> None:
    answer = make_client(**FORCE).get("/", headers=HTTPS)
    assert (answer.status_code, answer.text) == (200, "streamlit")


def test_without_the_setting_plain_http_is_served(make_client: MakeClient) -> None:
    assert make_client(**TRUST).get("/", headers={"x-forwarded-proto": "http"}).status_code == 200


@pytest.mark.parametrize(
    ("cookie", "expected"),
    [
        (b"_streamlit_session=abc; path=/; httponly", b"_streamlit_session=abc; path=/; httponly; Secure"),
        (b"_streamlit_session=xsecurex; path=/", b"_streamlit_session=xsecurex; path=/; Secure"),
        (b"_streamlit_session=a; path=/; secure", b"_streamlit_session=a; path=/; secure"),
        (b"_streamlit_user=a; path=/", b"_streamlit_user=a; path=/"),
    ],
)
def test_a_cookie_is_made_secure_by_its_flags_not_by_its_value(cookie: bytes, expected: bytes) -> None:
    assert _secured(b"Set-Cookie", cookie) == (b"Set-Cookie", expected)
    assert _secured(b"x-other", cookie) == (b"x-other", cookie)


@pytest.mark.anyio
async def test_a_websocket_passes_untouched() -> None:
    passed: list[object] = []

    async def inner(scope: object, receive: object, send: object) -> None:
        passed.append((scope, receive, send))

    await SecurityHeaders(inner)({"type": "websocket", "path": "/_stcore/stream"}, "receive", "send")  # type: ignore[arg-type]
    assert passed == [({"type": "websocket", "path": "/_stcore/stream"}, "receive", "send")]
