"""Every mail transport: what it sends, and how it tells refused, delayed and unsure apart."""

from __future__ import annotations

import base64
import json
import smtplib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import parse_qs

import pytest
from aiosmtpd.smtp import AuthResult
from pydantic import SecretStr

from core.config import Settings, load_settings
from core.errors import SettingsWrong
from core.notify import registry
from core.notify.base import Outgoing, Transport
from core.notify.failures import MailDelayed, MailRefused, MailSetUpWrong, MailUnsure
from core.notify.transports.smtp import SmtpServer
from core.security.egress import EgressPolicy
from tests.support.mailbox import Mailbox, smtp_server

KEY = "SG.key-0123456789abcdefghij"
LINK = "https://zoark.example.com/verify?token=" + "x" * 43
MAIL = Outgoing(
    "mail_1", "Zoark <zoark@example.com>", "zoe@example.com", "Änderung", SecretStr(f"Öffne:\n\n{LINK}\n.\nEnde\n")
)


@dataclass
class Api:
    """A tiny mail API: keeps requests, answers as told."""

    port: int = 0
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    answers: list[tuple[int, str]] = field(default_factory=list)
    status: int = 202


@contextmanager
def http_api(status: int) -> Iterator[Api]:
    api = Api(status=status)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            api.requests.append((self.path, dict(self.headers), body))
            code, text = api.answers.pop(0) if api.answers else (api.status, "{}")
            if code == 0:  # hang up
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            self.send_response(code)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: Any) -> None:
            """Be quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    api.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()


@dataclass
class Stage:
    """One transport and the server behind it; ``answer`` says 5xx/4xx/later/hang up in the server's own words."""

    transport: Transport
    answer: Callable[[str], None]
    texts: Callable[[], list[str]]
    subjects: Callable[[], list[str]]


API_ANSWERS = {"refused": (400, "bad address"), "key": (401, "bad key"), "later": (503, "busy"), "hang up": (0, "")}


def _settings(**given: Any) -> Settings:
    return load_settings(ZOARK_MAIL_FROM=MAIL.sender, ZOARK_BASE_URL="https://z.example.com", **given)


def _form(request: tuple[str, dict[str, str], bytes]) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(request[2].decode()).items()}


@contextmanager
def _smtp() -> Iterator[Stage]:
    mailbox = Mailbox()
    words = {"refused": "554 no", "key": "535 bad password", "later": "451 later", "hang up": "hang up"}
    with smtp_server(mailbox) as port:
        chosen = registry.chosen_transport(_settings(SMTP_URL=f"smtp://127.0.0.1:{port}?tls=off"), EgressPolicy())
        assert chosen is not None
        yield Stage(
            chosen,
            lambda kind: mailbox.answers.append(words[kind]),
            lambda: [str(mail.get_content()) for mail in mailbox.mails],
            lambda: [str(mail["Subject"]) for mail in mailbox.mails],
        )


@contextmanager
def _sendgrid() -> Iterator[Stage]:
    with http_api(202) as api:
        policy = EgressPolicy.from_allowlist(f"127.0.0.1:{api.port}")
        settings = _settings(SENDGRID_API_KEY=KEY, ZOARK_MAIL_API_URL=f"http://127.0.0.1:{api.port}/")
        chosen = registry.chosen_transport(settings, policy)
        assert chosen is not None
        documents = lambda: [json.loads(body) for _, _, body in api.requests]  # noqa: E731
        yield Stage(
            chosen,
            lambda kind: api.answers.append(API_ANSWERS[kind]),
            lambda: [document["content"][0]["value"] for document in documents()],
            lambda: [document["subject"] for document in documents()],
        )


@contextmanager
def _mailgun() -> Iterator[Stage]:
    with http_api(200) as api:
        policy = EgressPolicy.from_allowlist(f"127.0.0.1:{api.port}")
        settings = _settings(
            MAILGUN_API_KEY=KEY, MAILGUN_DOMAIN="mg.example.com", ZOARK_MAIL_API_URL=f"http://127.0.0.1:{api.port}"
        )
        chosen = registry.chosen_transport(settings, policy)
        assert chosen is not None
        yield Stage(
            chosen,
            lambda kind: api.answers.append(API_ANSWERS[kind]),
            lambda: [_form(request)["text"] for request in api.requests],
            lambda: [_form(request)["subject"] for request in api.requests],
        )


