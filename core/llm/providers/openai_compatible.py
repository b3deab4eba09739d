"""Any server with OpenAI's API: vLLM, LM Studio, llama.cpp, Together, DeepSeek, an own gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.llm.base import Endpoint, get_json, names_in
from core.llm.providers.openai import OpenAI

if TYPE_CHECKING:
    from langchain_core.language_models.chat_models import BaseChatModel

    from core.llm.base import ChatOptions
    from core.security.egress import GuardedClient


class OpenAICompatible(OpenAI):
    """The same wire format at another address."""

    name = "openai_compatible"
    label = "OpenAI-compatible endpoint"
    about = "Any server that speaks OpenAI's API. Give its address and, if it asks for one, a key."
    pricing = "own"
    needs_secret = False
    asks_base_url = True
    default_base_url = ""
    secret_help = "Leave empty when the server asks for none."
    example_models = ()

    def list_models(self, endpoint: Endpoint, http: GuardedClient) -> list[str]:
        """Return everything that ``GET /models`` lists; only the server knows what chats."""
        return names_in(get_json(http, f"{endpoint.base_url}/models", endpoint.bearer()), "data", "id")

    def chat_model(self, endpoint: Endpoint, options: ChatOptions, http: GuardedClient) -> BaseChatModel:
        """Return ``ChatOpenAI`` with ``max_tokens``: most compatible servers know only the older name."""
        model = super().chat_model(endpoint, options, http)
        model.max_tokens = None  # type: ignore[attr-defined]
        model.model_kwargs = {"max_tokens": options.max_output_tokens}  # type: ignore[attr-defined]
        return model


PROVIDER = OpenAICompatible()
