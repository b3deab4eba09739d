"""A mailbox at any mail server that speaks SMTP."""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from core.errors import AddressBlocked, BadResponse, CoreError, Invalid, ModelTimeout
from core.keys.email_kind import SENDER, EmailKind
from core.keys.failures import MailSignInRefused, NoAnswer, TlsFailed
from core.keys.kind import Field, Found, Reach
from core.notify.guarded_smtp import PORTS, guarded_smtp
from core.notify.transports.smtp import Smtp, SmtpServer

if TYPE_CHECKING:
    from core.keys.models import Key, OpenKey
    from core.security.egress import EgressPolicy

TLS = {
    "starttls": "STARTTLS (usually port 587)",
    "implicit": "TLS at once (usually port 465)",
    "off": "None, inside a trusted network",
}
_PORT = re.compile(r"[0-9]{1,5}")


class SmtpKind(EmailKind):
    """User name and password of a mailbox."""

    name = "smtp"
    label = "SMTP"
    about = "Sends mail through any mail server: your company's, Microsoft 365, Google Workspace, Amazon SES."
    fields = (
        Field(
            "host", "Mail server", placeholder="smtp.example.com", help="Your mail provider calls it SMTP server."
        ),
        Field("port", "Port", default="587"),
        Field("tls", "Encryption", default="starttls", choices=TLS),
        Field("user", "User name", help="Often the whole e-mail address.", is_needed=False),
        SENDER,
    )
    needs_secret = False
    secret_label = "Password"
    secret_help = "The mailbox's password. Google and Microsoft want an app password, made in your account there."
    secret_is_words = True
    advice: Mapping[str, str] = {
        "tls_failed": "Choose the other encryption or its port with Change address. The server has to be named as "
        "on its certificate.",
        "bad_response": "Check server and port with Change address: this port does not speak SMTP.",
    }

    def clean(self, given: Mapping[str, str], secret: str, policy: EgressPolicy) -> dict[str, str]:
        """Return the settings; without encryption only servers that an administrator has listed."""
        settings = super().clean(given, secret, policy)
        settings["host"] = settings["host"].lower().removeprefix("smtp://").strip("/[]")
        if not _PORT.fullmatch(settings["port"]):
            raise Invalid("The port is a number, usually 587.", "port")
        port = int(settings["port"])
        settings["port"] = str(port)
        policy.with_ports(*PORTS).check_server(settings["host"], port)
        if settings["tls"] == "off" and not policy.allows(settings["host"], port):
            raise AddressBlocked("a password is not sent without encryption")
        if bool(settings["user"]) != bool(secret):
            raise Invalid("Enter both user name and password, or none of them.", "user")
        if not settings["user"].isascii():
            raise Invalid("The user name has unusual characters.", "user")
        return settings

    def leads_to(self, key: Key) -> str:
        """Host and port."""
        return f"{key.settings['host']}:{key.settings['port']}"

    def check(self, opened: OpenKey, reach: Reach) -> Found:
        """Sign in and say goodbye; nothing is sent."""
        server = server_of(opened)
        with _reported(), guarded_smtp(server, reach.policy, reach.seconds) as smtp:
            smtp.noop()
            smtp.quit()
        return Found(
            "The mail server accepts user name and password." if server.user else "The mail server answers."
        )

    def transport(self, opened: OpenKey, policy: EgressPolicy) -> Smtp:
        """Return the transport of this mailbox."""
        return Smtp(server_of(opened), policy)


def server_of(opened: OpenKey) -> SmtpServer:
    """Return where and how an opened key signs in."""
    said = opened.key.settings
    secret = opened.endpoint.secret
    password = secret.get_secret_value() if secret else ""
    return SmtpServer(said["host"], int(said["port"]), said["tls"], said["user"], password)


@contextmanager
def _reported() -> Iterator[None]:
    """Turn what smtplib raises into one of the codes of a key's test; what the server wrote is not repeated."""
    try:
        yield
    except CoreError:
        raise
    except smtplib.SMTPAuthenticationError:
        raise MailSignInRefused from None
    except smtplib.SMTPNotSupportedError as error:
        if "STARTTLS" in str(error):
            raise TlsFailed(reason="the mail server offers no encryption (STARTTLS) on this port") from None
        raise MailSignInRefused from None
    except smtplib.SMTPResponseException as error:
        if error.smtp_code in (530, 534, 535, 538):
            raise MailSignInRefused from None
        raise BadResponse from None
    except ssl.SSLCertVerificationError:
        raise TlsFailed(reason="the certificate of the mail server is not trusted") from None
    except ssl.SSLError:
        raise TlsFailed(reason="this port is not encrypted from the start") from None
    except socket.gaierror:
        raise NoAnswer(reason="there is no server of this name") from None
    except ConnectionRefusedError:
        raise NoAnswer(reason="it takes no connection on this port") from None
    except TimeoutError:
        raise ModelTimeout from None
    except (smtplib.SMTPException, OSError):
        raise NoAnswer(reason="it closed the connection") from None


KIND = SmtpKind()
