"""What the fake model says, in no provider's words. The wires read a body into a Prompt and write an
Answer as a body."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.behaviour import Options
from tests.fakes.schema_instance import Schema, minimal_instance

ANY_TOOL = "*"
NO_TOOL = ""


@dataclass(frozen=True)
class Tool:
    name: str
    schema: Schema


@dataclass(frozen=True)
class Prompt:
    model: str
    stream: bool
    message_count: int
    tools: list[Tool] = field(default_factory=list)
    tool_result_count: int = 0
    tool_choice: str | None = None
    """ANY_TOOL or a name forces a call, NO_TOOL forbids one, None leaves it to `tool=N`."""
    json_schema: Schema | None = None
    wants_stream_usage: bool = True
    has_stream_options: bool = False


@dataclass(frozen=True)
class ToolCall:
    id: str
    name: str
    arguments: str
    """JSON text, which is what `args=` said even when that is not JSON."""

    def arguments_object(self) -> Any:
        """For wires that carry arguments as an object; those cannot carry broken JSON, so that becomes {}."""
        try:
            return json.loads(self.arguments)
        except ValueError:
            return {}


@dataclass(frozen=True)
class Answer:
    number: int
    model: str
    text: str
    tool_call: ToolCall | None
    tokens_in: int
    tokens_out: int
    tokens_cached: int
    shows_usage: bool
    chunk_count: int

    def pieces(self, text: str) -> list[str]:
        """The text cut for a stream into at most `chunks=` pieces."""
        size = -(-len(text) // max(1, self.chunk_count)) or 1
        return [text[start : start + size] for start in range(0, len(text), size)]


def plan_answer(number: int, prompt: Prompt, options: Options, markers: list[str], body_text: str) -> Answer:
    """`number` is the request's own; `options` are those that hold for this model."""
    return Answer(
        number=number,
        model=prompt.model,
        text=_said(options, body_text) or options.text or _default_text(number, prompt, markers, body_text),
        tool_call=_tool_call(number, prompt, options),
        tokens_in=options.pt,
        tokens_out=options.ct,
        tokens_cached=min(options.cached, options.pt),
        shows_usage=options.usage != "none",
        chunk_count=options.chunks,
    )


def _said(options: Options, body_text: str) -> str:
    pairs = json.loads(options.says) if options.says else []
    return next((answer for words, answer in pairs if words in body_text), "")


def _default_text(number: int, prompt: Prompt, markers: list[str], body_text: str) -> str:
    if prompt.json_schema is not None:
        return json.dumps(minimal_instance(prompt.json_schema))
    # Never the key: a test that looks for leaked keys must not find the fake's own echo.
    text = " ".join([f"Fake answer {number}.", *sorted(set(markers))])
    # CrewAI's text protocol, used when a model has no native tool calls, takes only this form for an end.
    if not prompt.tools and "Thought:" in body_text and "Final Answer:" in body_text:
        return f"Thought: I now can give a great answer\nFinal Answer: {text}"
    return text


def _tool_call(number: int, prompt: Prompt, options: Options) -> ToolCall | None:
    if not prompt.tools or prompt.tool_choice == NO_TOOL:
        return None
    # All results of the request count, not only those since the last user message: CrewAI puts a user message
    # after every tool result, and counting anew would then never end.
    if prompt.tool_choice is None and prompt.tool_result_count >= options.tool:
        return None
    offered: Mapping[str, Schema] = {tool.name: tool.schema for tool in prompt.tools}
    in_turn = prompt.tools[prompt.tool_result_count % len(prompt.tools)].name
    forced = prompt.tool_choice if prompt.tool_choice != ANY_TOOL else None
    name = forced or options.toolname or in_turn
    arguments = options.args or json.dumps(minimal_instance(offered.get(name, {"type": "object"})))
    return ToolCall(id=f"call_{number}", name=name, arguments=arguments)
