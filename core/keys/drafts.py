"""Checks what a person enters for a key, before anything of it is stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import httpx

from core import clock
from core.errors import Invalid
from core.keys.kind import Kind
from core.keys.models import Key, KeyDraft
from core.llm.pricing import OwnPrice
from core.names import clean_name
from core.security.egress import EgressPolicy

MAX_NAME = 80
MAX_SECRET = 2000
MAX_URL = 400
_PRICE = "input_price_micros_per_million"


def new_key(kind: Kind, draft: KeyDraft, policy: EgressPolicy, owner_id: str) -> tuple[Key, str]:
    """Return a new key and its secret; raises ``Invalid`` and ``AddressBlocked``."""
    name = clean_name(draft.name, MAX_NAME, "Give the key a name")
    secret = clean_secret(kind, draft.secret)
    key = Key(
        id=clock.new_id("key"),
        owner_id=owner_id,
        name=name,
        provider=kind.name,
        base_url=clean_url(kind, draft.base_url, policy),
        hint=mask(secret, kind),
        secret_version=1,
        own_price=own_price(draft) if kind.asks_price else None,
        created_at=clock.now(),
        tested_at=None,
        test_code=None,
        last_used_at=None,
        is_pool=draft.pool,
        family=kind.family,
        settings=kind.clean(draft.settings, secret, policy),
    )
    return key, secret


def with_secret(key: Key, kind: Kind, given: str) -> tuple[Key, str]:
    """Return a key as it is with another secret, and that secret; raises ``Invalid``."""
    secret = clean_secret(kind, given)
    return replace(key, hint=mask(secret, kind), secret_version=key.secret_version + 1), secret


def moved(
    key: Key, kind: Kind, base_url: str, given: str, settings: Mapping[str, str] | None, policy: EgressPolicy
) -> tuple[Key, str]:
    """Return a key as it leads elsewhere, and its secret, entered again; raises ``Invalid``, ``AddressBlocked``."""
    if not kind.has_address:
        raise Invalid(f"The address of {kind.label} cannot be changed.", "base_url")
    after, secret = with_secret(key, kind, given)
    return replace(
        after,
        base_url=clean_url(kind, base_url, policy),
        settings=kind.clean(key.settings if settings is None else settings, secret, policy),
    ), secret


def clean_secret(kind: Kind, given: str) -> str:
    """Return a secret without the spaces around it; empty where the kind asks for none."""
    secret = given.strip()
    if not kind.asks_secret:
        return ""
    if kind.needs_secret and not secret:
        raise Invalid(f"Enter the {kind.secret_label.lower()}. {kind.secret_help}", "secret")
    is_long = len(secret) > MAX_SECRET
    if is_long or not (secret.isascii() and secret.isprintable()) or (" " in secret and not kind.secret_is_words):
        raise Invalid("This does not look like a key: it has spaces or unusual characters.", "secret")
    return secret


def clean_url(kind: Kind, given: str, policy: EgressPolicy) -> str:
    """Return where a key leads.

    Raises:
        Invalid: it is not a whole address.
        AddressBlocked: it may not be reached from here.
    """
    if not kind.asks_base_url:
        return kind.default_base_url
    text = given.strip().rstrip("/") or kind.default_base_url
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
        raise Invalid("Enter both prices, in dollars per million tokens, or none.", _PRICE)
    return OwnPrice(int(prices[0] or 0), int(prices[1] or 0))


def mask(secret: str, kind: Kind) -> str:
    """Show just enough to tell two keys apart, and nothing of a short one or a password."""
    if not secret:
        return ""
    if kind.secret_is_words:
        return "…"
    return f"{secret[:3]}…{secret[-4:]}" if len(secret) >= 16 else "…"
