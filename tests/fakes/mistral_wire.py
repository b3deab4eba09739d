"""Mistral's API: close to OpenAI's, with its own errors, its own list of models, and usage in every stream.

Its paths are OpenAI's; the fake has them under a prefix, so that it knows whom it plays."""

from tests.fakes.answers import Answer, Prompt
from tests.fakes.behaviour import Options
from tests.fakes.http import Request
from tests.fakes.openai_wire import DONE, OpenAIWire, event
from tests.fakes.wire import Json, Stream

PREFIX = "/mistral/v1"

REFUSALS: dict[str, tuple[int, Json]] = {
    "401": (401, {"detail": "Unauthorized"}),
    "403": (403, {"message": "Forbidden", "request_id": "00000000000000000000000000000000"}),
    "404": (400, {"message": "Invalid model: {model}", "type": "invalid_model", "param": None, "code": "1500"}),
    "429": (
        429,
        {"message": "Requests rate limit exceeded", "type": "rate_limited", "param": None, "code": "1300"},
    ),
    "quota": (402, {"message": "You have no active subscription or credit.", "type": "payment_required"}),
    "500": (500, {"message": "Internal server error", "type": "internal_server_error", "code": "1000"}),
    "503": (503, {"message": "Service unavailable.", "type": "unreachable_backend", "code": "1100"}),
    "ctx": (
        400,
        {
            "message": "Prompt contains 40000 tokens and 0 draft tokens, too large for model with "
            "32768 maximum "
            "context length",
            "type": "invalid_request_invalid_args",
            "param": None,
            "code": "3051",
        },
    ),
}


class MistralWire(OpenAIWire):
    def listing(self, request: Request, options: Options) -> Json | None:
        if request.method != "GET" or request.path != f"{PREFIX}/models":
            return None
        chats = {"completion_chat": True, "function_calling": True}
        models = [{"id": name, "object": "model", "capabilities": chats} for name in options.models]
        embeds = {"id": "mistral-embed", "object": "model", "capabilities": {"completion_chat": False}}
        return {"object": "list", "data": [*models, embeds]}

    def is_chat(self, request: Request) -> bool:
        return request.method == "POST" and request.path == f"{PREFIX}/chat/completions"

    def refusal(self, fault: str, model: str, key: str) -> tuple[int, Json]:
        status, body = REFUSALS[fault]
        if "type" in body:
            body = {"object": "error", **body, "message": body["message"].format(model=model or "this model")}
        return status, body

    def stream(self, answer: Answer, prompt: Prompt) -> Stream:
        whole = self.whole(answer)
        base = {"id": whole["id"], "object": "chat.completion.chunk", "created": whole["created"]}

        def chunk(delta: Json, finish_reason: str | None = None, **more: object) -> bytes:
            choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
            return event({**base, "model": answer.model, "choices": [choice], **more})

        frames = [chunk({"role": "assistant", "content": ""})]
        usage = {"usage": whole["usage"]} if answer.shows_usage else {}
        if answer.tool_call:
            # A tool call comes in one piece, with the end.
            (call,) = whole["choices"][0]["message"]["tool_calls"]
            return Stream(frames, chunk({"tool_calls": [{**call, "index": 0}]}, "tool_calls", **usage) + DONE)
        frames += [chunk({"content": piece}) for piece in answer.pieces(answer.text)]
        return Stream(frames, chunk({"content": ""}, "stop", **usage) + DONE)
