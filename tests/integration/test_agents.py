"""People describe agents, change them without losing each other's changes, and keep them to themselves."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from core.accounts.models import User
from core.agents.models import Agent
from core.bootstrap import Core
from core.errors import Conflict, CoreError, Invalid, NotFound
from core.keys.models import KeyDraft
from tests.conftest import Cast

Fields = dict[str, Any]


@pytest.fixture
def fields(core: Core, alice: User) -> Fields:
    key = core.keys.add(alice, KeyDraft("Mine", "openai", "zk-Secret-0123456789"))
    return {
        "name": " Helper ",
        "department": "support",
        "role": "Clerk",
        "goal": "Answer\nletters",
        "key_id": key.id,
        "model": "gpt-4o",
        "tools": ["calculator"],
    }


@pytest.fixture
def agent(core: Core, alice: User, fields: Fields) -> Agent:
    return core.agents.create(alice, fields)


def test_alice_finds_the_agent_she_made(core: Core, alice: User, agent: Agent) -> None:
    assert core.agents.get(alice, agent.id) == agent
    assert core.agents.list(alice) == [agent]
    assert (agent.revision, agent.definition.name, agent.definition.tools) == (1, "Helper", ("calculator",))


def test_alice_changes_an_agent_and_it_moves_to_the_top(
    core: Core, alice: User, agent: Agent, fields: Fields
) -> None:
    other = core.agents.create(alice, {**fields, "name": "Other"})
    changed = core.agents.update(alice, agent.id, {**fields, "goal": "Answer calls"}, agent.revision)
    assert (changed.revision, changed.definition.goal) == (2, "Answer calls")
    assert changed.created_at == agent.created_at < changed.updated_at
    assert core.agents.list(alice) == [changed, other]


def test_alice_saving_an_old_page_is_told_instead_of_overwriting(
    core: Core, alice: User, agent: Agent, fields: Fields
) -> None:
    core.agents.update(alice, agent.id, {**fields, "goal": "first"}, agent.revision)
    with pytest.raises(Conflict, match="changed elsewhere"):
        core.agents.update(alice, agent.id, {**fields, "goal": "second"}, agent.revision)
    assert core.agents.get(alice, agent.id).definition.goal == "first"


def test_of_changes_at_once_exactly_one_is_saved(core: Core, alice: User, agent: Agent, fields: Fields) -> None:
    def change(number: int) -> str:
        try:
            core.agents.update(alice, agent.id, {**fields, "goal": f"goal {number}"}, agent.revision)
        except CoreError as error:
            return error.code
        return f"goal {number}"

    with ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(change, range(6)))
    assert outcomes.count("conflict") == 5
    saved = core.agents.get(alice, agent.id)
    assert saved.revision == 2
    assert saved.definition.goal in outcomes


def test_alice_deletes_an_agent(core: Core, alice: User, agent: Agent, fields: Fields) -> None:
    core.agents.delete(alice, agent.id)
    assert core.agents.list(alice) == []
    for reach in (core.agents.get, core.agents.delete):
        with pytest.raises(NotFound):
            reach(alice, agent.id)
    with pytest.raises(NotFound):
        core.agents.update(alice, agent.id, fields, agent.revision)


def test_an_agent_outlives_its_key(core: Core, alice: User, agent: Agent, fields: Fields) -> None:
    core.keys.delete(alice, agent.definition.key_id)
    assert core.agents.get(alice, agent.id) == agent
    with pytest.raises(NotFound, match="key"):
        core.agents.update(alice, agent.id, fields, agent.revision)


def test_charlie_cannot_reach_alices_agent_in_any_way(core: Core, cast: Cast, agent: Agent, fields: Fields) -> None:
    own = core.keys.add(cast.charlie, KeyDraft("His", "openai", "zk-Secret-0123456789"))
    reaches: list[Callable[[str], object]] = [
        lambda agent_id: core.agents.get(cast.charlie, agent_id),
        lambda agent_id: core.agents.delete(cast.charlie, agent_id),
        lambda agent_id: core.agents.update(cast.charlie, agent_id, {**fields, "key_id": own.id}, 1),
    ]
    for reach in reaches:
        for agent_id in (agent.id, "agent_made_up", "", "a\x00", "\ud800"):
            with pytest.raises(NotFound, match="This agent does not exist, or it is not yours"):
                reach(agent_id)
    assert core.agents.list(cast.charlie) == core.agents.list(cast.bob) == []
    assert core.agents.get(cast.alice, agent.id) == agent


def test_charlie_cannot_make_an_agent_with_alices_key(core: Core, cast: Cast, fields: Fields) -> None:
    with pytest.raises(NotFound, match="This key does not exist, or it is not yours"):
        core.agents.create(cast.charlie, fields)
    assert core.agents.list(cast.charlie) == []


WRONG: list[tuple[Fields, str, str]] = [
    ({"name": " "}, "name", "Name is missing."),
    ({"name": None}, "name", "Name: input should be a valid string."),
    ({"name": "n" * 81}, "name", "Name: string should have at most 80 characters."),
    ({"role": ""}, "role", "Role is missing."),
    ({"goal": "g" * 4001}, "goal", "Goal: string should have at most 4000 characters."),
    ({"department": "board"}, "department", "Choose one of the departments."),
    ({"temperature": 2.1}, "temperature", "Temperature: input should be less than or equal to 2."),
    ({"temperature": float("nan")}, "temperature", "Temperature: input should be less than or equal to 2."),
    ({"max_iterations": 0}, "max_iterations", "Most steps: input should be greater than or equal to 1."),
    ({"time_limit_seconds": 3601}, "time_limit_seconds", "Time limit: input should be less than or equal to 3600."),
    ({"max_output_tokens": "many"}, "max_output_tokens", "Longest answer: input should be a valid integer"),
    ({"tools": ["shell"]}, "tools", "There is no tool called shell."),
    ({"tools": "calculator"}, "tools", "Tools: input should be a valid tuple."),
    ({"owner_id": "user_1"}, "owner_id", "There is no field called owner_id."),
]


def test_alice_filling_in_a_wrong_field_reads_one_sentence_about_it(
    core: Core, alice: User, fields: Fields
) -> None:
    for change, field, sentence in WRONG:
        with pytest.raises(Invalid) as caught:
            core.agents.create(alice, {**fields, **change})
        assert caught.value.field == field
        assert caught.value.sentence.startswith(sentence)
    for name in ("name", "department", "role", "goal", "key_id", "model"):
        with pytest.raises(Invalid, match="is missing"):
            core.agents.create(alice, {key: value for key, value in fields.items() if key != name})
    assert core.agents.list(alice) == []


def test_characters_that_cannot_be_stored_do_no_harm(core: Core, alice: User, fields: Fields) -> None:
    made = core.agents.create(alice, {**fields, "goal": "a\x00b \U0001f600"})
    assert core.agents.get(alice, made.id).definition.goal == "ab \U0001f600"
