"""What e-mail services have in common: a sender's address, and the transport that sends with their key."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from email.utils import parseaddr
from typing import TYPE_CHECKING

from core.errors import Invalid
from core.keys.kind import Field, Kind
from core.keys.models import Family, Group, OpenKey

if TYPE_CHECKING:
    from core.notify.base import Transport
    from core.security.egress import EgressPolicy

SENDER = Field(
    "sender",
    "Sender",
    help="Whom mails come from. Leave empty to send from the address in ZOARK_MAIL_FROM.",
    placeholder="Zoark <zoark@example.com>",
    is_needed=False,
    leads=False,
)


class EmailKind(Kind):
    """A service that sends mail; an administrator chooses on the page E-mail whether it does.

    Attributes:
        daily_cap: mails a day (UTC) that its free tier allows; None without limit.
    """

    family: Family = "email"
    group: Group = "email"
    fields: tuple[Field, ...] = (SENDER,)
    daily_cap: int | None = None

    def clean(self, given: Mapping[str, str], secret: str, policy: EgressPolicy) -> dict[str, str]:
        """Return the settings; the sender has to be an address."""
        settings = super().clean(given, secret, policy)
        if settings["sender"] and "@" not in parseaddr(settings["sender"])[1]:
            raise Invalid("Write the sender as an address, such as Zoark <zoark@example.com>.", "sender")
        return settings

    @abstractmethod
    def transport(self, opened: OpenKey, policy: EgressPolicy) -> Transport:
        """Return what sends mail with this key, under ``policy``."""
