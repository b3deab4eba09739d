"""OpenAI's own API, and the base of everything that speaks its wire format."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from core.llm.base import ChatOptions, Endpoint, Provider, get_json, names_in
from core.llm.prebuilt import build_models

if TYPE_CHECKING:
    from langchain_core.language_models.chat_models import BaseChatModel

    from core.security.egress import GuardedClient

# The listing has every kind of model; these parts of a name say that it does not chat.
_NOT_CHAT = (
    "embedding",
    "whisper",
    "tts",
    "dall-e",
    "moderation",
    "image",
    "audio",
    "realtime",
    "transcribe",
    "sora",
    "davinci",
    "babbage",
    "instruct",
)


class OpenAI(Provider):
    """OpenAI with a key of one's own."""

    name = "openai"
    label = "OpenAI"
    about = "GPT models with your own OpenAI key. You pay OpenAI for what you use."
    default_base_url = "https://api.openai.com/v1"
    secret_help = "platform.openai.com → API keys → Create new secret key"
    example_models: ClassVar[tuple[str, ...]] = ("gpt-4.1-mini", "gpt-4.1", "gpt-4o-mini", "gpt-4o")

    def list_models(self, endpoint: Endpoint, http: GuardedClient) -> list[str]:
        """Return the chat models of ``GET /models``."""
        self.secret_of(endpoint)
        names = names_in(get_json(http, f"{endpoint.base_url}/models", endpoint.bearer()), "data", "id")
        return [name for name in names if not any(part in name for part in _NOT_CHAT)]

    def chat_model(self, endpoint: Endpoint, options: ChatOptions, http: GuardedClient) -> BaseChatModel:
        """Return ``ChatOpenAI`` over the guarded transport; the step retries, so the SDK must not."""
        secret = self.secret_of(endpoint)
        from langchain_openai import ChatOpenAI
        from openai.types.chat import ChatCompletionChunk

        from core.security.egress import refusing_async_client

        build_models(ChatCompletionChunk)
        return ChatOpenAI(
            model=options.model,
            api_key=secret,
            base_url=endpoint.base_url,
            temperature=options.temperature,
            timeout=options.timeout_seconds,
            max_retries=0,
            stream_usage=options.stream_usage,
            http_client=http,
            http_async_client=refusing_async_client(),
            http_socket_options=(),  # else it warns of a transport that is not used
            use_responses_api=False,
            **self._output_limit(options.max_output_tokens),
        )

    def _output_limit(self, tokens: int) -> Mapping[str, Any]:
        """Return the arguments that make ``ChatOpenAI`` send the output limit."""
        return {"max_completion_tokens": tokens}


PROVIDER = OpenAI()
