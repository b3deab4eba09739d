"""Finds the providers: every module in ``providers/`` that has a ``PROVIDER``."""

from __future__ import annotations

from functools import lru_cache

from core.discovery import found_in, in_order
from core.errors import NotFound
from core.llm import providers
from core.llm.base import Provider

# The order in which people see them; a provider that is not named here comes after, by label.
_ORDER = (
    *("openai", "anthropic", "gemini", "mistral", "groq", "openai_compatible"),
    *("ollama", "lm_studio", "vllm", "local"),
)


@lru_cache
def all_providers() -> dict[str, Provider]:
    """Return every provider by name, in the order of the pickers."""
    return in_order(found_in(providers, "PROVIDER"), _ORDER)


def provider_named(name: str) -> Provider:
    """Return one provider.

    Raises:
        NotFound: there is none of this name.
    """
    try:
        return all_providers()[name]
    except KeyError:
        raise NotFound(what="provider") from None
