"""Groq: open models on fast hardware, over OpenAI's wire format."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from core.llm.base import ChatOptions, Endpoint, Provider, get_json, names_in
from core.llm.prebuilt import build_models

if TYPE_CHECKING:
    from langchain_core.language_models.chat_models import BaseChatModel

    from core.security.egress import GuardedClient

# The listing has every kind of model; these parts of a name say that it does not chat.
_NOT_CHAT = ("whisper", "tts", "orpheus", "guard", "embed")


class Groq(Provider):
    """Groq with a key of one's own."""

    name = "groq"
    label = "Groq"
    about = "Open models, answered very fast, with your own Groq key. There is a free tier with daily limits."
    default_base_url = "https://api.groq.com/openai/v1"
    secret_help = "console.groq.com → API keys → Create API key. It begins with gsk_."
    example_models: ClassVar[tuple[str, ...]] = (
        "openai/gpt-oss-120b",
        "openai/gpt-oss-20b",
        "llama-3.3-70b-versatile",
        "llama-3.1-8b-instant",
    )

    def list_models(self, endpoint: Endpoint, http: GuardedClient) -> list[str]:
        """Return the chat models of ``GET /models``."""
        headers = {"Authorization": f"Bearer {self.secret_of(endpoint).get_secret_value()}"}
        names = names_in(get_json(http, f"{endpoint.base_url}/models", headers), "data", "id")
        return [name for name in names if not any(part in name for part in _NOT_CHAT)]

    def chat_model(self, endpoint: Endpoint, options: ChatOptions, http: GuardedClient) -> BaseChatModel:
        """Return ``ChatGroq`` over the guarded transport; the step retries, so the SDK must not."""
        secret = self.secret_of(endpoint)
        from groq.types.chat import ChatCompletionChunk
        from langchain_groq import ChatGroq

        from core.security.egress import refusing_async_client

        build_models(ChatCompletionChunk)
        return ChatGroq(
            model=options.model,
            api_key=secret,
            # The SDK adds "/openai/v1" itself.
            base_url=endpoint.base_url.removesuffix("/openai/v1"),
            temperature=options.temperature,
            max_tokens=options.max_output_tokens,
            timeout=options.timeout_seconds,
            max_retries=0,
            groq_proxy=None,  # else the environment is asked for one
            http_client=http,
            http_async_client=refusing_async_client(),
        )


PROVIDER = Groq()
