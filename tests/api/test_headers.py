"""Every answer tells the browser what it may do: nothing from elsewhere, no frames, no guesses."""

from __future__ import annotations

import base64
import hashlib
from html.parser import HTMLParser
from importlib.resources import files

import pytest
from starlette.testclient import TestClient

from tests.api.conftest import MakeClient

PATHS = ["/", "/healthz", "/readyz", "/session/logout", "/session/redeem", "/no/such/page", "/_stcore/metrics"]
EXPECTED = {
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=()",
    "cross-origin-opener-policy": "same-origin",
}


class InlineScripts(HTMLParser):
    """The scripts that stand in a page."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=False)
        self.found: list[str] = []
        self._is_inline = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._is_inline = tag == "script" and "src" not in dict(attrs)
        if self._is_inline:
            self.found.append("")

    def handle_endtag(self, tag: str) -> None:
        self._is_inline = False

    def handle_data(self, data: str) -> None:
        if self._is_inline:
            self.found[-1] += data


def directives(client: TestClient) -> dict[str, list[str]]:
    policy = client.get("/").headers["content-security-policy"]
    return {part.split()[0]: part.split()[1:] for part in policy.split(";")}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_every_answer_has_the_security_headers(client: TestClient, path: str, method: str) -> None:
    answer = client.request(method, path)
    assert {name: answer.headers.get(name) for name in EXPECTED} == EXPECTED
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.headers["referrer-policy"] in ("strict-origin-when-cross-origin", "no-referrer")
    assert len(answer.headers.get_list("content-security-policy")) == 1


def test_a_missing_page_is_404(client: TestClient) -> None:
    assert client.get("/no/such/page").status_code == 404


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS"])
def test_streamlits_metrics_are_hidden(client: TestClient, method: str) -> None:
    answer = client.request(method, "/_stcore/metrics")
    assert answer.status_code == 404
    assert "streamlit" not in answer.text


def test_only_streamlits_own_inline_script_may_run(client: TestClient) -> None:
    scripts = InlineScripts(files("streamlit").joinpath("static/index.html").read_text("utf-8")).found
    assert scripts
    hashes = [f"'sha256-{base64.b64encode(hashlib.sha256(s.encode()).digest()).decode()}'" for s in scripts]
    assert directives(client)["script-src"] == ["'self'", *hashes]


def test_nothing_is_evaluated_framed_or_fetched_from_elsewhere(client: TestClient) -> None:
    found = directives(client)
    everything = [source for sources in found.values() for source in sources]
    assert "'unsafe-eval'" not in everything
    assert "'wasm-unsafe-eval'" not in everything
    assert [name for name, sources in found.items() if "'unsafe-inline'" in sources] == ["style-src"]
    assert not [source for source in everything if "." in source or "*" in source or source.startswith("http")]
    for name in ("default-src", "base-uri", "object-src", "frame-ancestors"):
        assert found[name] == ["'none'"], name
    assert found["connect-src"] == found["form-action"] == ["'self'"]


def test_hsts_is_for_https_only(make_client: MakeClient) -> None:
    assert "strict-transport-security" not in make_client().get("/").headers
    hsts = make_client("https://testserver").get("/").headers["strict-transport-security"]
    assert hsts == "max-age=31536000; includeSubDomains"


def test_only_our_cookies_are_made_secure_and_only_on_https(make_client: MakeClient) -> None:
    plain = make_client().get("/_stcore/host-config").headers.get_list("set-cookie")
    assert not any("; secure" in cookie.lower() for cookie in plain)
    xsrf, other = make_client("https://testserver").get("/_stcore/host-config").headers.get_list("set-cookie")
    assert xsrf.endswith("; Secure")
    assert "; secure" not in other.lower()
