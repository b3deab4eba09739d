"""Calls in the books without a model: who used what, when, and for how much."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from core import clock
from core.accounts.models import User
from core.bootstrap import Core
from core.keys.models import KeyDraft
from core.llm.pricing import OwnPrice, Tokens
from core.usage.models import CallOrigin
from tests.support.stub_queue import StubQueue, runs_with

BOUND = Tokens(10_000_000, 1_000_000)
# A micro-dollar a token in.
PRICE = OwnPrice(1_000_000, 0)


class Books:
    """Books calls of one person's agent."""

    def __init__(self, core: Core, owner: User, agent: str = "Clerk") -> None:
        self._core = core
        owner = replace(owner, role="member", proved_at=clock.now())
        key = core.keys.add(owner, KeyDraft(clock.new_id("name"), "openai", "zk-Secret-0123456789"))
        fields = {"name": agent, "department": "hr", "role": "r", "goal": "g", "key_id": key.id, "model": "gpt-4o"}
        made = core.agents.create(owner, fields)
        run = runs_with(core, StubQueue()).start_agent_run(owner, made.id, "x")
        self.origin = CallOrigin(run.id, "agent", made.id, owner.id, None, key.id, "openai", "gpt-4o")

    def open(
        self, department: str | None, *, is_pool: bool = True, model: str = "gpt-4o"
    ) -> tuple[str, CallOrigin]:
        """Send a call."""
        origin = replace(self.origin, department=department, is_pool=is_pool, model=model)
        return self._core.usage.open_call(origin, BOUND, PRICE), origin

    def settle(self, sent: tuple[str, CallOrigin], micros: int | None) -> None:
        """Settle a call; None: its provider gave no count, so what it has cost is unknown."""
        call_id, origin = sent
        tokens = None if micros is None else Tokens(micros, 1)
        self._core.usage.settle(call_id, origin, tokens, 1)

    def call(
        self, department: str | None, micros: int | None, *, is_pool: bool = True, model: str = "gpt-4o"
    ) -> None:
        """Send a call and settle it."""
        self.settle(self.open(department, is_pool=is_pool, model=model), micros)


def at(text: str) -> datetime:
    """Return a moment in UTC."""
    return datetime.fromisoformat(f"{text}+00:00")
