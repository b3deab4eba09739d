"""Google's Gemini API with a key of Google AI Studio (not Vertex AI, which needs a service account)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from core.errors import BadResponse
from core.llm.base import ChatOptions, Endpoint, Provider, get_json

if TYPE_CHECKING:
    from langchain_core.language_models.chat_models import BaseChatModel

    from core.security.egress import GuardedClient

API_VERSION = "v1beta"
LISTED = 1000  # the most that one page may have; there are a few dozen
# Models that take the same call and answer with something else than text.
_NOT_CHAT = ("embedding", "image", "tts", "live", "robotics", "audio", "omni", "nano-banana")


class Gemini(Provider):
    """Gemini models with a key of one's own."""

    name = "gemini"
    label = "Google Gemini"
    about = "Gemini models with your own Google AI Studio key. There is a free tier; Google may learn from it."
    default_base_url = "https://generativelanguage.googleapis.com"
    secret_help = "aistudio.google.com → Get API key → Create API key"
    example_models: ClassVar[tuple[str, ...]] = (
        "gemini-3.8-flash",
        "gemini-3.5-flash-lite",
        "gemini-2.5-flash",
        "gemini-2.5-pro",
    )

    def list_models(self, endpoint: Endpoint, http: GuardedClient) -> list[str]:
        """Return the models of ``GET /v1beta/models`` that generate text."""
        headers = {"x-goog-api-key": self.secret_of(endpoint).get_secret_value()}
        url = f"{endpoint.base_url}/{API_VERSION}/models?pageSize={LISTED}"
        document = get_json(http, url, headers)
        try:
            names = [
                str(item["name"]).removeprefix("models/")
                for item in document["models"]
                if "generateContent" in item.get("supportedGenerationMethods", ())
            ]
        except (KeyError, TypeError, AttributeError) as error:
            raise BadResponse from error
        return sorted(name for name in names if not any(part in name for part in _NOT_CHAT))

    def chat_model(self, endpoint: Endpoint, options: ChatOptions, http: GuardedClient) -> BaseChatModel:
        """Return ``ChatGoogleGenerativeAI`` whose SDK sends through the guarded transport."""
        secret = self.secret_of(endpoint)
        from langchain_google_genai import ChatGoogleGenerativeAI

        from core.security.egress import one_way_transport
        from core.security.egress.tls import tls_context

        return ChatGoogleGenerativeAI(
            model=options.model,
            google_api_key=secret,
            base_url=endpoint.base_url,
            api_version=API_VERSION,
            vertexai=False,  # else the environment decides, and the server's own account would pay
            temperature=options.temperature,
            max_output_tokens=options.max_output_tokens,
            timeout=options.timeout_seconds,
            max_retries=1,  # tries, not further tries: 0 would mean the SDK's own number
            # The SDK makes both its clients from this; with a transport it does not take aiohttp.
            client_args={
                "transport": one_way_transport(http),
                "verify": tls_context(),  # unused, but building another one takes 30 ms
                "follow_redirects": False,
                "trust_env": False,
            },
        )


PROVIDER = Gemini()
