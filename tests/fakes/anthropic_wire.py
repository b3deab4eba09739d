"""Anthropic's Messages API, with its stream of named events."""

import json
from typing import Any

from tests.fakes.answers import ANY_TOOL, NO_TOOL, Answer, Prompt, Tool
from tests.fakes.behaviour import Options
from tests.fakes.http import Request
from tests.fakes.wire import Json, Stream, Wire

CREATED_AT = "2026-01-01T00:00:00Z"

REFUSALS = {
    "401": (401, "authentication_error", "invalid x-api-key"),
    "403": (403, "permission_error", "Your API key does not have permission to use the specified resource."),
    "404": (404, "not_found_error", "model: {model}"),
    "429": (
        429,
        "rate_limit_error",
        "This request would exceed your organization's rate limit of 50 requests per minute. For "
        "details, refer to: "
        "https://docs.example.com/api/rate-limits. Please reduce the prompt length or the maximum "
        "tokens requested, or "
        "try again later.",
    ),
    "quota": (
        400,
        "invalid_request_error",
        "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing "
        "to upgrade or "
        "purchase credits.",
    ),
    "500": (500, "api_error", "Internal server error"),
    "503": (529, "overloaded_error", "Overloaded"),
    "ctx": (400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"),
}


class AnthropicWire(Wire):
    stream_content_type = "text/event-stream"

    def listing(self, request: Request, options: Options) -> Json | None:
        # OpenAI has the same path; only Anthropic's clients say which version they speak.
        if request.method != "GET" or request.path != "/v1/models" or not _is_ours(request):
            return None
        models = [
            {"type": "model", "id": name, "display_name": name, "created_at": CREATED_AT} for name in options.models
        ]
        return {"data": models, "has_more": False, "first_id": options.models[0], "last_id": options.models[-1]}

    def is_chat(self, request: Request) -> bool:
        return request.method == "POST" and request.path == "/v1/messages" and _is_ours(request)

    def prompt(self, request: Request) -> Prompt:
        body = request.json_object()
        messages = body["messages"]
        if not isinstance(body["max_tokens"], int):  # required by this API
            raise ValueError("max_tokens is not a number")
        return Prompt(
            model=str(body["model"]),
            stream=bool(body.get("stream")),
            message_count=len(messages),
            tools=[Tool(tool["name"], tool["input_schema"]) for tool in body.get("tools") or []],
            tool_result_count=sum(_tool_results(message["content"]) for message in messages),
            tool_choice=_tool_choice(body.get("tool_choice") or {}),
        )

    def refusal(self, fault: str, model: str, key: str) -> tuple[int, Json]:
        status, kind, message = REFUSALS[fault]
        error = {"type": kind, "message": message.format(model=model or "this-model")}
        return status, {"type": "error", "error": error, "request_id": "req_fake"}

    def whole(self, answer: Answer) -> Json:
        return {
            **_message(answer),
            "content": [_block(answer)],
            "stop_reason": _stop_reason(answer),
            **({"usage": _usage(answer)} if answer.shows_usage else {}),
        }

    def stream(self, answer: Answer, prompt: Prompt) -> Stream:
        # At the start one token is counted as written; the end has the whole count again, input included.
        begin = {**_message(answer), "content": [], "stop_reason": None}
        if answer.shows_usage:
            begin["usage"] = {**_usage(answer), "output_tokens": 1}
        if answer.tool_call:
            empty = {**_block(answer), "input": {}}
            deltas = [
                {"type": "input_json_delta", "partial_json": piece}
                for piece in answer.pieces(answer.tool_call.arguments)
            ]
        else:
            empty = {"type": "text", "text": ""}
            deltas = [{"type": "text_delta", "text": piece} for piece in answer.pieces(answer.text)]
        frames = [
            _event("message_start", message=begin),
            _event("content_block_start", index=0, content_block=empty),
            _event("ping"),
            *(_event("content_block_delta", index=0, delta=delta) for delta in deltas),
            _event("content_block_stop", index=0),
        ]
        end: Json = {"delta": {"stop_reason": _stop_reason(answer), "stop_sequence": None}}
        if answer.shows_usage:
            end["usage"] = _usage(answer)
        return Stream(frames, _event("message_delta", **end) + _event("message_stop"))


def _is_ours(request: Request) -> bool:
    return "anthropic-version" in request.headers


def _message(answer: Answer) -> Json:
    identity = {"id": f"msg_fake_{answer.number}", "type": "message", "role": "assistant"}
    return {**identity, "model": answer.model, "stop_sequence": None}


def _block(answer: Answer) -> Json:
    if not answer.tool_call:
        return {"type": "text", "text": answer.text}
    call = answer.tool_call
    return {"type": "tool_use", "id": f"toolu_{call.id}", "name": call.name, "input": call.arguments_object()}


def _stop_reason(answer: Answer) -> str:
    return "tool_use" if answer.tool_call else "end_turn"


def _usage(answer: Answer) -> Json:
    # What came from the cache is not part of input_tokens here.
    return {
        "input_tokens": answer.tokens_in - answer.tokens_cached,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": answer.tokens_cached,
        "output_tokens": answer.tokens_out,
    }


def _tool_results(content: Any) -> int:
    return sum(part.get("type") == "tool_result" for part in content if isinstance(part, dict))


def _tool_choice(choice: Json) -> str | None:
    if choice.get("type") == "tool":
        return str(choice["name"])
    return {"none": NO_TOOL, "any": ANY_TOOL}.get(choice.get("type", ""))


def _event(kind: str, **data: object) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **data})}\n\n".encode()
