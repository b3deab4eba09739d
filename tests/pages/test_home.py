"""Home: three next steps for somebody new, what happened lately for everybody else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app import navigation, runtime
from core import clock
from core.accounts.models import User
from core.agents.models import Agent
from core.bootstrap import Core
from core.keys.models import Key
from core.runs.models import Run, WorkerInfo
from core.sharing.models import EVERYONE, Level
from core.worker.supervisor import SupervisorState
from tests.pages.conftest import Visit

Visitor = Callable[..., Visit]
STEPS = ["Add a key", "Build an agent", "Run it"]


def steps(page: Visit) -> list[str]:
    return [step for step in STEPS if any(f"**{step}**" in markdown.value for markdown in page.app.markdown)]


def test_a_new_person_sees_three_steps_and_the_first_is_next(visit: Visitor, alice: User) -> None:
    page = visit(alice).open(navigation.HOME)
    assert page.title == "Home"
    assert steps(page) == STEPS
    assert [button for button in page.buttons if button in STEPS] == ["Add a key"]
    assert page.metrics == {
        "Spend this month": "$0",
        "Model calls this month": "0",
        "Tokens this month": "0",
        "Worker": "None",
    }


def test_the_first_step_leads_to_the_open_dialog_of_a_key(visit: Visitor, alice: User) -> None:
    page = visit(alice).open(navigation.HOME).press("home_step_0")
    assert page.title == "Keys"
    assert "keys_provider" in [box.key for box in page.app.selectbox]


def test_the_second_step_leads_to_a_new_agent(visit: Visitor, alice: User, key: Key) -> None:
    page = visit(alice).open(navigation.HOME)
    assert [button for button in page.buttons if button in STEPS] == ["Build an agent"]
    assert page.press("home_step_1").title == "New agent"


def test_the_third_step_leads_to_the_agents(visit: Visitor, alice: User, agent: Agent) -> None:
    page = visit(alice).open(navigation.HOME)
    assert [button for button in page.buttons if button in STEPS] == ["Run it"]
    assert page.press("home_step_2").title == "Agents"


@pytest.mark.parametrize(("level", "next_step"), [("run", "Run it"), ("view", "Add a key")])
def test_who_was_given_an_agent_runs_it_and_who_may_look_at_one_still_begins(
    visit: Visitor, page_core: Core, alice: User, charlie: User, agent: Agent, level: Level, next_step: str
) -> None:
    page_core.sharing.grant(alice, "agent", agent.id, EVERYONE, level)
    page = visit(charlie).open(navigation.HOME)
    assert [button for button in page.buttons if button in STEPS] == [next_step]


def test_after_a_run_the_recent_runs_are_shown(visit: Visitor, alice: User, run: Run) -> None:
    page = visit(alice).open(navigation.HOME)
    assert steps(page) == []
    assert "Recent runs" in [subheader.value for subheader in page.app.subheader]
    assert "Classifier" in page.links
    assert "I was charged twice." in page.captions
    assert "Queued" in page.text


def test_charlie_sees_nothing_of_alice(visit: Visitor, charlie: User, run: Run) -> None:
    page = visit(charlie).open(navigation.HOME)
    assert steps(page) == STEPS
    assert "Classifier" not in page.text
    assert "alice" not in page.text.lower()


def test_alice_is_named_in_the_sidebar_without_becoming_html(visit: Visitor, page_core: Core) -> None:
    odd = page_core.accounts.create_user("odd@example.com", "<img src=x>", "correct horse battery", "member")
    page = visit(odd).open(navigation.HOME)
    assert any("&lt;img src=x&gt;" in element.value for element in page.app.html)
    assert "<img src=x>" not in page.text


@pytest.mark.parametrize(
    ("state", "shown"),
    [("asleep", "Asleep"), ("starting", "Starting"), ("running", "Running"), ("restarting", "Restarting")],
)
def test_the_embedded_worker_is_described(
    visit: Visitor, alice: User, monkeypatch: pytest.MonkeyPatch, state: str, shown: str
) -> None:
    monkeypatch.setattr(runtime, "worker_state", lambda: SupervisorState(state))  # type: ignore[arg-type]
    assert visit(alice).open(navigation.HOME).metrics["Worker"] == shown


def test_a_worker_that_was_started_by_hand_is_counted(visit: Visitor, alice: User, page_core: Core) -> None:
    at = clock.now()
    page_core.journal.worker_started(WorkerInfo("w1", "host", 1, False, at, at, None))
    assert visit(alice).open(navigation.HOME).metrics["Worker"] == "1 running"
