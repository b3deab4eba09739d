"""vLLM: models on one's own graphics cards, over OpenAI's API."""

from __future__ import annotations

from core.llm.providers.openai_compatible import OpenAICompatible


class VLLM(OpenAICompatible):
    """A server started with ``vllm serve``."""

    name = "vllm"
    label = "vLLM"
    about = "Open models on your own graphics cards, served by vLLM. The administrator allows its address once."
    pricing = "free"
    default_base_url = "http://127.0.0.1:8000/v1"
    address_help = (
        "`vllm serve` prints it at its start: port 8000 unless told otherwise, and /v1 at the end. An "
        "administrator lists its host:port, such as 127.0.0.1:8000, in ZOARK_ENDPOINT_ALLOWLIST."
    )
    secret_help = "Only if the server was started with --api-key."
    no_models_help = "Start the server with a model, then test again."
    is_local = True


PROVIDER = VLLM()
