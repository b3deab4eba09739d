"""Passkeys belong to a name: which addresses have one, and what a person is told at the others."""

from __future__ import annotations

import pytest

from core.passkeys.failures import PasskeysNotHere
from core.passkeys.models import Site
from core.passkeys.sites import origin_of, site_at


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://zoark.example.com", "https://zoark.example.com"),
        ("https://zoark.example.com:443/agents?x=1#y", "https://zoark.example.com"),
        ("https://ZOARK.example.com:8443/", "https://zoark.example.com:8443"),
        ("http://localhost:8501/security", "http://localhost:8501"),
        ("http://localhost:80", "http://localhost"),
        ("http://[::1]:8501/", "http://[::1]:8501"),
        ("https://zöark.example", "https://xn--zark-5qa.example"),
        ("https://user:secret@zoark.example", "https://zoark.example"),
        ("", ""),
        ("zoark.example.com", ""),
        ("ftp://zoark.example.com", ""),
        ("javascript:alert(1)", ""),
        ("https://", ""),
        ("https://zoark.example:port", ""),
        ("https://[::1", ""),
    ],
)
def test_an_origin_is_written_as_browsers_write_it(url: str, origin: str) -> None:
    assert origin_of(url) == origin


@pytest.mark.parametrize(
    ("base_url", "opened_at", "site"),
    [
        ("", "http://localhost:8501/", Site("localhost", "http://localhost:8501")),
        ("", "http://zoark.localhost:8501/", Site("zoark.localhost", "http://zoark.localhost:8501")),
        ("", "https://zoark.example.com/x", Site("zoark.example.com", "https://zoark.example.com")),
        (
            "https://zoark.example.com/",
            "https://zoark.example.com/",
            Site("zoark.example.com", "https://zoark.example.com"),
        ),
        ("https://a.example:8443", "https://a.example:8443/", Site("a.example", "https://a.example:8443")),
    ],
)
def test_they_work_on_https_and_on_this_machine(base_url: str, opened_at: str, site: Site) -> None:
    assert site_at(base_url, opened_at) == site


@pytest.mark.parametrize(
    ("base_url", "opened_at", "sentence"),
    [
        ("", "http://127.0.0.1:8501/", "Open Zoark at http://localhost:8501 instead."),
        ("", "http://[::1]:8501/", "Open Zoark at http://localhost:8501 instead."),
        ("", "http://127.9.9.9", "Open Zoark at http://localhost instead."),
        ("", "https://203.0.113.7/", "by its name, at an https address."),
        ("http://10.0.0.7:8501", "http://10.0.0.7:8501", "by its name, at an https address."),
        ("", "http://zoark.example.com/", "at an https address only."),
        ("http://zoark.example.com", "http://zoark.example.com", "at an https address only."),
        ("https://a.example", "https://b.example/", "https://a.example only. Open Zoark there."),
        ("https://a.example", "http://localhost:8501/", "https://a.example only. Open Zoark there."),
        ("https://a.example", "https://sub.a.example/", "https://a.example only. Open Zoark there."),
        ("https://a.example", "", "https://a.example only. Open Zoark there."),
        ("", "", "at an https address only."),
    ],
)
def test_elsewhere_one_sentence_says_where_to_go(base_url: str, opened_at: str, sentence: str) -> None:
    with pytest.raises(PasskeysNotHere) as caught:
        site_at(base_url, opened_at)
    assert caught.value.sentence.endswith(sentence) or sentence in caught.value.sentence
