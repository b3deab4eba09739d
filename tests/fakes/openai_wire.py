"""OpenAI's chat completions, as its own SDK and every "OpenAI-compatible" client read them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.fakes.answers import ANY_TOOL, NO_TOOL, Answer, Prompt, Tool
from tests.fakes.behaviour import Options
from tests.fakes.http import Request
from tests.fakes.wire import Json, Stream, Wire

CREATED_AT = 1_767_225_600
DONE = b"data: [DONE]\n\n"

INVALID = "invalid_request_error"


@dataclass(frozen=True)
class Refusal:
    status: int
    type: str
    code: str | None
    message: str


REFUSALS = {
    "403": Refusal(
        403,
        "request_forbidden",
        "unsupported_country_region_territory",
        "Country, region, or territory not supported",
    ),
    "404": Refusal(
        404, INVALID, "model_not_found", "The model `{model}` does not exist or you do not have access to it."
    ),
    "429": Refusal(429, "requests", "rate_limit_exceeded", "Rate limit reached for {model}. Try again in 1s."),
    "quota": Refusal(
        429,
        "insufficient_quota",
        "insufficient_quota",
        "You exceeded your current quota, please check your plan and billing details.",
    ),
    "500": Refusal(500, "server_error", None, "The server had an error while processing your request."),
    "503": Refusal(503, "server_error", None, "The engine is currently overloaded, please try again later."),
    "ctx": Refusal(
        400,
        INVALID,
        "context_length_exceeded",
        "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.",
    ),
}


class OpenAIWire(Wire):
    stream_content_type = "text/event-stream"

    def listing(self, request: Request, options: Options) -> Json | None:
        # Compatible servers put the same paths under a base of their own: /openai/v1, /api/v1.
        if request.method != "GET" or not request.path.endswith("/v1/models"):
            return None
        models = [
            {"id": name, "object": "model", "created": CREATED_AT, "owned_by": "zoark-tests"}
            for name in options.models
        ]
        return {"object": "list", "data": models}

    def is_chat(self, request: Request) -> bool:
        return request.method == "POST" and request.path.endswith("/v1/chat/completions")

    def prompt(self, request: Request) -> Prompt:
        body = request.json_object()
        messages = body["messages"]
        return Prompt(
            model=str(body["model"]),
            stream=bool(body.get("stream")),
            message_count=len(messages),
            tools=[
                Tool(tool["function"]["name"], tool["function"].get("parameters") or {"type": "object"})
                for tool in body.get("tools") or []
                if tool["type"] == "function"
            ],
            tool_result_count=sum(message["role"] == "tool" for message in messages),
            tool_choice=_tool_choice(body.get("tool_choice")),
            json_schema=_json_schema(body.get("response_format") or {}),
            wants_stream_usage=bool((body.get("stream_options") or {}).get("include_usage")),
            has_stream_options=body.get("stream_options") is not None,
        )

    def objection(self, prompt: Prompt, options: Options) -> tuple[int, Json] | None:
        if prompt.has_stream_options and options.reject_stream_options:
            message = "Unknown parameter: 'stream_options'."
            return 400, error_body(message, INVALID, "unknown_parameter", "stream_options")
        return None

    def refusal(self, fault: str, model: str, key: str) -> tuple[int, Json]:
        if fault == "401":
            return 401, _key_error(key)
        refusal = REFUSALS[fault]
        message = refusal.message.format(model=model or "this model")
        return refusal.status, error_body(message, refusal.type, refusal.code)

    def whole(self, answer: Answer) -> Json:
        message: Json = {"role": "assistant", "content": answer.text, "refusal": None}
        if answer.tool_call:
            message |= {"content": None, "tool_calls": [_call(answer)]}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish_reason(answer)}
        usage = {"usage": _usage(answer)} if answer.shows_usage else {}
        return {**_base(answer), "object": "chat.completion", "choices": [choice], **usage}

    def stream(self, answer: Answer, prompt: Prompt) -> Stream:
        has_usage = prompt.wants_stream_usage and answer.shows_usage
        # With include_usage OpenAI writes "usage": null into every chunk but the last.
        base = {**_base(answer), "object": "chat.completion.chunk", **({"usage": None} if has_usage else {})}

        def chunk(delta: Json, finish_reason: str | None = None) -> bytes:
            choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
            return event({**base, "choices": [choice]})

        usage = event({**base, "choices": [], "usage": _usage(answer)}) if has_usage else b""
        return Stream([chunk(delta) for delta in _deltas(answer)], chunk({}, _finish_reason(answer)) + usage + DONE)


def _deltas(answer: Answer) -> Iterator[Json]:
    if not answer.tool_call:
        yield {"role": "assistant", "content": "", "refusal": None}
        yield from ({"content": piece} for piece in answer.pieces(answer.text))
        return
    call = _call(answer)
    first = {"index": 0, **call, "function": {**call["function"], "arguments": ""}}
    yield {"role": "assistant", "content": None, "tool_calls": [first]}
    for piece in answer.pieces(answer.tool_call.arguments):
        yield {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}


def _base(answer: Answer) -> Json:
    return {"id": f"chatcmpl-fake-{answer.number}", "created": CREATED_AT, "model": answer.model}


def _call(answer: Answer) -> Json:
    assert answer.tool_call
    function = {"name": answer.tool_call.name, "arguments": answer.tool_call.arguments}
    return {"id": answer.tool_call.id, "type": "function", "function": function}


def _finish_reason(answer: Answer) -> str:
    return "tool_calls" if answer.tool_call else "stop"


def _usage(answer: Answer) -> Json:
    return {
        "prompt_tokens": answer.tokens_in,
        "completion_tokens": answer.tokens_out,
        "total_tokens": answer.tokens_in + answer.tokens_out,
        "prompt_tokens_details": {"cached_tokens": answer.tokens_cached},
    }


def _tool_choice(choice: Any) -> str | None:
    if isinstance(choice, dict):
        return str(choice["function"]["name"])
    return {"none": NO_TOOL, "required": ANY_TOOL}.get(choice)


def _json_schema(response_format: Json) -> Json | None:
    match response_format.get("type"):
        case "json_schema":
            return dict(response_format["json_schema"]["schema"])
        case "json_object":
            return {"type": "object"}
        case _:
            return None


def event(value: Json) -> bytes:
    return f"data: {json.dumps(value)}\n\n".encode()


def error_body(message: str, kind: str, code: str | None, param: str | None = None) -> Json:
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def _key_error(key: str) -> Json:
    if not key:
        return error_body("Missing bearer authentication in header", INVALID, None)
    # OpenAI repeats the ends of the refused key in its message; whoever logs that message must cope with it.
    shown = f"{key[:7]}{'*' * 8}{key[-4:]}" if len(key) > 12 else "*" * len(key)
    message = f"Incorrect API key provided: {shown}. You can find your API key at https://example.com/api-keys."
    return error_body(message, INVALID, "invalid_api_key")
