"""What agents get of a conversation, and what is streamed of their text: never a thought, never anything twice."""

from __future__ import annotations

from typing import Any

import pytest

from app.api.openai.conversation import ChatRequest, Message, check, input_of
from app.api.openai.streaming import AnswerBroken, LiveText
from core import clock
from core.errors import Invalid
from core.runs.models import RunEvent


def messages(*told: tuple[str, Any]) -> list[Message]:
    return [Message.model_validate({"role": role, "content": content}) for role, content in told]


def text(call: str, said: str) -> RunEvent:
    return RunEvent(1, clock.now(), "model_text", "agent", {"call_id": call, "text": said})


def test_a_single_message_is_the_input_as_it_is() -> None:
    parts = [{"type": "text", "text": "Look:"}, {"type": "text", "text": "here"}]
    assert input_of(messages(("user", " Hello \n"))) == "Hello"
    assert input_of(messages(("user", parts))) == "Look:\nhere"
    assert input_of(messages(("system", " "), ("user", "Hello"), ("assistant", None))) == "Hello"


def test_a_conversation_is_a_transcript_that_ends_with_the_question() -> None:
    told = messages(("developer", "Be short."), ("user", "Hi"), ("assistant", "Hello."), ("user", "Who?"))
    told[1].name = "Ada"
    assert input_of(told) == (
        "The conversation so far:\n\nSystem:\nBe short.\n\nUser (Ada):\nHi\n\nAssistant:\nHello.\n\n"
        "Now answer this message of the user:\n\nWho?"
    )
    told = messages(("user", "Add"), ("assistant", None), ("tool", "42"))
    assert input_of(told) == (
        "The conversation so far:\n\nUser:\nAdd\n\nTool result:\n42\n\nContinue the conversation."
    )


@pytest.mark.parametrize("content", [None, "", " \n", [], [{"type": "text"}]])
def test_a_conversation_without_text_is_refused(content: Any) -> None:
    with pytest.raises(Invalid, match="at least one message with text"):
        input_of(messages(("user", content)))


def test_parameters_that_change_nothing_are_taken() -> None:
    harmless = {
        "n": 1,
        "logprobs": False,
        "top_logprobs": 0,
        "tools": [{"type": "function"}],
        "tool_choice": "auto",
        "response_format": {"type": "text"},
        "modalities": ["text"],
        "stop": ["x"],
        "max_tokens": 5,
        "logit_bias": {},
        "user": "u",
        "metadata": {},
        "store": True,
        "parallel_tool_calls": True,
    }
    body = {"model": "a", "messages": [{"role": "user", "content": "x", "unknown": 1}], **harmless}
    asked = ChatRequest.model_validate(body)
    check(asked)
    assert not asked.wants_usage


def test_text_is_passed_on_without_the_space_around_the_answer() -> None:
    live = LiveText(is_live=True)
    pieces = [live.take(text("1", said)) for said in ("\n ", "One ", "two\n", "\nthree", " \n")]
    assert pieces == ["", "One", " two", "\n\nthree", ""]
    assert live.rest("One two\n\nthree") == ""
    assert live.rest("One two\n\nthree, four") == ", four"


def test_text_of_an_agent_with_tools_may_be_a_thought_and_stays_inside() -> None:
    live = LiveText(is_live=False)
    assert live.take(text("1", "I shall look that up.")) == ""
    assert live.rest("It is 42.") == "It is 42."


def test_an_answer_that_begins_anew_is_never_put_behind_its_first_half() -> None:
    live = LiveText(is_live=True)
    assert live.take(text("1", "  ")) == ""
    assert live.take(text("2", "One")) == "One"  # nothing was sent of the first call
    with pytest.raises(AnswerBroken):
        live.take(text("3", "One two"))
    with pytest.raises(AnswerBroken):
        live.rest("Another answer")
