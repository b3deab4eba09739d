"""Finds the sign-in providers: every module in ``providers/`` that has a ``PROVIDER``."""

from __future__ import annotations

from functools import lru_cache

from core.discovery import found_in, in_order
from core.errors import NotFound
from core.oauth import providers
from core.oauth.base import Provider

# The order in which people see them; a provider that is not named here comes after, by label.
_ORDER = ("google", "microsoft", "github", "oidc")


@lru_cache
def all_providers() -> dict[str, Provider]:
    """Return every provider by name, in the order of the buttons."""
    return in_order(found_in(providers, "PROVIDER"), _ORDER)


def provider_named(name: str) -> Provider:
    """Return one provider.

    Raises:
        NotFound: there is none of this name.
    """
    try:
        return all_providers()[name]
    except KeyError:
        raise NotFound(what="sign-in provider") from None
