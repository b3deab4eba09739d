"""Agents: listed, searched, made, changed, run and deleted."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app import navigation
from app.ui.agent_form import SAMPLE
from core.accounts.models import User
from core.agents.models import Agent
from core.bootstrap import Core
from core.keys.models import Key
from core.runs.models import Run
from tests.fakes.model_server import FakeModelServer
from tests.pages.conftest import Visit

Visitor = Callable[..., Visit]


def form(agent: Agent) -> str:
    """Return the prefix of the keys in an agent's settings."""
    return f"agent_{agent.id}_{agent.revision}"


# --- the list -----------------------------------------------------------------------------------


def test_without_agents_alice_is_led_to_a_new_one(visit: Visitor, alice: User) -> None:
    page = visit(alice).open(navigation.AGENTS)
    assert "No agents yet" in [subheader.value for subheader in page.app.subheader]
    assert page.press("agents_first").title == "New agent"


def test_alice_sees_her_agents_and_searches_them(
    visit: Visitor, page_core: Core, alice: User, agent: Agent
) -> None:
    other = {**agent.definition.model_dump(), "name": "Poet", "role": "Writer of odes"}
    page_core.agents.create(alice, other)
    page = visit(alice).open(navigation.AGENTS)
    assert {"**Classifier**", "**Poet**"} <= set(page.links)
    assert "Support · fake-1 · changed just now" in page.captions
    for wanted, shown in (("CLASS", "**Classifier**"), ("odes", "**Poet**")):
        page.fill(agents_search=wanted).rerun()
        assert [link for link in page.links if link.startswith("**")] == [shown]
    page.fill(agents_search="nothing like it").rerun()
    assert "No agent matches your search." in page.captions


def test_the_run_button_opens_the_agent(visit: Visitor, alice: User, agent: Agent) -> None:
    page = visit(alice).open(navigation.AGENTS).press(f"agents_run_{agent.id}")
    assert page.title == "Classifier"
    assert page.app.query_params == {"id": agent.id}


# --- a new one ----------------------------------------------------------------------------------


def test_an_agent_without_a_key_begins_with_a_key(visit: Visitor, alice: User) -> None:
    page = visit(alice).open(navigation.AGENT)
    assert "First a key" in [subheader.value for subheader in page.app.subheader]
    assert "agent_new_name" not in [field.key for field in page.app.text_input]
    assert page.press("agent_add_key").title == "Keys"


def test_alice_takes_the_sample_as_it_is(
    visit: Visitor, page_core: Core, alice: User, key: Key, fake: FakeModelServer
) -> None:
    page = visit(alice).open(navigation.AGENT)
    assert page.app.text_input(key="agent_new_name").value == SAMPLE["name"]
    page.press("agent_new_save")
    (agent,) = page_core.agents.list(alice)
    assert agent.definition.goal == SAMPLE["goal"]
    assert (agent.definition.key_id, agent.definition.model) == (key.id, "fake-1")
    assert page.title == SAMPLE["name"]
    assert page.toasts == ["The agent was created."]


def test_alice_makes_one_of_her_own(visit: Visitor, page_core: Core, alice: User, key: Key) -> None:
    page = visit(alice).open(navigation.AGENT)
    page.fill(
        agent_new_name="  Sum  ",
        agent_new_department="finance",
        agent_new_role="Bookkeeper",
        agent_new_goal="Add {numbers} up.",
        agent_new_backstory="",
        agent_new_tools=["calculator"],
        agent_new_temperature=0.0,
        agent_new_iterations=3,
        agent_new_max_output=64,
        agent_new_time=30,
        agent_new_output_schema='{"type": "object", "properties": {"sum": {"type": "number"}}}',
    )
    page.press("agent_new_save")
    assert page.errors == []
    (agent,) = page_core.agents.list(alice)
    made = agent.definition
    assert (made.name, made.department, made.role) == ("Sum", "finance", "Bookkeeper")
    assert (made.goal, made.backstory, made.tools) == ("Add {numbers} up.", "", ("calculator",))
    assert (made.temperature, made.max_iterations) == (0, 3)
    assert (made.max_output_tokens, made.time_limit_seconds) == (64, 30)
    assert made.output_schema == {"type": "object", "properties": {"sum": {"type": "number"}}}


@pytest.mark.parametrize(
    ("field", "sentence"),
    [
        ("name", "Name is missing."),
        ("role", "Role is missing."),
        ("goal", "Goal is missing."),
    ],
)
def test_what_is_missing_is_said_in_one_sentence(
    visit: Visitor, page_core: Core, alice: User, key: Key, field: str, sentence: str
) -> None:
    page = visit(alice).open(navigation.AGENT)
    page.fill(**{f"agent_new_{field}": "   "}).press("agent_new_save")
    assert page.errors == [sentence]
    assert page_core.agents.list(alice) == []


def test_a_form_of_answers_that_is_none_is_told(visit: Visitor, page_core: Core, alice: User, key: Key) -> None:
    page = visit(alice).open(navigation.AGENT)
    page.fill(agent_new_output_schema="a table").press("agent_new_save")
    assert page.errors == ["Output schema: it is not JSON."]
    assert page_core.agents.list(alice) == []


