"""Finds the sign-in providers: every module in ``providers/`` that has a ``PROVIDER``."""

from __future__ import annotations

import importlib
import pkgutil
from functools import lru_cache

from core.errors import NotFound
from core.oauth import providers
from core.oauth.base import Provider

# The order in which people see them; a provider that is not named here comes after, by label.
_ORDER = ("google", "microsoft", "github", "oidc")


@lru_cache
def all_providers() -> dict[str, Provider]:
    """Return every provider by name, in the order of the buttons."""
    found: list[Provider] = []
    for module in pkgutil.iter_modules(providers.__path__):
        found.append(importlib.import_module(f"{providers.__name__}.{module.name}").PROVIDER)
    found.sort(key=lambda p: (_ORDER.index(p.name) if p.name in _ORDER else len(_ORDER), p.label))
    return {provider.name: provider for provider in found}


def provider_named(name: str) -> Provider:
    """Return one provider.

    Raises:
        NotFound: there is none of this name.
    """
    try:
        return all_providers()[name]
    except KeyError:
        raise NotFound(what="sign-in provider") from None
