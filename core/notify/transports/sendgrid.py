"""SendGrid's HTTP API, version 3."""

from __future__ import annotations

from email.utils import parseaddr
from typing import Self

from pydantic import SecretStr

from core.config import Settings
from core.notify.base import Outgoing, Transport, post
from core.security.egress import EgressPolicy


class SendGrid(Transport):
    """``POST /v3/mail/send``. Its free tier allows 100 mails a day."""

    name = "sendgrid"
    label = "SendGrid"
    settings = ("SENDGRID_API_KEY",)
    daily_cap = 100

    def __init__(self, key: SecretStr, base_url: str, policy: EgressPolicy) -> None:
        """Send with ``key`` to ``base_url``."""
        self._key = key
        self._base_url = base_url
        self._policy = policy

    @classmethod
    def from_settings(cls, settings: Settings, policy: EgressPolicy) -> Self | None:
        """Return the transport when there is a key."""
        if not settings.sendgrid_api_key.get_secret_value():
            return None
        url = settings.mail_api_url or "https://api.sendgrid.com"
        return cls(settings.sendgrid_api_key, url.rstrip("/"), policy)

    @property
    def way(self) -> str:
        """The API's address."""
        return self._base_url

    def send(self, mail: Outgoing) -> None:
        """Hand one mail over."""
        name, address = parseaddr(mail.sender)
        sender = {"email": address, **({"name": name} if name else {})}
        document = {
            "personalizations": [{"to": [{"email": mail.recipient}]}],
            "from": sender,
            "subject": mail.subject,
            "content": [{"type": "text/plain", "value": mail.body.get_secret_value()}],
            # It would replace our links by its own.
            "tracking_settings": {"click_tracking": {"enable": False}, "open_tracking": {"enable": False}},
        }
        headers = {"Authorization": f"Bearer {self._key.get_secret_value()}"}
        post(self._policy, f"{self._base_url}/v3/mail/send", json=document, headers=headers)


TRANSPORT = SendGrid
