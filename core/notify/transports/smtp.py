"""SMTP, with TLS unless the operator says otherwise."""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import formatdate, parseaddr
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit

from core import clock
from core.config import Settings
from core.errors import AddressBlocked, SettingsWrong
from core.notify.base import Outgoing, Transport
from core.notify.failures import MailDelayed, MailRefused, MailSetUpWrong, MailUnsure
from core.notify.guarded_smtp import guarded_smtp
from core.security.egress import EgressPolicy
from core.security.egress.tls import tls_context
from core.security.redact import redact

# For each step of the conversation; a mail has about ten.
STEP_SECONDS = 20.0
# For a whole conversation with a server that a person chose.
TOTAL_SECONDS = 90.0
_PORTS = {"smtp": 587, "smtps": 465}
# RFC 4954: authentication is needed, too weak, or failed; TLS is needed first.
_ABOUT_SIGN_IN = (530, 534, 535, 538)
_TLS = {"starttls": "STARTTLS", "implicit": "TLS", "off": "no encryption"}


@dataclass(frozen=True)
class SmtpServer:
    """Where and how to hand over; ``tls`` is ``starttls``, ``implicit`` or ``off``."""

    host: str
    port: int
    tls: str
    user: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def parse(cls, text: str) -> SmtpServer:
        """Read ``smtp://user:password@host:587`` or ``smtps://…``.

        Raises:
            SettingsWrong: it has another form; the sentence never quotes it.
        """
        try:
            url = urlsplit(text)
            port = url.port or _PORTS[url.scheme]
            query = parse_qs(url.query, strict_parsing=True) if url.query else {}
        except (KeyError, ValueError):
            raise SettingsWrong(f"The setting SMTP_URL is wrong: {_FORM}") from None
        tls = "implicit" if url.scheme == "smtps" else "starttls"
        if query == {"tls": ["off"]} and url.scheme == "smtp":
            tls = "off"
        elif query:
            raise SettingsWrong(f"The setting SMTP_URL is wrong: {_FORM}")
        if not url.hostname or url.path.strip("/") or url.fragment:
            raise SettingsWrong(f"The setting SMTP_URL is wrong: {_FORM}")
        return cls(url.hostname, port, tls, unquote(url.username or ""), unquote(url.password or ""))


_FORM = "write smtp://user:password@host:587 or smtps://user:password@host:465; quote special characters like %40."


class Smtp(Transport):
    """Any mail server that speaks SMTP."""

    name = "smtp"
    label = "SMTP"
    settings = ("SMTP_URL",)

    def __init__(self, server: SmtpServer, policy: EgressPolicy | None = None) -> None:
        """Send through ``server``; under ``policy`` unless the operator chose it, who may mean a private one."""
        self._server = server
        self._policy = policy

    @classmethod
    def from_settings(cls, settings: Settings, policy: EgressPolicy) -> Self | None:
        """Return the transport when ``SMTP_URL`` is set."""
        url = settings.smtp_url.get_secret_value()
        return cls(SmtpServer.parse(url)) if url else None

    @property
    def way(self) -> str:
        """Host, port and encryption."""
        return f"{self._server.host}:{self._server.port}, {_TLS[self._server.tls]}"

    def send(self, mail: Outgoing) -> None:
        """Hand one mail over."""
        is_international = not mail.recipient.isascii()
        data = compose(mail, is_international)
        with ExitStack() as conversation:
            with _reporting(MailDelayed, refusal=MailSetUpWrong):
                smtp = conversation.enter_context(self._signed_in())
            conversation.callback(_say_goodbye, smtp)
            with _reporting(MailDelayed):
                # RFC 6531; smtplib raises SMTPNotSupportedError when the server cannot do it.
                options = ["SMTPUTF8", "BODY=8BITMIME"] if is_international else []
                sent = smtp.mail(parseaddr(mail.sender)[1], options)
            with _reporting(MailDelayed, refusal=MailSetUpWrong):
                _check(sent)  # what it says here is about our sender's address
            with _reporting(MailDelayed):
                _check(smtp.rcpt(mail.recipient))
            # From here on a broken connection says nothing about what the server has done.
            with _reporting(MailUnsure):
                _check(smtp.data(data))

    def _signed_in(self) -> AbstractContextManager[smtplib.SMTP]:
        if self._policy is not None:
            return guarded_smtp(self._server, self._policy, TOTAL_SECONDS)
        return closing(self._connect())

    def _connect(self) -> smtplib.SMTP:
        server = self._server
        if server.tls == "implicit":
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(
                server.host, server.port, timeout=STEP_SECONDS, context=tls_context()
            )
        else:
            smtp = smtplib.SMTP(server.host, server.port, timeout=STEP_SECONDS)
        try:
            if server.tls == "starttls":
                smtp.starttls(context=tls_context())
            if server.user:
                smtp.login(server.user, server.password)
            smtp.ehlo_or_helo_if_needed()
        except BaseException:
            smtp.close()
            raise
        return smtp


