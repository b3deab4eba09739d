"""A key's own page: how it does, what depends on it, and its end; the list tells the same in one row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from app import navigation
from core import clock
from core.accounts.models import User
from core.agents.models import Agent
from core.bootstrap import Core
from core.keys.models import Key, KeyDraft
from core.llm.pricing import Tokens
from core.runs.models import Run
from core.sharing.models import EVERYONE, Grantee
from core.usage.models import CallOrigin
from tests.fakes.model_server import FakeModelServer
from tests.pages.conftest import Visit
from tests.support.stopped_clock import StoppedClock

Visitor = Callable[..., Visit]


@pytest.fixture
def used(page_core: Core, alice: User, run: Run, key: Key) -> CallOrigin:
    """Alice's key after three calls: two answered, one refused."""
    origin = CallOrigin(run.id, "agent", run.agent_id, alice.id, "support", key.id, key.provider, "fake-1")
    for tokens in (Tokens(1000, 100), Tokens(500, 0)):
        call_id = page_core.usage.open_call(origin, tokens, key.own_price)
        page_core.usage.settle(call_id, origin, tokens, 5)
    page_core.usage.fail(page_core.usage.open_call(origin, tokens, key.own_price), "rate_limited", 5)
    page_core.keys.note_use(key.id)
    return origin


def test_alice_sees_how_her_key_does(visit: Visitor, alice: User, key: Key, agent: Agent, used: CallOrigin) -> None:
    page = visit(alice).open(navigation.KEY, id=key.id)
    assert page.title == key.name
    assert page.metrics == {
        "Spend, 7 days": "$0.0038",
        "Spend, 30 days": "$0.0038",
        "Calls, 30 days": "2",
        "Failed, 30 days": "33 %",
    }
    assert len(page.app.get("plotly_chart")) == 2
    assert (
        "Most frequent error (1×): The provider asks us to slow down. Please try again in a minute."
        in page.captions
    )
    assert "Classifier" in page.links
    assert "Private: nobody else has it." in page.captions
    assert any("never tested · used just now" in caption for caption in page.captions)


def test_a_key_that_was_never_used_is_no_empty_chart(visit: Visitor, alice: User, key: Key) -> None:
    page = visit(alice).open(navigation.KEY, id=key.id)
    assert page.metrics["Failed, 30 days"] == "–"
    assert not page.app.get("plotly_chart")
    assert {"No model calls in the last 30 days.", "Nothing uses it."} <= set(page.captions)


def test_whom_it_is_shared_with_sees_no_more_than_their_own(
    visit: Visitor, page_core: Core, alice: User, charlie: User, key: Key, used: CallOrigin
) -> None:
    page = visit(charlie).open(navigation.KEY, id=key.id)
    assert page.errors == ["This key does not exist, or it is not yours."]
    assert key.name not in page.text
    page_core.sharing.grant(alice, "key", key.id, Grantee("person", charlie.id), "run")
    page = visit(charlie).open(navigation.KEY, id=key.id)
    assert page.metrics["Spend, 30 days"] == "$0"
    assert "Classifier" not in page.text
    assert "The figures are of your own calls; its owner sees those of everybody." in page.captions
    assert page.buttons == ["Test", "Sign out"]


def test_a_test_tells_its_outcome_on_the_page(visit: Visitor, alice: User, key: Key, fake: FakeModelServer) -> None:
    page = visit(alice).open(navigation.KEY, id=key.id)
    fake.options.fault = "401"
    page.press("key_test")
    refused = "The provider does not accept this key. Copy the whole key again and choose Replace secret."
    assert page.errors == [refused]
    assert "Does not work" in page.text
    assert page.rerun().errors == [refused]  # until a test or a call goes well
    fake.options.fault = ""
    page.press("key_test")
    assert [box.value for box in page.app.success] == ["OpenAI-compatible endpoint accepts this key."]
    assert page.rerun().errors == []


def test_alice_disables_her_key_and_enables_it_again(
    visit: Visitor, page_core: Core, alice: User, key: Key, agent: Agent, run: Run
) -> None:
    page = visit(alice).open(navigation.KEY, id=key.id).press("key_disable")
    told = "\n".join(warning.value for warning in page.app.warning)
    assert "Used by 1 agent." in told
    assert "- Classifier (yours)" in told
    assert "1 run under way will fail" in told
    page.press_in_dialog("key_disable", "key_disable_yes")
    assert page.toasts == ["The key was disabled."]
    assert "Test" not in page.buttons
    assert "Disabled" in page.text
    assert not [b for b in visit(alice).open(navigation.KEYS).app.button if b.key == f"keys_test_{key.id}"]
    stopped = visit(alice).open(navigation.AGENT, id=agent.id)
    assert stopped.app.warning[0].value.startswith("This runs on a key of Alice that is disabled.")
    assert stopped.app.button(key="agent_run").disabled
    assert stopped.app.selectbox[0].options == ["Fake · OpenAI-compatible endpoint · disabled"]
    page.press("key_enable")
    assert page.toasts == ["The key was enabled."]
    assert page_core.keys.get(alice, key.id).disabled_at is None


