"""Finds the kinds of keys: the model providers, and every module in ``kinds/`` that has a ``KIND``."""

from __future__ import annotations

from functools import lru_cache

from core.discovery import found_in, in_order
from core.errors import NotFound
from core.keys import kinds
from core.keys.kind import Kind
from core.keys.model_kind import ModelKind
from core.llm.registry import all_providers

# The order in which people see them; a kind that is not named here comes after, by label.
_ORDER = ("smtp", "sendgrid", "mailgun", "service_bearer", "service_header", "service_query")


@lru_cache
def all_kinds() -> dict[str, Kind]:
    """Return every kind by name, in the order of the pickers."""
    models: dict[str, Kind] = {name: ModelKind(provider) for name, provider in all_providers().items()}
    return models | in_order(found_in(kinds, "KIND"), _ORDER)


def kind_named(name: str) -> Kind:
    """Return one kind.

    Raises:
        NotFound: there is none of this name.
    """
    try:
        return all_kinds()[name]
    except KeyError:
        raise NotFound(what="kind of key") from None
