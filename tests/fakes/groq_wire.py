"""Groq's API: OpenAI's wire under a path of its own, with the usage of a stream in a field of its own."""

import json

from tests.fakes.answers import Answer, Prompt
from tests.fakes.behaviour import Options
from tests.fakes.http import Request
from tests.fakes.openai_wire import INVALID, OpenAIWire, Refusal, error_body
from tests.fakes.wire import Json, Stream

PREFIX = "/openai/v1"

REFUSALS = {
    "401": Refusal(401, INVALID, "invalid_api_key", "Invalid API Key"),
    "403": Refusal(
        403,
        "permissions_error",
        "model_permission_blocked_org",
        "The model `{model}` is blocked at the organization level.",
    ),
    "404": Refusal(
        404, INVALID, "model_not_found", "The model `{model}` does not exist or you do not have access to it."
    ),
    "429": Refusal(
        429,
        "tokens",
        "rate_limit_exceeded",
        "Rate limit reached for model `{model}` in organization `org_01` service tier `on_demand` "
        "on tokens per minute "
        "(TPM): Limit 6000, Used 5900, Requested 200. Please try again in 1s. Need more tokens? "
        "Upgrade to Dev Tier "
        "today at https://console.example.com/settings/billing",
    ),
    "quota": Refusal(
        429,
        "tokens",
        "rate_limit_exceeded",
        "Rate limit reached for model `{model}` in organization `org_01` service tier `on_demand` "
        "on tokens per day "
        "(TPD): Limit 100000, Used 99900, Requested 200. Please try again in 1h3m. Need more "
        "tokens? Upgrade to Dev "
        "Tier today at https://console.example.com/settings/billing",
    ),
    "500": Refusal(500, "internal_server_error", None, "Internal Server Error"),
    "503": Refusal(503, "internal_server_error", None, "Service Unavailable"),
    "ctx": Refusal(
        400,
        INVALID,
        "context_length_exceeded",
        "Please reduce the length of the messages or completion.",
    ),
}


class GroqWire(OpenAIWire):
    def listing(self, request: Request, options: Options) -> Json | None:
        return super().listing(request, options) if request.path == f"{PREFIX}/models" else None

    def is_chat(self, request: Request) -> bool:
        return request.method == "POST" and request.path == f"{PREFIX}/chat/completions"

    def refusal(self, fault: str, model: str, key: str) -> tuple[int, Json]:
        refusal = REFUSALS[fault]
        message = refusal.message.format(model=model or "this model")
        return refusal.status, error_body(message, refusal.type, refusal.code)

    def stream(self, answer: Answer, prompt: Prompt) -> Stream:
        plain = super().stream(answer, prompt)
        if not answer.shows_usage:
            return plain
        # The last chunk of an answer says what it used whether it was asked or not.
        last = json.loads(plain.closing.split(b"\n\n")[0].removeprefix(b"data: "))
        last["x_groq"] = {"id": "req_fake", "usage": self.whole(answer)["usage"]}
        rest = plain.closing.split(b"\n\n", 1)[1]
        return Stream(plain.frames, f"data: {json.dumps(last)}\n\n".encode() + rest)
