"""Ollama: models on a machine of one's own, over its native protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.llm.base import ChatOptions, Endpoint, Provider, get_json, names_in

if TYPE_CHECKING:
    import httpx
    from langchain_core.language_models.chat_models import BaseChatModel

    from core.security.egress import GuardedClient


class Ollama(Provider):
    """An Ollama server. A private address has to be allowed by an administrator."""

    name = "ollama"
    label = "Ollama"
    about = "Open models on your own machine. The administrator allows its address once."
    pricing = "free"
    needs_secret = False
    asks_base_url = True
    default_base_url = "http://127.0.0.1:11434"
    address_help = "Ollama listens on port 11434. An administrator lists its host:port in ZOARK_ENDPOINT_ALLOWLIST."
    no_models_help = "Fetch a model there, such as `ollama pull llama3.2`, then test again."
    is_local = True
    secret_help = "Only for a server behind a proxy that asks for a bearer token."

    def list_models(self, endpoint: Endpoint, http: GuardedClient) -> list[str]:
        """Return the pulled models of ``GET /api/tags``."""
        return names_in(get_json(http, f"{endpoint.base_url}/api/tags", endpoint.bearer()), "models", "name")

    def chat_model(self, endpoint: Endpoint, options: ChatOptions, http: GuardedClient) -> BaseChatModel:
        """Return ``ChatOllama`` whose client sends through the guarded transport."""
        from langchain_ollama import ChatOllama

        from core.security.egress import refusing_async_transport

        def authorise(request: httpx.Request) -> httpx.Request:
            # Without a header of ours the SDK sends OLLAMA_API_KEY of the environment.
            request.headers.pop("Authorization", None)
            request.headers.update(endpoint.bearer())
            return request

        return ChatOllama(
            model=options.model,
            base_url=endpoint.base_url,
            temperature=options.temperature,
            num_predict=options.max_output_tokens,
            client_kwargs={
                "auth": authorise,
                "timeout": options.timeout_seconds,
                "follow_redirects": False,
                "trust_env": False,
            },
            sync_client_kwargs={"transport": http.transport},
            async_client_kwargs={"transport": refusing_async_transport()},
        )


PROVIDER = Ollama()
