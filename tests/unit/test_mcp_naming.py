"""Tools have names that clients take, and cancelling one call never touches another."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from app.api.mcp.calls import Calls
from app.api.mcp.naming import MAX_NAME, named
from app.api.mcp.progress import SENTENCES, sentence_of
from app.api.offers import Offer, of_agent
from core import clock
from core.agents.models import Agent, AgentDefinition
from core.runs.models import RunEvent

NOW = clock.now()


def agent(name: str, age_days: int = 0) -> Offer:
    made = NOW - timedelta(days=age_days)
    fields = {"name": name, "department": "hr", "role": "r", "goal": "g", "key_id": "k", "model": "m"}
    return of_agent(Agent(clock.new_id("agent"), "user_1", AgentDefinition.model_validate(fields), 1, made, made))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Support Helper", "support_helper"),
        ("  Ärzte & Söhne -- 2 ", "arzte_sohne_2"),
        ("日本語", "agent"),
        ("!!", "agent"),
        ("x" * 80, "x" * MAX_NAME),
    ],
)
def test_names_are_plain(name: str, expected: str) -> None:
    assert list(named([agent(name)])) == [expected]


def test_the_oldest_of_one_name_keeps_it_whatever_comes_later() -> None:
    young, old, other = agent("Clerk"), agent("clerk!", 2), agent("x" * 80, 1)
    twin = agent("x" * 80)
    found = named([young, old, other, twin])
    assert found["clerk"] == old
    assert found[f"clerk_{young.id[-6:]}"] == young
    assert {one.id for one in found.values()} == {young.id, old.id, other.id, twin.id}
    assert all(re.fullmatch(r"[a-z0-9_]{1,64}", name) for name in found)
    assert named([old, young]) == {name: one for name, one in found.items() if one in (old, young)}


class Scope:
    def __init__(self) -> None:
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True


def test_a_call_is_cancelled_by_its_caller_in_its_session_only() -> None:
    calls, scope, nameless = Calls(), Scope(), Scope()
    with calls.under_way("token/1", "label", 3, scope), calls.under_way("token/1", "", 3, nameless):
        for caller, label, number in (
            ("token/2", "label", 3),
            ("token/1", "other", 3),
            ("token/1", "label", "3"),
            ("token/1", "label", {"a": 1}),
            ("token/1", "", 3),
        ):
            calls.cancel(caller, label, number)
        calls.cancel_all("token/2", "label")
        assert not scope.is_cancelled
        assert not nameless.is_cancelled
        calls.cancel("token/1", "label", 3)
    assert scope.is_cancelled
    assert calls._open == {}


def test_progress_tells_nothing_that_the_model_said() -> None:
    facts = {"model": "m", "limit": "l", "tool": "t", "message": "why", "text": "SECRET", "output": "SECRET"}
    for kind in (*SENTENCES, "model_text", "node_finished"):
        told = sentence_of(RunEvent(1, NOW, kind, "agent", {**facts, "arguments": "SECRET", "result": "SECRET"}))
        assert (told is None) == (kind not in SENTENCES)
        assert "SECRET" not in (told or "")
