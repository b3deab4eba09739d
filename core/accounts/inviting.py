"""Inviting many people at once, as they are pasted: the good addresses are invited, the others come back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import SecretStr

from core.accounts.mail_links import MailLinks
from core.accounts.models import Role, User
from core.errors import CoreError, Invalid

AT_ONCE = 100
# A hundred addresses with their people's names fit well.
MAX_TEXT = 30_000
_SEPARATORS = re.compile(r"[\n\r,;]+")
_IN_BRACKETS = re.compile(r"<([^<>]*)>")


@dataclass(frozen=True)
class Invited:
    """What became of one address: invited by mail, invited by a ``link`` to hand over, or not (``error``)."""

    address: str
    link: SecretStr | None = None
    error: str | None = None


def addresses_in(text: str) -> list[str]:
    """Return what stands for an address in pasted text, each once; ``Ada <ada@example.com>`` is ada@example.com.

    Raises:
        Invalid: there is none, or there are too many.
    """
    if len(text) > MAX_TEXT:
        raise _too_many()
    found: list[str] = []
    for piece in _SEPARATORS.split(text):
        named = _IN_BRACKETS.search(piece)
        words = (named.group(1) if named else piece).split()
        # Addresses with a space between them, but not a name and its address.
        found += words if all("@" in word for word in words) else [" ".join(words)]
    distinct: dict[str, str] = {}
    for address in filter(None, found):
        distinct.setdefault(address.casefold(), address)
    if not distinct:
        raise Invalid("Enter at least one e-mail address.", "email")
    if len(distinct) > AT_ONCE:
        raise _too_many()
    return list(distinct.values())


def invite_all(
    links: MailLinks, actor: User, text: str, role: Role, department: str | None, site: str
) -> Sequence[Invited]:
    """Invite everybody in pasted text and return what became of each, in order; see ``MailLinks.invite``.

    Raises:
        Invalid: there is no address in it, or there are too many.
    """
    return [_invite(links, actor, address, role, department, site) for address in addresses_in(text)]


def _too_many() -> Invalid:
    return Invalid(f"Invite {AT_ONCE} people at most at once.", "email")


def _invite(links: MailLinks, actor: User, address: str, role: Role, department: str | None, site: str) -> Invited:
    try:
        return Invited(address, link=links.invite(actor, address, role, department, site))
    except CoreError as error:
        return Invited(address, error=error.sentence)