STAGES = {"smtp": _smtp, "sendgrid": _sendgrid, "mailgun": _mailgun}


@pytest.fixture(params=sorted(registry.all_transports()))
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    with STAGES[request.param]() as made:
        assert made.transport.name == request.param
        yield made


def test_a_mail_arrives_word_for_word(stage: Stage) -> None:
    stage.transport.send(MAIL)
    (text,) = stage.texts()
    assert text.replace("\r\n", "\n") == MAIL.body.get_secret_value()
    assert stage.subjects() == ["Änderung"]


def test_what_cannot_be_helped_is_refused(stage: Stage) -> None:
    stage.answer("refused")
    with pytest.raises(MailRefused):
        stage.transport.send(MAIL)


def test_a_wrong_key_is_a_matter_of_the_settings(stage: Stage) -> None:
    stage.answer("key")
    with pytest.raises(MailSetUpWrong) as caught:
        stage.transport.send(MAIL)
    assert "tried again every 15 minutes" in caught.value.sentence
    assert KEY not in caught.value.sentence


def test_a_busy_server_delays(stage: Stage) -> None:
    stage.answer("later")
    with pytest.raises(MailDelayed) as caught:
        stage.transport.send(MAIL)
    assert LINK not in caught.value.sentence


def test_a_connection_that_breaks_after_the_mail_has_left_is_unsure(stage: Stage) -> None:
    stage.answer("hang up")
    with pytest.raises(MailUnsure):
        stage.transport.send(MAIL)


def test_every_transport_says_who_it_is() -> None:
    for name, kind in registry.all_transports().items():
        assert kind.name == name
        assert kind.label


# --- their own ways -------------------------------------------------------------------------------


def test_sendgrid_gets_its_key_and_leaves_our_links_alone() -> None:
    with http_api(202) as api:
        settings = _settings(SENDGRID_API_KEY=KEY, ZOARK_MAIL_API_URL=f"http://127.0.0.1:{api.port}")
        chosen = registry.chosen_transport(settings, EgressPolicy.from_allowlist(f"127.0.0.1:{api.port}"))
        assert chosen is not None
        chosen.send(MAIL)
    path, headers, body = api.requests[0]
    document = json.loads(body)
    assert path == "/v3/mail/send"
    assert headers["Authorization"] == f"Bearer {KEY}"
    assert document["from"] == {"email": "zoark@example.com", "name": "Zoark"}
    assert document["personalizations"] == [{"to": [{"email": "zoe@example.com"}]}]
    assert document["tracking_settings"]["click_tracking"] == {"enable": False}


def test_mailgun_gets_its_key_and_domain() -> None:
    with http_api(200) as api:
        settings = _settings(
            MAILGUN_API_KEY=KEY, MAILGUN_DOMAIN="mg.example.com", ZOARK_MAIL_API_URL=f"http://127.0.0.1:{api.port}"
        )
        chosen = registry.chosen_transport(settings, EgressPolicy.from_allowlist(f"127.0.0.1:{api.port}"))
        assert chosen is not None
        chosen.send(MAIL)
    path, headers, _ = api.requests[0]
    assert path == "/v3/mg.example.com/messages"
    assert base64.b64decode(headers["Authorization"].removeprefix("Basic ")).decode() == f"api:{KEY}"
    assert _form(api.requests[0])["o:tracking"] == "no"


@pytest.mark.parametrize(
    ("status", "error"),
    [(429, MailDelayed), (408, MailDelayed), (302, MailSetUpWrong), (403, MailSetUpWrong), (413, MailRefused)],
)
def test_an_api_that_asks_to_come_back_later_delays(status: int, error: type[Exception]) -> None:
    with http_api(status) as api:
        settings = _settings(SENDGRID_API_KEY=KEY, ZOARK_MAIL_API_URL=f"http://127.0.0.1:{api.port}")
        chosen = registry.chosen_transport(settings, EgressPolicy.from_allowlist(f"127.0.0.1:{api.port}"))
        assert chosen is not None
        with pytest.raises(error):
            chosen.send(MAIL)


