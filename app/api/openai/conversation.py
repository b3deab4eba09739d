"""What a client of OpenAI's protocol sends, and the input that an agent gets of it.

A single message of the user is the input as it is. Whatever stands before it is written above it as a transcript:
the agent has its own instructions, and reads those of the client as part of what it works on.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.api.schemas import Micros
from core.errors import Invalid

Role = Literal["system", "developer", "user", "assistant", "tool", "function"]
HEADINGS: dict[str, str] = {
    "system": "System",
    "developer": "System",
    "user": "User",
    "assistant": "Assistant",
    "tool": "Tool result",
    "function": "Tool result",
}
TEXTS = frozenset({"text", "refusal"})
BEFORE, LAST, GO_ON = (
    "The conversation so far:",
    "Now answer this message of the user:",
    "Continue the conversation.",
)


class Lenient(BaseModel):
    """A body of somebody else's protocol: what we do not know is ignored."""

    model_config = ConfigDict(extra="ignore")


class Part(Lenient):
    """A piece of a message; only text is understood."""

    type: Annotated[str, Field(max_length=40, examples=["text"])]
    text: str | None = None
    refusal: str | None = None


class Message(Lenient):
    """A message of the conversation. Calls of tools in it are left out; their results are read."""

    role: Role
    content: str | Annotated[list[Part], Field(max_length=500)] | None = None
    name: Annotated[str | None, Field(max_length=200)] = None


class StreamOptions(Lenient):
    """How to stream."""

    include_usage: bool | None = None


class ChatRequest(Lenient):
    """A chat completion. Parameters that are not listed are ignored: an agent has its own settings."""

    model: Annotated[
        str,
        Field(
            min_length=1,
            max_length=200,
            description="The id of an agent or a workflow, or its name where one has it.",
        ),
    ]
    messages: Annotated[
        list[Message], Field(min_length=1, max_length=1000, examples=[[{"role": "user", "content": "Hello"}]])
    ]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: Annotated[int | None, Field(ge=1, le=128, description="Only 1.")] = None
    logprobs: Annotated[bool | None, Field(description="Only false.")] = None
    top_logprobs: Annotated[int | None, Field(ge=0, le=20, description="Only 0.")] = None
    response_format: Annotated[dict[str, Any] | None, Field(description="Only of type text.")] = None
    modalities: Annotated[list[str] | None, Field(max_length=10, description="Only text.")] = None
    tool_choice: Annotated[Any, Field(description="Only auto and none: agents use their own tools.")] = None
    function_call: Annotated[Any, Field(description="Only auto and none.")] = None
    budget_micros: Annotated[Micros | None, Field(description="The most the run may cost. Not of OpenAI.")] = None

    @property
    def wants_usage(self) -> bool:
        """Whether a stream ends with the usage."""
        return bool(self.stream_options and self.stream_options.include_usage)


def check(asked: ChatRequest) -> None:
    """Refuse what would be a lie if it were ignored.

    Raises:
        Invalid: one sentence about the first such parameter.
    """
    for field, is_wrong, sentence in (
        ("n", (asked.n or 1) > 1, "An agent gives one answer: n is 1."),
        ("logprobs", asked.logprobs or asked.top_logprobs, "Agents give no log probabilities."),
        (
            "response_format",
            _is_formed(asked),
            "Agents answer in text. Ask for JSON in the agent's expected output.",
        ),
        ("modalities", set(asked.modalities or ()) - {"text"}, "Agents answer in text only."),
        ("tool_choice", _is_forced(asked.tool_choice), "Agents use their own tools, and call none of yours."),
        ("function_call", _is_forced(asked.function_call), "Agents use their own tools, and call none of yours."),
    ):
        if is_wrong:
            raise Invalid(sentence, field)


def last_message(messages: list[Message]) -> str:
    """Return the text of the user's last message: what a workflow works on. Raises ``Invalid``."""
    for index in range(len(messages) - 1, -1, -1):
        if messages[index].role == "user" and (text := _text(index, messages[index])):
            return text
    raise Invalid("Send at least one message with text.", "messages")


def input_of(messages: list[Message]) -> str:
    """Return what the agent works on.

    Raises:
        Invalid: a message has something other than text, or there is no text at all.
    """
    told = [(message, _text(index, message)) for index, message in enumerate(messages)]
    told = [(message, text) for message, text in told if text]
    if not told:
        raise Invalid("Send at least one message with text.", "messages")
    last, text = told[-1]
    if len(told) == 1 and last.role == "user":
        return text
    has_question = last.role == "user"
    before = [f"{_heading(message)}:\n{said}" for message, said in (told[:-1] if has_question else told)]
    return "\n\n".join([BEFORE, *before, LAST if has_question else GO_ON, *([text] if has_question else [])])


def _text(index: int, message: Message) -> str:
    if not isinstance(message.content, list):
        return (message.content or "").strip()
    for place, part in enumerate(message.content):
        if part.type not in TEXTS:
            raise Invalid(
                "Agents read text: images, audio and files cannot be sent.", f"messages.{index}.content.{place}"
            )
    return "\n".join(part.text or part.refusal or "" for part in message.content).strip()


def _heading(message: Message) -> str:
    named = f" ({message.name})" if message.name else ""
    return HEADINGS[message.role] + named


def _is_formed(asked: ChatRequest) -> bool:
    return asked.response_format is not None and asked.response_format.get("type", "text") != "text"


def _is_forced(choice: object) -> bool:
    return choice not in (None, "auto", "none")
