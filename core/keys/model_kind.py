"""Every model provider is a kind of key."""

from __future__ import annotations

from collections.abc import Mapping

from core.keys.failures import NoModels
from core.keys.kind import Found, Kind, Reach
from core.keys.models import Family, Group, OpenKey
from core.llm.base import Provider

SHOWN = 12


class ModelKind(Kind):
    """A key of one model provider. What the provider states is asked when it is needed, not copied."""

    family: Family = "llm"

    def __init__(self, provider: Provider) -> None:
        """Speak for ``provider``."""
        self.provider = provider
        self.name = provider.name
        self.label = provider.label
        self.about = provider.about
        self.group: Group = "local" if provider.is_local else "models"
        self.asks_secret = provider.asks_secret
        self.needs_secret = provider.needs_secret
        self.secret_help = provider.secret_help
        self.asks_base_url = provider.asks_base_url
        self.address_help = provider.address_help
        self.asks_price = provider.asks_price
        self.is_built_in = provider.is_built_in
        self.advice: Mapping[str, str] = {"no_models": provider.no_models_help} if provider.no_models_help else {}

    @property
    def default_base_url(self) -> str:  # type: ignore[override]
        """The provider's own address."""
        return self.provider.default_base_url

    def check(self, opened: OpenKey, reach: Reach) -> Found:
        """Ask for the models: that costs nothing, and an endpoint without any is of no use."""
        models = self.provider.list_models(opened.endpoint, reach.http)
        if not models:
            raise NoModels
        return Found(f"{self.label} accepts this key.", tuple(models))


def said_of(models: tuple[str, ...]) -> str:
    """Return which models a key may use, as one sentence; empty when that is not known."""
    if not models:
        return ""
    more = len(models) - SHOWN
    return f"{', '.join(models[:SHOWN])}{f' and {more} more' if more > 0 else ''}"