@pytest.mark.parametrize("kind", ["smtp", "sendgrid"])
def test_a_server_that_is_away_delays(kind: str) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    given = {"SMTP_URL": f"smtp://127.0.0.1:{port}?tls=off"}
    if kind == "sendgrid":
        given = {"SENDGRID_API_KEY": KEY, "ZOARK_MAIL_API_URL": f"http://127.0.0.1:{port}"}
    chosen = registry.chosen_transport(_settings(**given), EgressPolicy.from_allowlist(f"127.0.0.1:{port}"))
    assert chosen is not None
    with pytest.raises(MailDelayed):
        chosen.send(MAIL)


def test_an_api_at_a_private_address_is_not_called() -> None:
    with http_api(202) as api:
        settings = _settings(SENDGRID_API_KEY=KEY, ZOARK_MAIL_API_URL=f"http://127.0.0.1:{api.port}")
        chosen = registry.chosen_transport(settings, EgressPolicy())
        assert chosen is not None
        with pytest.raises(MailSetUpWrong):
            chosen.send(MAIL)
        assert api.requests == []


def test_smtp_without_tls_is_refused_unless_the_operator_says_so() -> None:
    mailbox = Mailbox()
    with smtp_server(mailbox) as port:
        chosen = registry.chosen_transport(_settings(SMTP_URL=f"smtp://127.0.0.1:{port}"), EgressPolicy())
        assert chosen is not None
        with pytest.raises(MailSetUpWrong):
            chosen.send(MAIL)
    assert mailbox.mails == []


def test_smtp_gives_its_password_and_a_wrong_one_is_refused() -> None:
    mailbox = Mailbox()

    def judge(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=(data.login, data.password) == (b"me@example.com", b"p@ss"), handled=False)

    options = {"authenticator": judge, "auth_required": True, "auth_require_tls": False}
    with smtp_server(mailbox, **options) as port:
        for password, works in (("p%40ss", True), ("wrong", False)):
            url = f"smtp://me%40example.com:{password}@127.0.0.1:{port}?tls=off"
            chosen = registry.chosen_transport(_settings(SMTP_URL=url), EgressPolicy())
            assert chosen is not None
            if works:
                chosen.send(MAIL)
            else:
                with pytest.raises(MailSetUpWrong) as caught:
                    chosen.send(MAIL)
                assert "wrong" not in caught.value.sentence
    assert len(mailbox.mails) == 1


def test_smtp_refuses_one_recipient_without_harm_to_the_next() -> None:
    mailbox = Mailbox()
    mailbox.refused = {"nobody@example.com": "550 no such user", "full@example.com": "452 mailbox full"}
    with smtp_server(mailbox) as port:
        chosen = registry.chosen_transport(_settings(SMTP_URL=f"smtp://127.0.0.1:{port}?tls=off"), EgressPolicy())
        assert chosen is not None
        for recipient, error in (("nobody@example.com", MailRefused), ("full@example.com", MailDelayed)):
            with pytest.raises(error):
                chosen.send(Outgoing("m", MAIL.sender, recipient, "s", MAIL.body))
        chosen.send(MAIL)
    assert len(mailbox.mails) == 1


def test_smtp_sends_to_an_international_address() -> None:
    mailbox = Mailbox()
    for enabled in (True, False):
        with smtp_server(mailbox, enable_SMTPUTF8=enabled) as port:
            settings = _settings(SMTP_URL=f"smtp://127.0.0.1:{port}?tls=off")
            chosen = registry.chosen_transport(settings, EgressPolicy())
            assert chosen is not None
            mail = Outgoing("m", MAIL.sender, "zoë@exämple.com", "s", MAIL.body)
            if enabled:
                chosen.send(mail)
                assert mailbox.envelopes[0].rcpt_tos == ["zoë@exämple.com"]
            else:
                with pytest.raises(MailRefused):
                    chosen.send(mail)


