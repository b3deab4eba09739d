"""Lets a CrewAI agent talk to a LangChain chat model, with every call metered.

Nothing else of CrewAI's model layer is used: no second client, no retries, no environment variables.
"""

from __future__ import annotations

import asyncio
import contextvars
import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from crewai.llms.base_llm import BaseLLM
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, convert_to_messages
from pydantic import PrivateAttr

from core.errors import BadResponse, CoreError
from core.llm.failures import classify
from core.llm.pricing import Tokens

# A chat format adds a few tokens around each message; a text never has more tokens than UTF-8 bytes.
TOKENS_AROUND_MESSAGE = 16
_MESSAGE_FIELDS = ("role", "content", "tool_calls", "tool_call_id", "name")
# CrewAI replaces {input}, {role}, {tools} … in whatever text it is given, a person's own words included.
# What goes in is shielded with a character that nobody types (private use area); the bridge takes it off.
_BRACE, _SHIELD = "{", "\ue07b"


def shielded(text: str) -> str:
    """Return ``text`` in a form that CrewAI hands through without filling its placeholders."""
    return text.replace(_BRACE, _SHIELD)


class MeteredCall(Protocol):
    """One call between sending and settling."""

    def text(self, delta: str) -> None:
        """Take streamed text."""

    def answered(self, tokens: Tokens | None) -> None:
        """Settle with the provider's count."""

    def failed(self, error: CoreError) -> None:
        """Settle a call that raised."""


class Meter(Protocol):
    """Opens calls in the books."""

    def begin(self, bound: Tokens) -> MeteredCall:
        """Open a call that can use ``bound`` at most."""


class MeteredLLM(BaseLLM):
    """The model of one CrewAI agent."""

    llm_type: str = "zoark"
    _model_for: Callable[[bool], BaseChatModel] = PrivateAttr()
    _meter: Meter = PrivateAttr()
    _max_output_tokens: int = PrivateAttr()
    _context_tokens: int = PrivateAttr()
    _stream_usage: bool = PrivateAttr(default=True)

    def __init__(
        self,
        name: str,
        model_for: Callable[[bool], BaseChatModel],
        meter: Meter,
        *,
        max_output_tokens: int,
        context_tokens: int = 128_000,
    ) -> None:
        """Wrap the chat model that ``model_for(stream_usage)`` makes."""
        super().__init__(model=name, provider="zoark", stream=True)
        self._model_for = model_for
        self._meter = meter
        self._max_output_tokens = max_output_tokens
        self._context_tokens = context_tokens

    def supports_function_calling(self) -> bool:
        """Tools go to the provider as such, not as text in the prompt."""
        return True

    def supports_stop_words(self) -> bool:
        """Native tool calls need no stop words."""
        return False

    def get_context_window_size(self) -> int:
        """Return the tokens CrewAI may fill."""
        return self._context_tokens

    def get_input_tokens_count(self, messages: Any, tools: Any = None, response_model: Any = None) -> int:
        """Estimate locally: other providers' classes send a request for this."""
        return len(json.dumps(messages, default=str)) // 4

    def call(
        self,
        messages: Any,
        tools: list[dict[str, Any]] | None = None,
        callbacks: Any = None,
        available_functions: Any = None,
        from_task: Any = None,
        from_agent: Any = None,
        response_model: Any = None,
    ) -> Any:
        """Send one request and return text, or tool calls in OpenAI's shape; raises ``CoreError``."""
        sent = _messages(messages)
        call = self._meter.begin(Tokens(_bound_of(sent, tools), self._max_output_tokens))
        try:
            answer = self._ask(sent, tools, call)
            result = _tool_calls(answer) or _text(answer)
            if not result:
                raise BadResponse
        except Exception as error:
            failure = classify(error)
            call.failed(failure)
            raise failure from error
        except BaseException as stop:
            call.failed(getattr(stop, "error", CoreError()))
            raise
        call.answered(counted_tokens(answer))
        return result

    # The step of the run retries; CrewAI's own three attempts on a 429 would multiply with it.
    call._crewai_rate_limit_wrapped = True  # type: ignore[attr-defined]

    async def acall(self, *arguments: Any, **named: Any) -> Any:
        """Do the same from a coroutine; the work happens in a thread."""
        context = contextvars.copy_context()
        return await asyncio.get_running_loop().run_in_executor(
            None, lambda: context.run(self.call, *arguments, **named)
        )

    acall._crewai_rate_limit_wrapped = True  # type: ignore[attr-defined]

    def _ask(self, messages: list[BaseMessage], tools: list[dict[str, Any]] | None, call: MeteredCall) -> AIMessage:
        try:
            return self._stream(messages, tools, call)
        except Exception as error:
            # Some compatible servers refuse the wish for usage in a stream; such a call costs nothing.
            if not self._stream_usage or not _refuses_stream_options(error):
                raise
            self._stream_usage = False
            return self._stream(messages, tools, call)

    def _stream(
        self, messages: list[BaseMessage], tools: list[dict[str, Any]] | None, call: MeteredCall
    ) -> AIMessage:
        model: Any = self._model_for(self._stream_usage)
        if tools:
            model = model.bind_tools(tools)
        whole: Any = None
        for chunk in model.stream(messages):
            whole = chunk if whole is None else whole + chunk
            if delta := _text(chunk):
                call.text(delta)
        if whole is None:
            raise BadResponse
        answer: AIMessage = whole
        return answer


def _messages(given: Any) -> list[BaseMessage]:
    if isinstance(given, str):
        given = [{"role": "user", "content": given}]
    cleaned = [
        {"content": "", **{k: v for k, v in message.items() if k in _MESSAGE_FIELDS and v is not None}}
        for message in given
    ]
    for message in cleaned:
        if isinstance(message["content"], str):
            message["content"] = message["content"].replace(_SHIELD, _BRACE)
    return convert_to_messages(cleaned)


def _bound_of(messages: list[BaseMessage], tools: list[dict[str, Any]] | None) -> int:
    """Return the most input tokens a request can have: one a byte, and what frames each message."""
    texts = [json.dumps([m.content, getattr(m, "tool_calls", None)], default=str) for m in messages]
    schema = json.dumps(tools, default=str) if tools else ""
    return sum(len(t.encode()) for t in [*texts, schema]) + TOKENS_AROUND_MESSAGE * len(messages)


def _tool_calls(answer: AIMessage) -> list[dict[str, Any]]:
    return [
        {
            "id": call["id"],
            "type": "function",
            "function": {"name": call["name"], "arguments": json.dumps(call["args"])},
        }
        for call in answer.tool_calls
    ]


def _text(message: Any) -> str:
    content = message.content
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content if isinstance(part, dict))


def counted_tokens(answer: AIMessage) -> Tokens | None:
    """Return what the provider counted, or None when it did not say."""
    usage: Mapping[str, Any] | None = answer.usage_metadata
    # Two of LangChain's classes make zeros of a count that is missing; no call uses nothing.
    if not usage or not (usage["input_tokens"] or usage["output_tokens"]):
        return None
    cached = (usage.get("input_token_details") or {}).get("cache_read") or 0
    return Tokens(int(usage["input_tokens"]), int(usage["output_tokens"]), int(cached))


def _refuses_stream_options(error: Exception) -> bool:
    return getattr(error, "status_code", None) == 400 and "stream_options" in str(error)
