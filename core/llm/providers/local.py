"""The built-in demo model: a small open model that the worker serves on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.llm.local.about import MODEL_NAME
from core.llm.providers.openai_compatible import OpenAICompatible

if TYPE_CHECKING:
    from core.llm.base import Endpoint
    from core.security.egress import GuardedClient


class Local(OpenAICompatible):
    """llama.cpp's server, started and stopped by the worker; address and key are made up at each start."""

    name = "local"
    label = "Built-in demo model"
    about = (
        "A small open model on this machine: no key, no cost, no data leaves. It is for trying things out; "
        "it is right on about half of simple tickets. Fetched once (491 MB), needs 600 MB of memory."
    )
    pricing = "free"
    asks_secret = False
    asks_base_url = False
    asks_price = False
    is_local = True
    is_built_in = True
    example_models = (MODEL_NAME,)

    def list_models(self, endpoint: Endpoint, http: GuardedClient) -> list[str]:
        """Return the one model there is."""
        return [MODEL_NAME]


PROVIDER = Local()
