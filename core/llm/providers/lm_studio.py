"""LM Studio: models on one's own desk, over OpenAI's API."""

from __future__ import annotations

from core.llm.providers.openai_compatible import OpenAICompatible


class LMStudio(OpenAICompatible):
    """LM Studio's local server."""

    name = "lm_studio"
    label = "LM Studio"
    about = (
        "Open models in LM Studio on your own machine, free of charge. The administrator allows its address once."
    )
    pricing = "free"
    default_base_url = "http://127.0.0.1:1234/v1"
    address_help = (
        "LM Studio shows it under Developer once its server runs; it ends with /v1. An administrator lists its "
        "host:port, such as 127.0.0.1:1234, in ZOARK_ENDPOINT_ALLOWLIST."
    )
    secret_help = "Only if the server asks for an API token (LM Studio: Developer → Server Settings)."
    no_models_help = "Load a model in LM Studio, then test again."
    is_local = True


PROVIDER = LMStudio()
