"""People share agents and keys from their pages, and colleagues find what was shared with them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app import navigation
from core.accounts.models import User
from core.agents.models import Agent
from core.bootstrap import Core
from core.keys.models import Key
from core.sharing.models import EVERYONE, Grantee, Level
from tests.pages.conftest import Visit

Visitor = Callable[..., Visit]


@pytest.fixture
def bob(page_core: Core) -> User:
    return page_core.accounts.create_user(
        "bob@example.com", "Bob [x](http://evil)", "correct horse battery", "member"
    )


def test_alice_shares_her_agent_and_lends_it_her_key(
    visit: Visitor, page_core: Core, alice: User, bob: User, agent: Agent, key: Key
) -> None:
    page = visit(alice).open(navigation.AGENT, id=agent.id)
    page.app.button(key="agent_share").click().run()
    assert "Private: nobody else has it." in page.captions
    options = page.app.selectbox(key="share_with").options
    assert options[0] == "Everybody"
    assert "Support (department)" in options
    assert any(option.startswith("Bob") for option in options)
    page.fill(share_with="Support (department)", share_level="run")
    page.press_in_dialog("agent_share", "share_add")
    page.app.button(key="agent_share").click().run()
    assert "they cannot run it before you lend the key" in page.app.info[0].value
    page.press_in_dialog("agent_share", "share_lend")
    assert page_core.sharing.list(alice, "agent", agent.id)[0].grantee == Grantee("department", "support")
    assert page_core.sharing.list(alice, "key", key.id)[0].grantee == Grantee("agent", agent.id)
    page.press_in_dialog("agent_share", "share_take_back")
    assert page_core.sharing.list(alice, "key", key.id) == []
    page.press_in_dialog("agent_share", "share_end_department_support")
    assert page_core.sharing.list(alice, "agent", agent.id) == []


def test_alice_is_asked_with_whom_and_finds_bob_by_his_name(
    visit: Visitor, page_core: Core, alice: User, bob: User, agent: Agent
) -> None:
    page = visit(alice).open(navigation.AGENT, id=agent.id)
    page.app.button(key="agent_share").click().run()
    page.press_in_dialog("agent_share", "share_add")
    assert [warning.value for warning in page.app.warning] == ["Choose with whom to share it."]
    page.app.button(key="agent_share").click().run()
    page.fill(share_with=next(o for o in page.app.selectbox(key="share_with").options if "bob@" in o))
    page.press_in_dialog("agent_share", "share_add")
    assert [share.grantee.id for share in page_core.sharing.list(alice, "agent", agent.id)] == [bob.id]
    page.app.button(key="agent_share").click().run()
    page.fill(**{f"share_level_person_{bob.id}": "edit"})
    page.app.button(key="agent_share").click().run()
    assert page_core.agents.get(bob, agent.id).access.level == "edit"
    # His name is text, not a link.
    assert not any("](http" in text.value for text in page.app.markdown)


@pytest.mark.parametrize(
    ("level", "said", "tabs_can"),
    [
        ("view", "you may view it", (False, False)),
        ("run", "you may run it", (True, False)),
        ("edit", "you may change it", (True, True)),
    ],
)
def test_bob_finds_what_is_shared_and_may_do_what_it_says(
    visit: Visitor,
    page_core: Core,
    alice: User,
    bob: User,
    agent: Agent,
    key: Key,
    level: Level,
    said: str,
    tabs_can: tuple[bool, bool],
) -> None:
    page_core.sharing.grant(alice, "agent", agent.id, EVERYONE, level)
    page_core.sharing.grant(alice, "key", key.id, Grantee("agent", agent.id), "run")
    listed = visit(bob).open(navigation.AGENTS)
    assert any(caption.startswith("Alice’s · Support · fake-1") for caption in listed.captions)
    assert ("Run" in listed.buttons) == tabs_can[0]
    page = visit(bob).open(navigation.AGENT, id=agent.id)
    assert not page.app.exception
    assert f":material/share: Alice shared it with you: {said}." in page.captions
    assert {"Share", "Delete"} & set(page.buttons) == set()
    assert page.app.button(key="agent_run").disabled != tabs_can[0]
    assert ("Save changes" in page.buttons) == tabs_can[1]
    assert "Name the team." in page.text


def test_bob_changes_alices_agent_without_seeing_its_key(
    visit: Visitor, page_core: Core, alice: User, bob: User, agent: Agent, key: Key
) -> None:
    page_core.sharing.grant(alice, "agent", agent.id, EVERYONE, "edit")
    page = visit(bob).open(navigation.AGENT, id=agent.id)
    prefix = f"agent_{agent.id}_1"
    assert page.app.selectbox(key=f"{prefix}_key").options == ["The key it has, not yours"]
    page.fill(**{f"{prefix}_goal": "Name it better."}).press(f"{prefix}_save")
    after = page_core.agents.get(alice, agent.id).definition
    assert (after.goal, after.key_id, after.model) == ("Name it better.", key.id, "fake-1")
    assert "zk-" not in page.text


def test_bob_is_told_whom_to_ask_when_the_key_is_not_lent(
    visit: Visitor, page_core: Core, alice: User, bob: User, agent: Agent
) -> None:
    page_core.sharing.grant(alice, "agent", agent.id, EVERYONE, "run")
    page = visit(bob).open(navigation.AGENT, id=agent.id)
    assert "Ask Alice to lend it" in page.app.warning[0].value
    assert page.app.button(key="agent_run").disabled


def test_alice_shares_a_key_and_bob_builds_an_agent_on_it_without_seeing_it(
    visit: Visitor, page_core: Core, alice: User, bob: User, key: Key
) -> None:
    page = visit(alice).open(navigation.KEY, id=key.id)
    page.app.button(key="key_share").click().run()
    page.fill(share_with="Everybody", share_level="run")
    page.press_in_dialog("key_share", "share_add")
    assert key.hint in page.text
    for theirs in (visit(bob).open(navigation.KEYS), visit(bob).open(navigation.KEY, id=key.id)):
        assert any(caption.startswith("Alice’s, you may run on it") for caption in theirs.captions)
        assert key.hint not in theirs.text
        assert not {"Share", "Edit", "Disable", "Delete"} & set(theirs.buttons)
    form = visit(bob).open(navigation.AGENT)
    assert form.app.selectbox(key="agent_new_key").options == ["Fake · OpenAI-compatible endpoint · Alice’s"]
    form.press("agent_new_save")
    made = page_core.agents.list(bob)[0]
    assert (made.owner_id, made.definition.key_id) == (bob.id, key.id)


def test_alice_renames_her_key_and_replaces_its_secret(
    visit: Visitor, page_core: Core, alice: User, key: Key
) -> None:
    page = visit(alice).open(navigation.KEY, id=key.id)
    page.app.button(key="key_edit").click().run()
    page.fill(**{f"keys_rename_{key.id}": "Team key"})
    page.press_in_dialog("key_edit", "keys_edit_save")
    assert page_core.keys.get(alice, key.id).name == "Team key"
    page.app.button(key="key_edit").click().run()
    page.fill(**{f"keys_replace_{key.id}": "zk-fresh-key-0123456789-wxyz"})
    page.press_in_dialog("key_edit", "keys_edit_save")
    after = page_core.keys.get(alice, key.id)
    assert (after.secret_version, after.hint, after.test_code) == (2, "zk-…wxyz", "ok")
    assert "zk-fresh-key-0123456789-wxyz" not in page.text
