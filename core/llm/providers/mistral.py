"""Mistral's own API. LangChain words the messages; the requests are sent here.

LangChain's client takes a redirect for an answer, hides what was refused behind a streaming error, and does not
count what came from the cache.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

from core.errors import BadResponse
from core.llm.base import ChatOptions, Endpoint, Provider, get_json, names_in
from core.llm.failures import from_response

if TYPE_CHECKING:
    from langchain_core.language_models.chat_models import BaseChatModel
    from langchain_core.outputs import ChatGenerationChunk, ChatResult

    from core.security.egress import GuardedClient

HIGHEST_TEMPERATURE = 1.0


class Mistral(Provider):
    """Mistral with a key of one's own."""

    name = "mistral"
    label = "Mistral"
    about = "Mistral's models with your own Mistral key. You pay Mistral for what you use."
    default_base_url = "https://api.mistral.ai/v1"
    secret_help = "console.mistral.ai → API keys → Create new key"
    example_models: ClassVar[tuple[str, ...]] = (
        "mistral-small-latest",
        "mistral-medium-latest",
        "mistral-large-latest",
        "ministral-8b-latest",
    )

    def list_models(self, endpoint: Endpoint, http: GuardedClient) -> list[str]:
        """Return the models of ``GET /models`` that chat; an alias is a model of its own there."""
        document = get_json(http, f"{endpoint.base_url}/models", self._authorised(endpoint))
        try:
            chat = [item for item in document["data"] if item.get("capabilities", {}).get("completion_chat", True)]
        except (KeyError, TypeError, AttributeError) as error:
            raise BadResponse from error
        return sorted(set(names_in({"data": chat}, "data", "id")))

    def chat_model(self, endpoint: Endpoint, options: ChatOptions, http: GuardedClient) -> BaseChatModel:
        """Return ``ChatMistralAI`` that sends through the guarded transport."""
        secret = self.secret_of(endpoint)
        from core.security.egress import refusing_async_client

        model: Any = _guarded_class()(
            model_name=options.model,
            api_key=secret,
            base_url=endpoint.base_url,
            temperature=min(options.temperature, HIGHEST_TEMPERATURE),
            max_tokens=options.max_output_tokens,
            client=http,
            async_client=refusing_async_client(),
        )
        model._headers = self._authorised(endpoint)
        chat: BaseChatModel = model
        return chat

    def _authorised(self, endpoint: Endpoint) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secret_of(endpoint).get_secret_value()}"}


@cache
def _guarded_class() -> Any:
    """Return ``ChatMistralAI`` as it is used here; made once, because making a class takes 6 ms."""
    from httpx_sse import EventSource, SSEError
    from langchain_mistralai import ChatMistralAI
    from pydantic import PrivateAttr

    class GuardedChatMistral(ChatMistralAI):
        """One request a call, its refusals named, its cached tokens counted."""

        _headers: dict[str, str] = PrivateAttr()

        def completion_with_retry(self, run_manager: Any = None, **body: Any) -> Any:
            """Send without a second try: the step retries."""
            usages: list[Any] = body.pop("usages", [])
            if body.get("stream"):
                return self._events(body, usages)
            response = self.client.post(self._url, json=body, headers=self._headers)
            if response.status_code != 200:
                raise from_response(response.status_code, response.text)
            return response.json()

        @property
        def _url(self) -> str:
            return f"{self.endpoint}/chat/completions"

        def _events(self, body: dict[str, Any], usages: list[Any]) -> Iterator[dict[str, Any]]:
            """Yield the pieces of a streamed answer; put the usage of each that has one into ``usages``."""
            with self.client.stream("POST", self._url, json=body, headers=self._headers) as response:
                if response.status_code != 200:
                    response.read()
                    raise from_response(response.status_code, response.text)
                try:
                    for event in EventSource(response).iter_sse():
                        if event.data == "[DONE]":
                            continue  # to the real end, so that the connection can be used again
                        piece = event.json()
                        if piece.get("usage"):
                            usages.append(piece["usage"])
                        yield piece
                except SSEError as error:  # an answer of another kind
                    response.read()  # a huge one is called so
                    raise BadResponse from error

        def _stream(self, *given: Any, **named: Any) -> Iterator[ChatGenerationChunk]:
            usages: list[Any] = []
            for chunk in super()._stream(*given, **named, usages=usages):
                _count_cached(chunk.message, usages[-1] if usages else None)
                yield chunk

        def _create_chat_result(self, response: dict[str, Any]) -> ChatResult:
            result = super()._create_chat_result(response)
            for generation in result.generations:
                _count_cached(generation.message, response.get("usage"))
            return result

    return GuardedChatMistral


def _count_cached(message: Any, usage: Any) -> None:
    counted = getattr(message, "usage_metadata", None)
    cached = ((usage or {}).get("prompt_tokens_details") or {}).get("cached_tokens")
    if counted and cached:
        counted["input_token_details"] = {"cache_read": cached}


PROVIDER = Mistral()