def test_deleting_says_what_breaks_and_asks_for_the_name(
    visit: Visitor, page_core: Core, alice: User, charlie: User, key: Key, agent: Agent, run: Run
) -> None:
    page_core.sharing.grant(alice, "key", key.id, EVERYONE, "run")
    named = {**agent.definition.model_dump(), "name": "*Charlie's* clerk"}
    page_core.agents.create(charlie, named)
    page = visit(alice).open(navigation.KEY, id=key.id).press("key_delete")
    told = "\n".join(warning.value for warning in page.app.warning)
    assert "Used by 2 agents. They need another key before they run again." in told
    assert "clerk (Charlie’s)" in told
    assert "1 run under way will fail before the next step." in told
    assert ":material/group: Shared with Everybody." in page.captions
    for typed in ("", "fake"):
        page.fill(key_delete_name=typed).press_in_dialog("key_delete", "key_delete_yes")
        assert "This is not the name of the key." in [warning.value for warning in page.app.warning]
        assert page_core.keys.list(alice) != []
    page.app.button(key="key_delete").click().run()
    page.fill(key_delete_name=key.name).press_in_dialog("key_delete", "key_delete_yes")
    assert page_core.keys.list(alice) == []
    assert page.title == "Keys"
    assert page.toasts == ["The key was deleted."]


def test_deleting_a_key_on_which_nothing_depends_asks_for_no_name(
    visit: Visitor, page_core: Core, alice: User, key: Key
) -> None:
    page = visit(alice).open(navigation.KEY, id=key.id).press("key_delete")
    assert not page.app.warning
    assert not page.app.text_input
    page.press_in_dialog("key_delete", "key_delete_yes")
    assert page_core.keys.list(alice) == []


def test_a_day_of_expiry_is_set_on_the_page_and_told_on_home(
    visit: Visitor, page_core: Core, alice: User, key: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    StoppedClock(monkeypatch)
    assert "Expires soon" not in visit(alice).open(navigation.HOME).text
    page = visit(alice).open(navigation.KEY, id=key.id)
    day = clock.now().date() + timedelta(days=5)
    page.fill(**{f"key_expires_{key.id}_1": day}).press("key_expiry_save")
    assert page_core.keys.get(alice, key.id).expires_on == day
    assert page.app.warning[0].value.startswith("This key expires in 5 days. Replace it before that under Edit,")
    home = visit(alice).open(navigation.HOME)
    assert "**Fake**" in home.links
    assert "It expires in 5 days." in home.captions
    assert "Expires soon" in home.text
    page_core.keys.test(alice, key.id)
    page.fill(**{f"key_expires_{key.id}_1": None}).press("key_expiry_save")
    assert page_core.keys.get(alice, key.id).expires_on is None
    assert "**Fake**" not in visit(alice).open(navigation.HOME).text


def test_the_list_is_searched_sorted_and_filtered_by_the_address(
    visit: Visitor, page_core: Core, alice: User, key: Key, used: CallOrigin
) -> None:
    for name in ("Zebra", "apple", "Mango"):
        page_core.keys.add(alice, KeyDraft(name, "openai", "zk-Other-0123456789"))
    page_core.key_care.disable(alice, page_core.keys.list(alice)[0].id)

    def names(**query: str) -> list[str]:
        page = visit(alice).open(navigation.KEYS, **query)
        return [link.strip("*") for link in page.links]

    assert names() == ["Mango", "apple", "Zebra", "Fake"]
    assert names(keys_order="Name") == ["apple", "Fake", "Mango", "Zebra"]
    assert names(keys_order="Spend")[0] == names(keys_order="Last used")[0] == "Fake"
    assert names(keys_search=" MANGO ") == ["Mango"]
    assert names(keys_state="Disabled") == ["Mango"]
    nothing = visit(alice).open(navigation.KEYS, keys_search="nothing like it")
    assert "No key matches your search." in nothing.captions


def test_a_viewer_changes_nothing_but_may_delete_what_is_theirs(
    visit: Visitor, page_core: Core, root: User, alice: User, key: Key
) -> None:
    page_core.people.set_role(replace(root, proved_at=clock.now()), alice.id, "viewer")
    page = visit(alice).open(navigation.KEY, id=key.id)
    assert page.title == key.name
    assert page.buttons == ["Share", "Test", "Delete", "Sign out"]
