"""SMTP with real TLS: a trusted server gets the mail, every other one is refused before anything is said."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import certifi
import pytest
from aiosmtpd.smtp import AuthResult
from pydantic import SecretStr

from core.notify.base import Outgoing
from core.notify.failures import MailDelayed, MailSetUpWrong
from core.notify.transports.smtp import Smtp, SmtpServer
from core.security.egress import tls
from tests.support.app_server import free_port
from tests.support.certificates import Pair, authority, self_signed, signed_by
from tests.support.mailbox import Mailbox, smtp_server

MAIL = Outgoing("mail_1", "Zoark <zoark@example.com>", "zoe@example.com", "Hello", SecretStr("Hello\n"))
PASSWORD = "pa55-for-the-mail-server"
WAYS = ("starttls", "smtps")


@pytest.fixture
def ca(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pair:
    """An authority that this process trusts, and no other."""
    made = authority()
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(made.write(tmp_path, "ca").read_bytes())
    monkeypatch.setattr(certifi, "where", lambda: str(bundle))
    monkeypatch.setattr(tls, "_context", None)
    return made


class Server:
    """A mail server with a certificate, and what it has heard."""

    def __init__(self, port: int, box: Mailbox) -> None:
        self.port = port
        self.box = box
        self.heard: list[bytes] = []


@contextmanager
def server(way: str, context: ssl.SSLContext | None) -> Iterator[Server]:
    box = Mailbox()
    found = Server(0, box)

    def judge(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        found.heard.append(data.password)
        return AuthResult(success=data.password == PASSWORD.encode(), handled=False)

    # aiosmtpd does not see the outer TLS of smtps, so it does not ask for it there.
    options: dict[str, Any] = {
        "authenticator": judge,
        "auth_require_tls": way == "starttls" and context is not None,
    }
    if context is not None:
        options |= (
            {"ssl_context": context} if way == "smtps" else {"tls_context": context, "require_starttls": True}
        )
    with smtp_server(box, **options) as port:
        found.port = port
        yield found


def transport(way: str, port: int, host: str = "127.0.0.1", password: str = PASSWORD) -> Smtp:
    scheme = "smtps" if way == "smtps" else "smtp"
    return Smtp(SmtpServer.parse(f"{scheme}://me:{password}@{host}:{port}"))


@pytest.mark.parametrize("way", WAYS)
def test_a_server_with_a_trusted_certificate_gets_password_and_mail(ca: Pair, tmp_path: Path, way: str) -> None:
    with server(way, signed_by(ca).context(tmp_path)) as at:
        transport(way, at.port).send(MAIL)
    assert [mail["Subject"] for mail in at.box.mails] == ["Hello"]
    assert at.heard == [PASSWORD.encode()]


@pytest.mark.parametrize("way", WAYS)
def test_a_server_that_signs_for_itself_hears_no_password(ca: Pair, tmp_path: Path, way: str) -> None:
    with server(way, self_signed().context(tmp_path)) as at, pytest.raises(MailSetUpWrong) as caught:
        transport(way, at.port).send(MAIL)
    assert caught.value.sentence == (
        "The mail settings do not work: the certificate of the mail server is not trusted "
        "(self-signed certificate). "
        "It is tried again every 15 minutes until somebody mends them."
    )
    assert (at.box.mails, at.heard) == ([], [])


@pytest.mark.parametrize("way", WAYS)
def test_a_certificate_of_another_host_is_refused(ca: Pair, tmp_path: Path, way: str) -> None:
    with (
        server(way, signed_by(ca, "mail.example.com").context(tmp_path)) as at,
        pytest.raises(MailSetUpWrong) as caught,
    ):
        transport(way, at.port).send(MAIL)
    assert "the certificate of the mail server is not trusted (IP address mismatch" in caught.value.sentence
    assert (at.box.mails, at.heard) == ([], [])


def test_a_server_without_starttls_is_refused_where_it_is_demanded(ca: Pair) -> None:
    with server("starttls", None) as at, pytest.raises(MailSetUpWrong) as caught:
        transport("starttls", at.port).send(MAIL)
    assert "the server offers no encryption (STARTTLS)." in caught.value.sentence
    assert (at.box.mails, at.heard) == ([], [])


def test_smtps_on_a_port_without_tls_is_told(ca: Pair) -> None:
    with server("smtps", None) as at, pytest.raises(MailSetUpWrong) as caught:
        transport("smtps", at.port).send(MAIL)
    assert "there is no TLS on this port; check whether smtp or smtps is meant." in caught.value.sentence
    assert (at.box.mails, at.heard) == ([], [])


@pytest.mark.parametrize("way", WAYS)
def test_a_wrong_password_is_a_matter_of_the_settings(ca: Pair, tmp_path: Path, way: str) -> None:
    with server(way, signed_by(ca).context(tmp_path)) as at, pytest.raises(MailSetUpWrong) as caught:
        transport(way, at.port, password="not-the-password-at-all").send(MAIL)
    assert "user name or password are not accepted (535" in caught.value.sentence
    assert "not-the-password" not in caught.value.sentence
    assert at.box.mails == []


@pytest.mark.parametrize("way", WAYS)
def test_a_port_where_nobody_listens_is_told_in_words(ca: Pair, way: str) -> None:
    with pytest.raises(MailDelayed) as caught:
        transport(way, free_port()).send(MAIL)
    assert caught.value.sentence.endswith("it takes no connection on this port")


def test_the_way_is_told_without_user_and_password() -> None:
    assert transport("starttls", 587, "mail.example.com").way == "mail.example.com:587, STARTTLS"
    assert transport("smtps", 465, "mail.example.com").way == "mail.example.com:465, TLS"
