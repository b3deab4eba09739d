"""Anthropic's own API. Its SDK speaks httpx2, so its client is built here, over the httpx2 face of the guard."""

from __future__ import annotations

from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from core.llm.base import ChatOptions, Endpoint, Provider, get_json, names_in
from core.llm.prebuilt import build_models

if TYPE_CHECKING:
    from langchain_core.language_models.chat_models import BaseChatModel

    from core.security.egress import GuardedClient

API_VERSION = "2023-06-01"
HIGHEST_TEMPERATURE = 1.0
LISTED = 1000  # the most that one page may have; there are a few dozen


class Anthropic(Provider):
    """Claude models with a key of one's own."""

    name = "anthropic"
    label = "Anthropic"
    about = "Claude models with your own Anthropic key. You pay Anthropic for what you use."
    default_base_url = "https://api.anthropic.com"
    secret_help = "console.anthropic.com → API keys → Create key. It begins with sk-ant-."
    example_models: ClassVar[tuple[str, ...]] = (
        "claude-sonnet-5-5",
        "claude-haiku-5-5",
        "claude-opus-5-5",
        "claude-sonnet-4-5",
    )

    def list_models(self, endpoint: Endpoint, http: GuardedClient) -> list[str]:
        """Return the models of ``GET /v1/models``; all of them chat."""
        headers = {"x-api-key": self.secret_of(endpoint).get_secret_value(), "anthropic-version": API_VERSION}
        return names_in(get_json(http, f"{endpoint.base_url}/v1/models?limit={LISTED}", headers), "data", "id")

    def chat_model(self, endpoint: Endpoint, options: ChatOptions, http: GuardedClient) -> BaseChatModel:
        """Return ``ChatAnthropic`` whose SDK sends through the guarded transport."""
        secret = self.secret_of(endpoint)
        model: Any = _guarded_class()(
            model_name=options.model,
            api_key=secret,
            base_url=endpoint.base_url,
            temperature=min(options.temperature, HIGHEST_TEMPERATURE),
            max_tokens_to_sample=options.max_output_tokens,
            timeout=options.timeout_seconds,
            max_retries=0,
            stop=None,
            stream_usage=options.stream_usage,
            anthropic_proxy=None,  # else the environment is asked for one
        )
        model._http = http
        chat: BaseChatModel = model
        return chat


@cache
def _guarded_class() -> Any:
    """Return ``ChatAnthropic`` as it is used here; made once, because making a class takes 7 ms."""
    import anthropic
    from anthropic.types import RawMessageStreamEvent
    from langchain_anthropic import ChatAnthropic
    from pydantic import PrivateAttr

    from core.security.egress.httpx2_face import guarded_httpx2_client, refusing_async_httpx2_client

    build_models(RawMessageStreamEvent)

    class GuardedChatAnthropic(ChatAnthropic):
        """Builds both clients of the SDK itself: the ones it would build know no guard."""

        _http: Any = PrivateAttr()

        @cached_property
        def _client(self) -> anthropic.Client:
            http_client = guarded_httpx2_client(self._http)
            return anthropic.Client(**self._client_params, http_client=http_client, open_telemetry=False)

        @cached_property
        def _async_client(self) -> anthropic.AsyncClient:
            http_client = refusing_async_httpx2_client()
            return anthropic.AsyncClient(**self._client_params, http_client=http_client, open_telemetry=False)

    return GuardedChatAnthropic


PROVIDER = Anthropic()
