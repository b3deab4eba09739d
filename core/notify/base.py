"""What a mail transport is: one small file in ``transports/`` that states its differences."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Self

import httpcore
import httpx
from pydantic import SecretStr

from core.config import Settings
from core.errors import AddressBlocked, CoreError, Invalid, Unreachable
from core.notify.failures import MailDelayed, MailRefused, MailSetUpWrong, MailUnsure
from core.security.egress import EgressPolicy, guarded_client
from core.security.redact import redact

API_SECONDS = 30.0
API_MAX_BYTES = 100_000
# Answers that ask to come back later although they start with 4.
_TRY_LATER = (408, 429)
# Answers about the key, the account or the address of the API, not about this one mail.
_ABOUT_SET_UP = {
    401: "the key is not accepted",
    402: "the account cannot send now",
    403: "the key or the sender's address may not send",
    404: "there is no such domain, or no API at this address",
    405: "there is no mail API at this address",
}


@dataclass(frozen=True)
class Outgoing:
    """One mail as a transport needs it; ``sender`` may have a name, ``id`` stays the same in every attempt."""

    id: str
    sender: str
    recipient: str
    subject: str
    body: SecretStr


class Transport(ABC):
    """A way to send mail.

    Attributes:
        name: stable identifier.
        label: what people read.
        settings: the settings that choose it; the first one is what its presence depends on.
        daily_cap: mails a day (UTC) that its free tier allows; None without limit.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    settings: ClassVar[tuple[str, ...]]
    daily_cap: ClassVar[int | None] = None

    @classmethod
    @abstractmethod
    def from_settings(cls, settings: Settings, policy: EgressPolicy) -> Self | None:
        """Return the transport when its settings are there, else None; raises ``SettingsWrong``."""

    @property
    @abstractmethod
    def way(self) -> str:
        """Where and how mail is handed over, for an administrator; never a user name or a secret."""

    @abstractmethod
    def send(self, mail: Outgoing) -> None:
        """Hand one mail over.

        Raises:
            MailRefused: trying again cannot help.
            MailSetUpWrong: no mail can be sent with these settings; whoever runs this can mend them.
            MailDelayed: it was certainly not sent; try again later.
            MailUnsure: nobody can say whether it was sent.
        """


def post(policy: EgressPolicy, url: str, **request: object) -> None:
    """Send one POST to a mail API and turn its answer into a transport's errors."""
    try:
        with guarded_client(policy, total_seconds=API_SECONDS, max_bytes=API_MAX_BYTES) as http:
            response = http.post(url, **request)  # type: ignore[arg-type]
            status, text = response.status_code, response.text
    except (AddressBlocked, Invalid) as error:
        raise MailSetUpWrong(answer=error.sentence) from error
    except Unreachable as error:
        # Refused before anything was sent, or closed after the request had left?
        if isinstance(error.__cause__, httpcore.ConnectError | httpcore.ConnectTimeout):
            raise MailDelayed(answer="it cannot be reached") from error
        raise MailUnsure(answer="it gave no answer") from error
    except (CoreError, httpx.HTTPError) as error:
        raise MailUnsure(answer="it gave no answer") from error
    answer = f"{status} {redact(' '.join(text.split()))[:200]}".strip()
    if 200 <= status < 300:
        return
    if 300 <= status < 400 or status in _ABOUT_SET_UP:
        about = _ABOUT_SET_UP.get(status, "there is no mail API at this address")
        raise MailSetUpWrong(answer=f"{about} ({answer}).")
    if 400 <= status < 500 and status not in _TRY_LATER:
        raise MailRefused(answer=answer)
    raise MailDelayed(answer=answer)
