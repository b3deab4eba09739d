"""Mailgun, by its API."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from core.errors import BadKey, Invalid
from core.keys.email_kind import SENDER, EmailKind
from core.keys.failures import NothingThere
from core.keys.kind import Field, Found, Reach
from core.llm.failures import from_response
from core.notify.transports.mailgun import Mailgun

if TYPE_CHECKING:
    from core.keys.models import Key, OpenKey
    from core.security.egress import EgressPolicy

_DOMAIN = re.compile(r"[a-z0-9]([a-z0-9.-]{0,250}[a-z0-9])?")


class MailgunKind(EmailKind):
    """An API key or a sending key of one domain."""

    name = "mailgun"
    label = "Mailgun"
    about = "Sends mail with your Mailgun account, from one of its domains."
    fields = (
        Field("domain", "Sending domain", placeholder="mg.example.com", help="Mailgun → Send → Sending → Domains"),
        SENDER,
    )
    secret_help = "Mailgun → Send → Sending → Domain settings → Sending keys; or an API key of the account."
    asks_base_url = True
    default_base_url = "https://api.mailgun.net"
    address_help = "European accounts: https://api.eu.mailgun.net"
    advice = {  # noqa: RUF012
        "nothing_there": "Check the sending domain, and that the address is the one of your region, with Change "
        "address.",
    }

    def clean(self, given: Mapping[str, str], secret: str, policy: EgressPolicy) -> dict[str, str]:
        """Return the settings."""
        settings = super().clean(given, secret, policy)
        settings["domain"] = settings["domain"].lower()
        if not _DOMAIN.fullmatch(settings["domain"]):
            raise Invalid("Write the sending domain as mg.example.com.", "domain")
        return settings

    def leads_to(self, key: Key) -> str:
        """Return the sending domain."""
        return key.settings["domain"]

    def check(self, opened: OpenKey, reach: Reach) -> Found:
        """Ask to send a mail to nobody: a key that may only send can do nothing else, and nothing is sent.

        Mailgun looks at the key first (401), then at the domain (404), then at the mail, which it refuses (400).
        """
        if opened.endpoint.secret is None:
            raise BadKey
        domain = opened.key.settings["domain"]
        response = reach.http.post(
            f"{opened.endpoint.base_url}/v3/{domain}/messages",
            data={"o:testmode": "yes"},
            auth=("api", opened.endpoint.secret.get_secret_value()),
        )
        if response.status_code == 404:
            raise NothingThere(where=f"the domain {domain}")
        if response.status_code != 400:
            raise from_response(response.status_code, response.text)
        return Found("Mailgun accepts this key for the domain.")

    def transport(self, opened: OpenKey, policy: EgressPolicy) -> Mailgun:
        """Return the transport of this domain."""
        if opened.endpoint.secret is None:
            raise BadKey
        return Mailgun(opened.endpoint.secret, opened.key.settings["domain"], opened.endpoint.base_url, policy)


KIND = MailgunKind()
