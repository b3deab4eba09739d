"""Finds the mail transports: every module in ``transports/`` that has a ``TRANSPORT``."""

from __future__ import annotations

from email.utils import parseaddr
from functools import lru_cache

import httpx

from core.config import Settings
from core.discovery import found_in
from core.errors import SettingsWrong
from core.notify import transports
from core.notify.base import Transport
from core.security.egress import EgressPolicy


@lru_cache
def all_transports() -> dict[str, type[Transport]]:
    """Return every kind of transport by name."""
    return {kind.name: kind for kind in found_in(transports, "TRANSPORT")}


def chosen_transport(settings: Settings, policy: EgressPolicy) -> Transport | None:
    """Return the transport that is set up, or None.

    Raises:
        SettingsWrong: two are set up, or the sender or our own address is missing.
    """
    made = [kind.from_settings(settings, policy) for kind in all_transports().values()]
    chosen = [transport for transport in made if transport is not None]
    if not chosen:
        return None
    if len(chosen) > 1:
        raise SettingsWrong("Set one of SMTP_URL, SENDGRID_API_KEY and MAILGUN_API_KEY, not several.")
    if "@" not in parseaddr(settings.mail_from)[1] or not settings.mail_from.isprintable():
        raise SettingsWrong("ZOARK_MAIL_FROM is missing: write Zoark <zoark@example.com>.")
    if not _is_address(settings.base_url):
        raise SettingsWrong("ZOARK_BASE_URL is missing: write the address people open, https://zoark.example.com.")
    return chosen[0]


def _is_address(text: str) -> bool:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        return False
    return url.scheme in ("http", "https") and bool(url.host)
