"""A message starts a run only when it is signed with the trigger's secret, and lately."""

from __future__ import annotations

import io
import re
import urllib.request
from typing import Any

import pytest
from pydantic import SecretStr

from core.config import ROOT
from core.triggers.failures import MessageTooOld, SignatureRefused
from core.triggers.verification import check, open_envelope
from core.webhooks.signing import headers, new_secret

NOW = 1_800_000_000
BODY = b'{"amount": 1}'
SECRET = new_secret()


def taken(given: dict[str, str], body: bytes = BODY, secret: SecretStr = SECRET, now: int = NOW) -> None:
    check(open_envelope(given), body, secret, now)


def test_a_message_that_is_signed_as_the_standard_has_it_is_taken() -> None:
    taken(headers("msg_1", NOW - 10, BODY, [SECRET]))
    taken(headers("msg_1", NOW, BODY, [new_secret(), SECRET]))


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-id": "msg_2"},
        {"webhook-timestamp": str(NOW - 11)},
        {"webhook-signature": "v1,AAAA"},
        {"webhook-signature": ""},
        {"webhook-signature": "v1,Ω"},
        {"webhook-signature": " ".join(["v1,x"] * 11)},
        {"webhook-timestamp": "-5"},
        {"webhook-timestamp": "1e9"},
        {"webhook-timestamp": "9" * 13},
        {"webhook-id": ""},
        {"webhook-id": "x" * 181},
        {"webhook-id": "a\nb"},
    ],
    ids=str,
)
def test_a_message_that_was_changed_is_refused(change: dict[str, str]) -> None:
    with pytest.raises(SignatureRefused):
        taken(headers("msg_1", NOW - 10, BODY, [SECRET]) | change)


def test_another_body_or_another_secret_is_refused() -> None:
    signed = headers("msg_1", NOW, BODY, [SECRET])
    with pytest.raises(SignatureRefused):
        taken(signed, BODY + b" ")
    with pytest.raises(SignatureRefused):
        taken(signed, secret=new_secret())


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_message_without_a_header_is_refused(name: str) -> None:
    signed = headers("msg_1", NOW, BODY, [SECRET])
    del signed[name]
    with pytest.raises(SignatureRefused):
        taken(signed)


@pytest.mark.parametrize("seconds", [301, -301, 10**9])
def test_a_message_of_another_time_is_refused_as_old(seconds: int) -> None:
    with pytest.raises(MessageTooOld):
        taken(headers("msg_1", NOW - seconds, BODY, [SECRET]))


def test_the_program_in_the_documents_signs_what_a_trigger_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs/workflows.md").read_text("utf-8"), re.S)
    program: dict[str, Any] = {}
    exec(code, program)
    sent: list[urllib.request.Request] = []

    def keep(request: urllib.request.Request, timeout: float) -> io.BytesIO:
        sent.append(request)
        return io.BytesIO(b"{}")

    monkeypatch.setattr(urllib.request, "urlopen", keep)
    program["call"]("https://zoark.example.com/api/v1/hooks/hook_1", SECRET.get_secret_value(), {"amount": 1})
    given = {name.lower(): value for name, value in sent[0].header_items()}
    body = sent[0].data
    assert isinstance(body, bytes)
    taken(given, body, now=int(given["webhook-timestamp"]))
