"""Google's Gemini API (generateContent and streamGenerateContent)."""

import json
import re
from typing import Any

from tests.fakes.answers import ANY_TOOL, NO_TOOL, Answer, Prompt, Tool
from tests.fakes.behaviour import Options
from tests.fakes.http import Request
from tests.fakes.wire import Json, Stream, Wire

# The model is part of the path, and so is the wish for a stream.
_CHAT = re.compile(r"/v1beta/models/(?P<model>.+):(?P<method>generateContent|streamGenerateContent)")
_OVER_QUOTA = (
    "You exceeded your current quota, please check your plan and billing details. For more "
    "information on this error, "
    "head to: https://ai.example.dev/gemini-api/docs/rate-limits. * Quota exceeded for metric: "
    "generativelanguage.googleapis.com/generate_content_free_tier_requests, limit: 10 Please retry in 1.2s."
)
_RPC = "type.googleapis.com/google.rpc."

REFUSALS = {
    "401": (400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."),
    "403": (403, "PERMISSION_DENIED", "Requests to this API are blocked for this key."),
    "404": (
        404,
        "NOT_FOUND",
        "models/{model} is not found for API version v1beta, or is not supported for "
        "generateContent. Call ListModels "
        "to see the list of available models and their supported methods.",
    ),
    "429": (429, "RESOURCE_EXHAUSTED", _OVER_QUOTA),
    "quota": (429, "RESOURCE_EXHAUSTED", _OVER_QUOTA),
    "500": (500, "INTERNAL", "An internal error has occurred. Please retry."),
    "503": (503, "UNAVAILABLE", "The model is overloaded. Please try again later."),
    "ctx": (
        400,
        "INVALID_ARGUMENT",
        "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
    ),
}


def _quota_failure(every: str) -> list[Json]:
    violation = {
        "quotaMetric": "generativelanguage.googleapis.com/generate_content_free_tier_requests",
        "quotaId": f"GenerateRequestsPer{every}PerProjectPerModel-FreeTier",
        "quotaValue": "10",
    }
    return [
        {"@type": f"{_RPC}QuotaFailure", "violations": [violation]},
        {"@type": f"{_RPC}RetryInfo", "retryDelay": "1s"},
    ]


DETAILS: dict[str, list[Json]] = {
    "401": [{"@type": f"{_RPC}ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"}],
    "429": _quota_failure("Minute"),
    "quota": _quota_failure("Day"),
}


class GeminiWire(Wire):
    stream_content_type = "text/event-stream"

    def listing(self, request: Request, options: Options) -> Json | None:
        if request.method != "GET" or request.path != "/v1beta/models":
            return None
        chat = [_model(name, "generateContent", "countTokens") for name in options.models]
        return {"models": [*chat, _model("gemini-embedding-001", "embedContent")]}

    def is_chat(self, request: Request) -> bool:
        return request.method == "POST" and _CHAT.fullmatch(_path(request)) is not None

    def prompt(self, request: Request) -> Prompt:
        body = request.json_object()
        asked = _CHAT.fullmatch(_path(request))
        assert asked
        contents = body["contents"]
        config = body.get("generationConfig") or {}
        return Prompt(
            model=asked["model"],
            stream=asked["method"] == "streamGenerateContent",
            message_count=len(contents),
            tools=[
                Tool(tool["name"], _schema(tool.get("parametersJsonSchema") or tool.get("parameters") or {}))
                for group in body.get("tools") or []
                for tool in group.get("functionDeclarations") or []
            ],
            tool_result_count=sum("functionResponse" in part for content in contents for part in content["parts"]),
            tool_choice=_tool_choice(((body.get("toolConfig") or {}).get("functionCallingConfig")) or {}),
            json_schema=config.get("responseJsonSchema"),
        )

    def refusal(self, fault: str, model: str, key: str) -> tuple[int, Json]:
        status, name, message = REFUSALS[fault]
        error: Json = {"code": status, "message": message.format(model=model or "this-model"), "status": name}
        if fault in DETAILS:
            error["details"] = DETAILS[fault]
        return status, {"error": error}

    def whole(self, answer: Answer) -> Json:
        return _piece(answer, _part(answer), is_last=True)

    def stream(self, answer: Answer, prompt: Prompt) -> Stream:
        # A tool call comes in one piece. Every piece says what was used so far; the last one is right.
        parts = [_part(answer)] if answer.tool_call else [{"text": piece} for piece in answer.pieces(answer.text)]
        *first, last = [_event(_piece(answer, part, is_last=part is parts[-1])) for part in parts]
        return Stream(first, last)


def _event(value: Json) -> bytes:
    return f"data: {json.dumps(value)}\r\n\r\n".encode()


def _path(request: Request) -> str:
    return request.path.replace("%40", "@").replace("%3D", "=")


def _model(name: str, *methods: str) -> Json:
    return {"name": f"models/{name}", "displayName": name, "supportedGenerationMethods": list(methods)}


def _part(answer: Answer) -> Json:
    if not answer.tool_call:
        return {"text": answer.text}
    return {"functionCall": {"name": answer.tool_call.name, "args": answer.tool_call.arguments_object()}}


def _piece(answer: Answer, part: Json, is_last: bool) -> Json:
    candidate: Json = {"content": {"parts": [part], "role": "model"}, "index": 0}
    if is_last:
        candidate["finishReason"] = "STOP"
    written = answer.tokens_out if is_last else 1
    usage = {
        "promptTokenCount": answer.tokens_in,
        "candidatesTokenCount": written,
        "totalTokenCount": answer.tokens_in + written,
        "cachedContentTokenCount": answer.tokens_cached,
    }
    return {
        "candidates": [candidate],
        **({"usageMetadata": usage} if answer.shows_usage else {}),
        "modelVersion": answer.model,
        "responseId": f"fake-{answer.number}",
    }


def _schema(given: Any) -> Json:
    """Gemini writes the types of its own schemas in capitals."""
    if isinstance(given, dict):
        return {k: v.lower() if k == "type" and isinstance(v, str) else _schema(v) for k, v in given.items()}
    return [_schema(value) for value in given] if isinstance(given, list) else given


def _tool_choice(config: Json) -> str | None:
    if config.get("mode") == "ANY":
        names = config.get("allowedFunctionNames") or []
        return str(names[0]) if len(names) == 1 else ANY_TOOL
    return {"NONE": NO_TOOL}.get(config.get("mode", ""))
