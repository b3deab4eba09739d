"""SendGrid, by its API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.errors import BadKey, BadResponse, KeyForbidden
from core.keys.email_kind import EmailKind
from core.keys.kind import Found, Reach
from core.llm.base import get_json
from core.notify.transports.sendgrid import SendGrid

if TYPE_CHECKING:
    from core.keys.models import OpenKey
    from core.security.egress import EgressPolicy


class SendGridKind(EmailKind):
    """An API key that may send mail."""

    name = "sendgrid"
    label = "SendGrid"
    about = "Sends mail with your SendGrid account. The sender's address has to be verified there."
    secret_help = "SendGrid → Settings → API Keys → Create API Key, with access to Mail Send."
    daily_cap = SendGrid.daily_cap
    asks_base_url = True
    default_base_url = "https://api.sendgrid.com"
    address_help = "European accounts: https://api.eu.sendgrid.com"
    advice = {  # noqa: RUF012
        "key_forbidden": "Give the key access to Mail Send at SendGrid, or take another with Replace secret.",
    }

    def check(self, opened: OpenKey, reach: Reach) -> Found:
        """Ask what the key may do; nothing is sent."""
        if opened.endpoint.secret is None:
            raise BadKey
        document = get_json(reach.http, f"{opened.endpoint.base_url}/v3/scopes", opened.endpoint.bearer())
        scopes = document.get("scopes") if isinstance(document, dict) else None
        if not isinstance(scopes, list):
            raise BadResponse
        if "mail.send" not in scopes:
            raise KeyForbidden
        return Found("SendGrid accepts this key, and it may send mail.")

    def transport(self, opened: OpenKey, policy: EgressPolicy) -> SendGrid:
        """Return the transport of this account."""
        if opened.endpoint.secret is None:
            raise BadKey
        return SendGrid(opened.endpoint.secret, opened.endpoint.base_url, policy)


KIND = SendGridKind()
