"""Checks what a person enters for a key, before anything of it is stored."""

from __future__ import annotations

import httpx

from core.errors import Invalid
from core.keys.models import KeyDraft
from core.llm.base import Provider
from core.llm.pricing import OwnPrice
from core.security.egress import EgressPolicy

MAX_SECRET = 2000
MAX_URL = 400


def clean_secret(provider: Provider, given: str) -> str:
    """Return a secret without the spaces around it; empty where the provider asks for none."""
    secret = given.strip()
    if not provider.asks_secret:
        return ""
    if provider.needs_secret and not secret:
        raise Invalid(f"Enter the key. {provider.secret_help}", "secret")
    if len(secret) > MAX_SECRET or not (secret.isascii() and secret.isprintable()) or " " in secret:
        raise Invalid("This does not look like a key: it has spaces or unusual characters.", "secret")
    return secret


def clean_url(provider: Provider, given: str, policy: EgressPolicy) -> str:
    """Return where a key leads.

    Raises:
        Invalid: it is not a whole address.
        AddressBlocked: it may not be reached from here.
    """
    if not provider.asks_base_url:
        return provider.default_base_url
    text = given.strip().rstrip("/") or provider.default_base_url
    try:
        url = httpx.URL(text if text.isprintable() else "")
    except httpx.InvalidURL:
        url = httpx.URL("")
    if not url.host or len(text) > MAX_URL or "?" in text or "#" in text:
        raise Invalid("Enter the full address, such as https://models.example.com/v1.", "base_url")
    policy.check_url(url)
    return text


def own_price(draft: KeyDraft) -> OwnPrice | None:
    """Return the price of a draft: both numbers or none."""
    prices = (draft.input_price_micros_per_million, draft.output_price_micros_per_million)
    if prices == (None, None):
        return None
    if any(price is None or not 0 <= price <= 10**12 for price in prices):
        raise Invalid("Enter both prices, in dollars per million tokens, or none.", "price")
    return OwnPrice(int(prices[0] or 0), int(prices[1] or 0))


def mask(secret: str) -> str:
    """Show just enough to tell two keys apart, and nothing of a short one."""
    if not secret:
        return ""
    return f"{secret[:3]}…{secret[-4:]}" if len(secret) >= 16 else "…"
