"""Where mail goes in tests: a transport that keeps it, and a real SMTP server."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, ClassVar, Self, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from core.config import Settings
from core.notify.base import Outgoing, Transport
from core.security.egress import EgressPolicy
from tests.support.app_server import free_port

MAIL_SETTINGS = {
    "SMTP_URL": "smtp://127.0.0.1:9?tls=off",
    "ZOARK_MAIL_FROM": "Zoark <zoark@example.com>",
    "ZOARK_BASE_URL": "https://zoark.example.com",
}


def with_mail(settings: Settings) -> Settings:
    """Return settings with mail set up; tests then put a ``MemoryTransport`` in its place."""
    return Settings.model_validate({**settings.model_dump(by_alias=True), **MAIL_SETTINGS})


class MemoryTransport(Transport):
    """Keeps what it is given; ``fail_with`` makes the next sends fail, in order."""

    name = "memory"
    label = "Memory"
    settings: ClassVar[tuple[str, ...]] = ("SMTP_URL",)
    way = "nowhere"
    daily_cap: ClassVar[int | None] = None

    def __init__(self) -> None:
        self.sent: list[Outgoing] = []
        self.fail_with: list[BaseException] = []
        self.before_send: Callable[[], None] = lambda: None

    @classmethod
    def from_settings(cls, settings: Settings, policy: EgressPolicy) -> Self | None:
        return None

    def send(self, mail: Outgoing) -> None:
        self.before_send()
        if self.fail_with:
            raise self.fail_with.pop(0)
        self.sent.append(mail)


def token_in(text: str) -> str:
    """Return the token of the link in a mail."""
    found = re.search(r"\?token=([\w-]+)", text)
    assert found, text
    return found.group(1)


def link_in(text: str) -> str:
    """Return the link in a mail."""
    found = re.search(r"https?://\S+\?token=\S+", text)
    assert found, text
    return found.group(0)


class Mailbox:
    """A mail server's handler: keeps what it takes; ``answers`` replace its 250 after DATA, in order."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.envelopes: list[Envelope] = []
        self.answers: list[str] = []
        self.refused: dict[str, str] = {}

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any
    ) -> str:
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.answers:
            answer = self.answers.pop(0)
            if answer == "hang up":
                assert server.transport is not None
                server.transport.close()
            return answer
        content = cast(bytes, envelope.original_content)
        self.envelopes.append(envelope)
        self.mails.append(cast(EmailMessage, message_from_bytes(content, policy=default)))
        return "250 taken"

    def wait_for(self, recipient: str, number: int = 1, seconds: float = 180.0) -> str:
        """Return the text of the ``number``-th mail to somebody."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            mine = [mail for mail in self.mails if mail["To"] == recipient]
            if len(mine) >= number:
                return str(mine[number - 1].get_content())
            time.sleep(0.1)
        raise TimeoutError(f"no mail {number} for {recipient}; there are {[m['To'] for m in self.mails]}")


@contextmanager
def smtp_server(mailbox: Mailbox, **options: Any) -> Iterator[int]:
    """Run a real SMTP server on loopback; gives its port."""
    port = free_port()
    controller = Controller(
        mailbox, hostname="127.0.0.1", port=port, ready_timeout=60, server_hostname="localhost", **options
    )
    controller.start()
    try:
        yield port
    finally:
        controller.stop()
