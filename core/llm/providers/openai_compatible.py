"""Any server with OpenAI's API: llama.cpp, Together, DeepSeek, an own gateway; LM Studio and vLLM build on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from core.llm.base import Endpoint, Pricing, get_json, names_in
from core.llm.providers.openai import OpenAI

if TYPE_CHECKING:
    from core.security.egress import GuardedClient


class OpenAICompatible(OpenAI):
    """The same wire format at another address."""

    name = "openai_compatible"
    label = "OpenAI-compatible endpoint"
    about = (
        "Any server that speaks OpenAI's API: a gateway of your own, DeepSeek, Together. An administrator allows a "
        "private address once, in ZOARK_ENDPOINT_ALLOWLIST."
    )
    pricing: ClassVar[Pricing] = "own"
    needs_secret = False
    asks_base_url = True
    default_base_url = ""
    address_help = "The whole address of the API, with its path; it often ends with /v1."
    asks_price = True
    no_models_help = "Load or offer a model on that server, then test again."
    secret_help = "Leave empty when the server asks for none."
    example_models: ClassVar[tuple[str, ...]] = ()

    def list_models(self, endpoint: Endpoint, http: GuardedClient) -> list[str]:
        """Return everything that ``GET /models`` lists; only the server knows what chats."""
        return names_in(get_json(http, f"{endpoint.base_url}/models", endpoint.bearer()), "data", "id")

    def _output_limit(self, tokens: int) -> Mapping[str, Any]:
        """Send ``max_tokens``: most compatible servers know only the older name.

        ``ChatOpenAI`` renames it wherever it finds it, except in the extra body.
        """
        return {"extra_body": {"max_tokens": tokens}}


PROVIDER = OpenAICompatible()