def _say_goodbye(smtp: smtplib.SMTP) -> None:
    with suppress(smtplib.SMTPException, OSError):
        smtp.quit()


def compose(mail: Outgoing, is_international: bool = False) -> bytes:
    """Return the mail as bytes for the wire."""
    message = EmailMessage(SMTPUTF8 if is_international else SMTP)
    message["From"] = mail.sender
    message["To"] = mail.recipient
    message["Subject"] = mail.subject
    message["Date"] = formatdate(clock.now().timestamp())
    message["Message-ID"] = f"<{mail.id}@{parseaddr(mail.sender)[1].rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.body.get_secret_value())
    return message.as_bytes()


def _check(answer: tuple[int, bytes]) -> None:
    if answer[0] not in (250, 251):
        raise smtplib.SMTPResponseException(*answer)


@contextmanager
def _reporting(
    otherwise: type[MailDelayed | MailUnsure], refusal: type[MailRefused | MailSetUpWrong] = MailRefused
) -> Iterator[None]:
    """Turn an answer into ``refusal`` (5xx) or delayed (4xx), and a broken connection into ``otherwise``."""
    try:
        yield
    except AddressBlocked as error:
        raise MailSetUpWrong(answer=error.sentence) from None
    except smtplib.SMTPNotSupportedError as error:
        raise refusal(answer=_NO_STARTTLS if "STARTTLS" in str(error) else f"{_words(str(error))}.") from None
    except smtplib.SMTPResponseException as error:
        reply = error.smtp_error
        answer = f"{error.smtp_code} {_words(reply if isinstance(reply, str) else reply.decode(errors='replace'))}"
        if error.smtp_code in _ABOUT_SIGN_IN:
            raise MailSetUpWrong(answer=f"user name or password are not accepted ({answer}).") from None
        if error.smtp_code < 500:
            raise MailDelayed(answer=answer) from None
        raise refusal(answer=answer if refusal is MailRefused else f"the server says {answer}.") from None
    except ssl.SSLCertVerificationError as error:
        why = _words(error.verify_message)
        raise MailSetUpWrong(answer=f"the certificate of the mail server is not trusted ({why}).") from None
    except ssl.SSLError as error:
        if refusal is MailRefused:  # after the handshake it is a connection that broke
            raise otherwise(answer=type(error).__name__) from None
        raise MailSetUpWrong(answer="there is no TLS on this port; check whether smtp or smtps is meant.") from None
    except socket.gaierror:
        raise MailDelayed(answer="its name cannot be found") from None
    except (ConnectionRefusedError, TimeoutError) as error:
        said = "it does not answer" if isinstance(error, TimeoutError) else "it takes no connection on this port"
        raise otherwise(answer=said) from None
    except (smtplib.SMTPException, OSError) as error:
        raise otherwise(answer=type(error).__name__) from None


_NO_STARTTLS = "the server offers no encryption (STARTTLS). Use smtps, or tls=off inside a trusted network."


def _words(text: str) -> str:
    return redact(" ".join(text.split()))[:200]


TRANSPORT = Smtp
