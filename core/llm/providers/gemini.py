"""Google's Gemini API with a key of Google AI Studio (not Vertex AI, which needs a service account)."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Self

from core.errors import AddressBlocked, BadResponse
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
    about = (
        "Gemini models with your own Google AI Studio key. You pay Google for what you use; "
        "on its free tier Google may use what you send."
    )
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
        from google.genai import Client
        from google.genai.client import DebugConfig
        from google.genai.types import HttpOptions

        from core.security.egress import refusing_async_client
        from core.security.egress.tls import tls_context

        chat: BaseChatModel = _guarded_class()(
            model=options.model,
            api_key=secret,
            client_options=endpoint.base_url,  # what its base_url is called from outside
            vertexai=False,
            temperature=options.temperature,
            max_tokens=options.max_output_tokens,
            request_timeout=options.timeout_seconds,
            retries=1,  # tries, not further tries: 0 would mean the SDK's own number
            # Given here, the client is what it is: LangChain would let the environment make it one of Vertex AI.
            client=Client(
                vertexai=False,
                api_key=secret.get_secret_value(),
                debug_config=DebugConfig(client_mode=None, replays_directory=None, replay_id=None),
                http_options=HttpOptions(
                    base_url=endpoint.base_url,
                    api_version=API_VERSION,
                    httpx_client=http,
                    httpx_async_client=refusing_async_client(),
                    # Else it builds two contexts for each call, 15 ms each.
                    client_args={"verify": tls_context()},
                    async_client_args={"verify": tls_context(), "ssl": tls_context()},
                ),
            ),
        )
        return chat


@cache
def _guarded_class() -> Any:
    """Return ``ChatGoogleGenerativeAI`` as it is used here; made once, because making a class takes time."""
    from langchain_google_genai import ChatGoogleGenerativeAI
    from pydantic import model_validator

    class GuardedChatGemini(ChatGoogleGenerativeAI):
        """Takes its client as given."""

        @property
        def async_client(self) -> Any:
            """Refuse before a request is made."""
            raise AddressBlocked("asynchronous calls are not used here")

        @model_validator(mode="after")
        def validate_environment(self) -> Self:
            """Take the place of the validator that builds a client."""
            self.default_metadata = ()
            return self

    return GuardedChatGemini


PROVIDER = Gemini()
