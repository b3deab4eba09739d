"""The page API: programs for one agent, with the reader's own address."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app import navigation, runtime
from core.accounts.models import User
from core.agents.models import Agent
from core.bootstrap import Core
from tests.pages.conftest import SECRET, Visit

Visitor = Callable[..., Visit]


@pytest.fixture
def _routes(monkeypatch: pytest.MonkeyPatch, page_core: Core) -> None:
    monkeypatch.setattr(runtime._process, "has_routes", True)


def codes(page: Visit) -> list[str]:
    return [code.value for code in page.app.code]


@pytest.mark.usefixtures("_routes")
def test_alice_copies_programs_for_the_agent_that_she_came_from(
    visit: Visitor, page_core: Core, alice: User, agent: Agent
) -> None:
    newest = page_core.agents.create(alice, {**agent.definition.model_dump(), "name": "Poet"})
    page = visit(alice).open(navigation.API)
    assert any(newest.id in code for code in codes(page))

    assert "Use by API" in visit(alice).open(navigation.AGENT, id=agent.id).links
    page = visit(alice).open(navigation.API, agent=agent.id)
    found = codes(page)
    assert [tab.label for tab in page.app.tabs] == ["curl", "Python", "JavaScript", "OpenAI-compatible", "MCP"]
    assert sum(f"/custom-agents/{agent.id}/execute" in code for code in found) == 3
    assert agent.id in found
    assert not any("{api}" in code or "{agent_id}" in code or "{input}" in code for code in found)
    assert SECRET not in page.text
    assert str(page.token) not in page.text


@pytest.mark.usefixtures("_routes")
def test_without_an_agent_charlie_is_led_to_one(visit: Visitor, charlie: User, agent: Agent) -> None:
    page = visit(charlie).open(navigation.API, agent=agent.id)
    assert [subheader.value for subheader in page.app.subheader] == ["First an agent"]
    assert agent.id not in page.text


def test_where_only_the_pages_are_served_it_says_so(visit: Visitor, alice: User, agent: Agent) -> None:
    page = visit(alice).open(navigation.API)
    assert "the API is not served here" in page.app.info[0].value
    assert codes(page) == []
