"""A run that somebody writes and others listen to, on a real server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from core import clock
from core.accounts.models import User
from core.bootstrap import Core
from core.keys.models import KeyDraft
from core.runs.models import Run
from tests.conftest import PASSWORD


@dataclass(frozen=True)
class Told:
    """One event of a stream."""

    id: str | None
    event: str
    data: Any


def a_person(core: Core, name: str) -> User:
    return core.accounts.create_user(f"{name}@example.com", name.title(), PASSWORD, "member")


def a_run(core: Core, owner: User) -> Run:
    """Start a run that nobody executes."""
    key = core.keys.add(owner, KeyDraft(clock.new_id("key"), "openai", "zk-Secret-0123456789"))
    fields = {"name": "Helper", "department": "hr", "role": "r", "goal": "g", "key_id": key.id, "model": "m"}
    run = core.runs.start_agent_run(owner, core.agents.create(owner, fields).id, "text")
    core.journal.begin(run.id)
    return run


def access_token(core: Core, owner: User) -> str:
    return core.logins.login(owner.email, PASSWORD, None, "tests").access.get_secret_value()


def events_of(run: Run, base: str = "") -> str:
    return f"{base}/api/v1/runs/{run.id}/events"


def told(answer: httpx.Response) -> Iterator[Told]:
    """Read a stream; what ends without an empty line is no event."""
    fields: dict[str, str] = {}
    for line in answer.iter_lines():
        if line:
            name, _, value = line.partition(":")
            fields[name] = value.strip()
            continue
        if "event" in fields:
            yield Told(fields.get("id"), fields["event"], json.loads(fields["data"]))
        fields = {}
