"""Ollama's own API (/api/…). Its OpenAI-compatible one is the OpenAI wire, on the same server."""

import json
from typing import Any

from tests.fakes.answers import Answer, Prompt, Tool
from tests.fakes.behaviour import Options
from tests.fakes.http import Request
from tests.fakes.wire import Json, Stream, Wire

CREATED_AT = "2026-01-01T00:00:00Z"
VERSION = "0.13.0"

REFUSALS = {
    "401": (401, "unauthorized"),
    "403": (403, "this model requires a subscription, upgrade for access"),
    "404": (404, "model '{model}' not found"),
    "429": (429, "too many concurrent requests"),
    "quota": (429, "you've reached your hourly usage limit, please upgrade to continue"),
    "500": (500, "model runner has unexpectedly stopped"),
    "503": (503, "server busy, please try again.  maximum pending requests exceeded"),
    "ctx": (400, "the input length exceeds the context length"),
}


class OllamaWire(Wire):
    stream_content_type = "application/x-ndjson"

    def listing(self, request: Request, options: Options) -> Json | None:
        if request.method == "GET" and request.path == "/api/version":
            return {"version": VERSION}
        if request.method == "GET" and request.path == "/api/tags":
            return {"models": [_tag(name) for name in options.models]}
        return None

    def is_chat(self, request: Request) -> bool:
        return request.method == "POST" and request.path == "/api/chat"

    def prompt(self, request: Request) -> Prompt:
        body = request.json_object()
        messages = body.get("messages") or []
        return Prompt(
            model=str(body["model"]),
            # Ollama streams unless told not to.
            stream=bool(body.get("stream", True)),
            message_count=len(messages),
            tools=[
                Tool(tool["function"]["name"], tool["function"].get("parameters") or {"type": "object"})
                for tool in body.get("tools") or []
            ],
            tool_result_count=sum(message["role"] == "tool" for message in messages),
            json_schema=_json_schema(body.get("format")),
        )

    def refusal(self, fault: str, model: str, key: str) -> tuple[int, Json]:
        status, message = REFUSALS[fault]
        return status, {"error": message.format(model=model)}

    def accepts_key(self, key: str, valid_keys: frozenset[str] | set[str] | None) -> bool:
        # A local Ollama asks for no key; a proxy in front of one refuses a wrong one.
        return not key or super().accepts_key(key, valid_keys)

    def whole(self, answer: Answer) -> Json:
        message: Json = {"role": "assistant", "content": "" if answer.tool_call else answer.text}
        if answer.tool_call:
            message["tool_calls"] = [_call(answer)]
        return _last(answer, message)

    def stream(self, answer: Answer, prompt: Prompt) -> Stream:
        if answer.tool_call:
            # Ollama sends a tool call in one piece.
            messages: list[Json] = [{"role": "assistant", "content": "", "tool_calls": [_call(answer)]}]
        else:
            messages = [{"role": "assistant", "content": piece} for piece in answer.pieces(answer.text)]
        frames = [_line({**_base(answer), "message": message, "done": False}) for message in messages]
        return Stream(frames, _line(_last(answer, {"role": "assistant", "content": ""})))


def _tag(name: str) -> Json:
    details = {"format": "gguf", "family": "fake", "parameter_size": "1B", "quantization_level": "Q4_0"}
    identity = {"name": name, "model": name, "digest": "0" * 64}
    return {**identity, "modified_at": CREATED_AT, "size": 1, "details": details}


def _json_schema(wanted: Any) -> Json | None:
    if isinstance(wanted, dict):
        return wanted
    return {"type": "object"} if wanted == "json" else None


def _base(answer: Answer) -> Json:
    return {"model": answer.model, "created_at": CREATED_AT}


def _call(answer: Answer) -> Json:
    assert answer.tool_call
    return {"function": {"name": answer.tool_call.name, "arguments": answer.tool_call.arguments_object()}}


def _last(answer: Answer, message: Json) -> Json:
    counts = {"prompt_eval_count": answer.tokens_in, "eval_count": answer.tokens_out} if answer.shows_usage else {}
    return {
        **_base(answer),
        "message": message,
        "done": True,
        "done_reason": "stop",
        "total_duration": 1,
        **counts,
    }


def _line(value: Json) -> bytes:
    return json.dumps(value).encode() + b"\n"