def test_smtp_mail_says_that_a_machine_wrote_it() -> None:
    mailbox = Mailbox()
    with smtp_server(mailbox) as port:
        chosen = registry.chosen_transport(_settings(SMTP_URL=f"smtp://127.0.0.1:{port}?tls=off"), EgressPolicy())
        assert chosen is not None
        chosen.send(MAIL)
    (mail,) = mailbox.mails
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Message-ID"] == "<mail_1@example.com>"
    assert mail["From"] == "Zoark <zoark@example.com>"
    assert mailbox.envelopes[0].mail_from == "zoark@example.com"


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://h", SmtpServer("h", 587, "starttls")),
        ("smtp://u:p@h:25", SmtpServer("h", 25, "starttls", "u", "p")),
        ("smtps://u%40x:p%3A%2F@h", SmtpServer("h", 465, "implicit", "u@x", "p:/")),
        ("smtp://h:1025?tls=off", SmtpServer("h", 1025, "off")),
        ("smtp://[::1]:25", SmtpServer("::1", 25, "starttls")),
    ],
)
def test_smtp_url_is_read(url: str, server: SmtpServer) -> None:
    assert SmtpServer.parse(url) == server
    assert "password" not in repr(server)


@pytest.mark.parametrize(
    "url",
    ["mail.example.com:587", "http://h", "smtp://", "smtp://h:x", "smtp://h/path", "smtp://h?tls=maybe",
     "smtps://h?tls=off", "smtp://u:se#cret@h", "smtp://h?"],
)  # fmt: skip
def test_a_wrong_smtp_url_stops_the_start_and_is_not_quoted(url: str) -> None:
    if url == "smtp://h?":
        assert SmtpServer.parse(url).host == "h"
        return
    with pytest.raises(SettingsWrong) as caught:
        SmtpServer.parse(url)
    assert caught.value.sentence.startswith("The setting SMTP_URL is wrong: write smtp://")
    assert "cret" not in caught.value.sentence


def test_nothing_is_chosen_without_settings() -> None:
    assert registry.chosen_transport(load_settings(), EgressPolicy()) is None


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"SMTP_URL": "smtp://h", "SENDGRID_API_KEY": KEY}, "Set one of"),
        ({"MAILGUN_API_KEY": KEY}, "MAILGUN_DOMAIN is missing"),
        ({"SMTP_URL": "smtp://h", "ZOARK_MAIL_FROM": ""}, "ZOARK_MAIL_FROM is missing"),
        ({"SMTP_URL": "smtp://h", "ZOARK_MAIL_FROM": "Zoark <a@b.c>\nBcc: x@y.z"}, "ZOARK_MAIL_FROM is missing"),
        ({"SMTP_URL": "smtp://h", "ZOARK_BASE_URL": ""}, "ZOARK_BASE_URL"),
        ({"SMTP_URL": "smtp://h", "ZOARK_BASE_URL": "zoark.example.com"}, "ZOARK_BASE_URL"),
    ],
)
def test_half_a_setup_stops_the_start_with_one_sentence(given: dict[str, str], sentence: str) -> None:
    defaults = {"ZOARK_MAIL_FROM": "zoark@example.com", "ZOARK_BASE_URL": "https://z.example.com"}
    with pytest.raises(SettingsWrong) as caught:
        registry.chosen_transport(load_settings(**{**defaults, **given}), EgressPolicy())
    assert sentence in caught.value.sentence
    assert KEY not in caught.value.sentence


def test_smtplib_names_5xx_after_the_greeting_refused_and_silence_delayed() -> None:
    """A server that only listens: the greeting never comes."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        from core.notify.transports import smtp

        patched = pytest.MonkeyPatch()
        patched.setattr(smtp, "STEP_SECONDS", 0.3)
        try:
            transport = smtp.Smtp(SmtpServer("127.0.0.1", server.getsockname()[1], "off"))
            with pytest.raises(MailDelayed):
                transport.send(MAIL)
        finally:
            patched.undo()
    assert issubclass(smtplib.SMTPAuthenticationError, smtplib.SMTPResponseException)


def test_the_message_is_parsed_as_it_was_written() -> None:
    from core.notify.transports.smtp import compose

    mail = cast(EmailMessage, BytesParser(policy=HTTP).parsebytes(compose(MAIL)))
    assert mail["Subject"] == "Änderung"
    assert LINK in str(mail.get_content())
