"""Mailgun's HTTP API."""

from __future__ import annotations

from typing import Self
from urllib.parse import quote

from pydantic import SecretStr

from core.config import Settings
from core.errors import SettingsWrong
from core.notify.base import Outgoing, Transport, post
from core.security.egress import EgressPolicy


class Mailgun(Transport):
    """``POST /v3/<domain>/messages``."""

    name = "mailgun"
    label = "Mailgun"
    settings = ("MAILGUN_API_KEY", "MAILGUN_DOMAIN")

    def __init__(self, key: SecretStr, domain: str, base_url: str, policy: EgressPolicy) -> None:
        """Send with ``key`` from ``domain``."""
        self._key = key
        self._url = f"{base_url}/v3/{quote(domain, safe='')}/messages"
        self._way = f"{domain} at {base_url}"
        self._policy = policy

    @classmethod
    def from_settings(cls, settings: Settings, policy: EgressPolicy) -> Self | None:
        """Return the transport when there is a key.

        Raises:
            SettingsWrong: the domain is missing.
        """
        if not settings.mailgun_api_key.get_secret_value():
            return None
        if not settings.mailgun_domain:
            raise SettingsWrong("MAILGUN_DOMAIN is missing: Mailgun needs the domain that sends.")
        url = settings.mail_api_url or "https://api.mailgun.net"
        return cls(settings.mailgun_api_key, settings.mailgun_domain, url.rstrip("/"), policy)

    @property
    def way(self) -> str:
        """The sending domain and the API's address."""
        return self._way

    def send(self, mail: Outgoing) -> None:
        """Hand one mail over."""
        form = {
            "from": mail.sender,
            "to": mail.recipient,
            "subject": mail.subject,
            "text": mail.body.get_secret_value(),
            "o:tracking": "no",  # it would replace our links by its own
        }
        post(self._policy, self._url, data=form, auth=("api", self._key.get_secret_value()))


TRANSPORT = Mailgun
