"""Any server with OpenAI's API: vLLM, LM Studio, llama.cpp, Together, DeepSeek, an own gateway."""

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
        "Any server that speaks OpenAI's API, such as LM Studio at `http://127.0.0.1:1234/v1` or vLLM at "
        "`http://127.0.0.1:8000/v1`. An administrator allows a private address once, in ZOARK_ENDPOINT_ALLOWLIST."
    )
    pricing: ClassVar[Pricing] = "own"
    needs_secret = False
    asks_base_url = True
    default_base_url = ""
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