def test_the_models_of_a_key_that_does_not_work_can_still_be_typed(
    visit: Visitor, page_core: Core, alice: User, key: Key, fake: FakeModelServer
) -> None:
    fake.options.fault = "401"
    page = visit(alice).open(navigation.AGENT)
    box = page.app.selectbox(key=f"agent_new_model_{key.id}")
    assert box.options == []
    assert "The provider does not accept this key." in page.text
    assert page.press("agent_new_save").errors == ["Model is missing."]


# --- an existing one ----------------------------------------------------------------------------


def test_alice_changes_her_agent(visit: Visitor, page_core: Core, alice: User, agent: Agent) -> None:
    page = visit(alice).open(navigation.AGENT, id=agent.id)
    page.fill(**{f"{form(agent)}_name": "Sorter"}).press(f"{form(agent)}_save")
    assert page.errors == []
    assert page_core.agents.get(alice, agent.id).definition.name == "Sorter"
    assert page_core.agents.get(alice, agent.id).revision == 2
    assert page.title == "Sorter"
    assert page.toasts == ["The changes were saved."]


def test_changes_that_were_made_elsewhere_are_not_overwritten(
    visit: Visitor, page_core: Core, alice: User, agent: Agent
) -> None:
    """Two tabs: the second saves while the first still shows what it had read."""
    page = visit(alice).open(navigation.AGENT, id=agent.id)
    real = page_core.agents.update

    def slower(actor: User, agent_id: str, fields: dict[str, object], revision: int) -> Agent:
        real(actor, agent_id, {**fields, "name": "From the other tab"}, revision)
        return real(actor, agent_id, fields, revision)

    page_core.agents.update = slower  # type: ignore[method-assign,assignment]
    page.fill(**{f"{form(agent)}_name": "From this tab"}).press(f"{form(agent)}_save")
    assert page.errors == ["This agent was changed elsewhere. Reload the page to see the newer version."]
    assert page_core.agents.get(alice, agent.id).definition.name == "From the other tab"


def test_an_agent_whose_key_was_deleted_says_so(
    visit: Visitor, page_core: Core, alice: User, key: Key, agent: Agent
) -> None:
    page_core.keys.delete(alice, key.id)
    page = visit(alice).open(navigation.AGENT, id=agent.id)
    assert [warning.value for warning in page.app.warning] == [
        "The key of this agent was deleted. Choose another key in the agent's settings."
    ]
    page.press(f"{form(agent)}_save")
    assert page.errors == ["Choose a key."]


def test_alice_runs_her_agent_and_lands_on_the_run(
    visit: Visitor, page_core: Core, alice: User, agent: Agent
) -> None:
    page = visit(alice).open(navigation.AGENT, id=agent.id)
    page.fill(**{f"agent_input_{agent.id}": "Where is my order?"}).press("agent_run")
    (run,) = page_core.runs.list(alice)
    assert run.inputs == {"input": "Where is my order?"}
    assert page.title == "Classifier"
    assert page.app.query_params == {"id": run.id}
    assert "Queued" in page.text


def test_an_empty_input_starts_nothing(visit: Visitor, page_core: Core, alice: User, agent: Agent) -> None:
    page = visit(alice).open(navigation.AGENT, id=agent.id).press("agent_run")
    assert page.errors == ["Enter what the agent should work on."]
    assert page_core.runs.list(alice) == []


def test_an_agent_lists_its_own_runs(visit: Visitor, alice: User, agent: Agent) -> None:
    assert "This agent has not run yet." in visit(alice).open(navigation.AGENT, id=agent.id).captions


def test_an_agent_with_runs_shows_them(visit: Visitor, alice: User, agent: Agent, run: Run) -> None:
    assert "I was charged twice." in visit(alice).open(navigation.AGENT, id=agent.id).captions


def test_deleting_asks_first_and_keeps_the_runs(
    visit: Visitor, page_core: Core, alice: User, agent: Agent, run: Run
) -> None:
    page = visit(alice).open(navigation.AGENT, id=agent.id).press("agent_delete")
    assert page_core.agents.list(alice) == [agent]
    page.press_in_dialog("agent_delete", "agent_delete_yes")
    assert page_core.agents.list(alice) == []
    assert page.title == "Agents"
    assert page.toasts == ["The agent was deleted."]
    assert visit(alice).open(navigation.RUN, id=run.id).title == "Classifier"


# --- somebody else ------------------------------------------------------------------------------


@pytest.mark.parametrize("id_", ["", "agent_0", "../../etc", "x" * 5000])
def test_an_agent_that_is_not_there_does_not_exist(visit: Visitor, alice: User, id_: str) -> None:
    page = visit(alice).open(navigation.AGENT, id=id_)
    assert page.errors == ["This agent does not exist, or it is not yours."]


def test_charlie_cannot_tell_that_alices_agent_exists(visit: Visitor, charlie: User, agent: Agent) -> None:
    page = visit(charlie).open(navigation.AGENT, id=agent.id)
    assert page.errors == ["This agent does not exist, or it is not yours."]
    assert page.links[-1:] == ["All agents"]
    assert "Classifier" not in page.text
    assert "Classifier" not in visit(charlie).open(navigation.AGENTS).text
