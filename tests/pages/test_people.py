"""People: found, changed, suspended and let in again by an administrator."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app import navigation
from core.accounts.models import User
from core.bootstrap import Core
from tests.conftest import PASSWORD
from tests.pages.conftest import Visit

Visitor = Callable[..., Visit]


def test_an_administrator_finds_alice(visit: Visitor, root: User, alice: User, charlie: User) -> None:
    page = visit(root).open(navigation.PEOPLE)
    assert {f"people_change_{user.id}" for user in (root, alice, charlie)} <= {b.key for b in page.app.button}
    page.fill(people_search="alice@").rerun()
    changes = [b.key for b in page.app.button if (b.key or "").startswith("people_change_")]
    assert changes == [f"people_change_{alice.id}"]
    page.fill(people_search="nobody like it").rerun()
    assert "Nobody matches your search." in page.captions


def test_role_and_department_are_chosen_and_saved(visit: Visitor, page_core: Core, root: User, alice: User) -> None:
    opener = f"people_change_{alice.id}"
    page = visit(root).open(navigation.PEOPLE).press(opener)
    page.fill(**{f"people_role_{alice.id}": "manager", f"people_department_{alice.id}": "finance"})
    page.press_in_dialog(opener, "people_save")
    assert page.errors == []
    assert page.toasts == ["The changes to Alice were saved."]
    now = page_core.people.get(root, alice.id)
    assert (now.role, now.department) == ("manager", "finance")


def test_the_last_administrator_is_told_why_not(visit: Visitor, page_core: Core, root: User) -> None:
    opener = f"people_change_{root.id}"
    page = visit(root).open(navigation.PEOPLE).press(opener)
    page.fill(**{f"people_role_{root.id}": "member"}).press_in_dialog(opener, "people_save")
    assert page.errors == ["This is the last administrator. Make somebody else an administrator first."]
    assert page_core.people.get(root, root.id).role == "admin"


def test_suspending_asks_first_and_puts_alice_out(visit: Visitor, page_core: Core, root: User, alice: User) -> None:
    hers = visit(alice).open(navigation.AGENTS)
    opener = f"people_suspend_{alice.id}"
    page = visit(root).open(navigation.PEOPLE).press(opener)
    assert page_core.people.get(root, alice.id).is_active
    page.press_in_dialog(opener, "people_suspend_yes")
    assert not page_core.people.get(root, alice.id).is_active
    assert hers.rerun().sees_sign_in
    assert "Suspended" in page.text
    opener = f"people_reactivate_{alice.id}"
    page.press(opener).press_in_dialog(opener, "people_reactivate_yes")
    assert page.toasts == ["Alice can sign in again."]
    assert page_core.people.get(root, alice.id).is_active
    assert hers.rerun().sees_sign_in


@pytest.fixture
def mia(page_core: Core, root: User) -> User:
    made = page_core.accounts.create_user("mia@example.com", "Mia", PASSWORD, "manager")
    page_core.people.set_department(root, made.id, "hr")
    return made


def test_a_manager_finds_the_people_of_their_department_and_what_they_may_do(
    visit: Visitor, page_core: Core, root: User, mia: User, alice: User, charlie: User
) -> None:
    page_core.people.set_department(root, alice.id, "hr")
    ada = page_core.accounts.create_user("ada@example.com", "Ada", PASSWORD, "admin")
    page_core.people.set_department(root, ada.id, "hr")
    page = visit(mia).open(navigation.PEOPLE)
    names = [name for name in ("Ada", "Alice", "Charlie", "Mia", "Root") if f"**{name}**" in page.text]
    assert names == ["Ada", "Alice", "Mia"]
    assert "The people of HR. You can change its members and viewers." in page.captions[0]
    keys = {button.key for button in page.app.button if (button.key or "").startswith("people_")}
    assert keys == {f"people_change_{alice.id}", f"people_suspend_{alice.id}"}
    page.fill(people_search="charlie").rerun()
    assert "Nobody matches your search." in page.captions


def test_a_manager_changes_a_role_but_no_department(
    visit: Visitor, page_core: Core, root: User, mia: User, alice: User
) -> None:
    page_core.people.set_department(root, alice.id, "hr")
    opener = f"people_change_{alice.id}"
    page = visit(mia).open(navigation.PEOPLE).press(opener)
    assert page.app.selectbox(key=f"people_role_{alice.id}").options == [
        "Viewer: looks, changes nothing",
        "Member: own keys, agents and runs",
    ]
    assert f"people_department_{alice.id}" not in [box.key for box in page.app.selectbox]
    page.fill(**{f"people_role_{alice.id}": "viewer"}).press_in_dialog(opener, "people_save")
    now = page_core.people.get(root, alice.id)
    assert (now.role, now.department) == ("viewer", "hr")
    opener = f"people_suspend_{alice.id}"
    page.press(opener).press_in_dialog(opener, "people_suspend_yes")
    assert not page_core.people.get(root, alice.id).is_active


def test_a_manager_without_a_department_is_told_what_is_missing(
    visit: Visitor, page_core: Core, alice: User
) -> None:
    lone = page_core.accounts.create_user("lone@example.com", "Lone", PASSWORD, "manager")
    page = visit(lone).open(navigation.PEOPLE)
    assert [info.value for info in page.app.info] == [
        "You have no department yet. An administrator has to give you one; then you see its people here."
    ]
    assert "**Lone**" in page.text
    assert "**Alice**" not in page.text
    assert set(page.buttons) == {"Sign out"}


def test_nobody_is_offered_to_suspend_themself(visit: Visitor, root: User) -> None:
    page = visit(root).open(navigation.PEOPLE)
    assert f"people_suspend_{root.id}" not in [button.key for button in page.app.button]


def test_alice_is_signed_out_everywhere(visit: Visitor, page_core: Core, root: User, alice: User) -> None:
    hers = visit(alice).open(navigation.HOME)
    opener = f"people_change_{alice.id}"
    page = visit(root).open(navigation.PEOPLE).press(opener).press_in_dialog(opener, "people_end_sessions")
    assert page.toasts == ["1 session(s) of Alice were ended."]
    assert hers.rerun().sees_sign_in


def test_a_hostile_name_is_only_text(visit: Visitor, page_core: Core, root: User) -> None:
    page_core.accounts.create_user(
        "odd@example.com", "[x](https://evil.example) ![y](https://evil.example/p)", PASSWORD, "member"
    )
    page = visit(root).open(navigation.PEOPLE)
    assert not page.app.exception
    assert "](https://evil.example" not in "".join(markdown.value for markdown in page.app.markdown)


def test_a_viewer_sees_what_the_role_cannot_do_before_trying(
    visit: Visitor, page_core: Core, root: User, alice: User, agent: object
) -> None:
    page_core.people.set_role(root, alice.id, "viewer")
    sentence = (
        "Your role, viewer, cannot create or change agents and workflows or start runs. "
        "Ask an administrator for another role."
    )
    page = visit(alice).open(navigation.AGENTS)
    assert [info.value for info in page.app.info] == [sentence]
    assert not {"New agent", "Run"} & set(page.buttons)
    keys = visit(alice).open(navigation.KEYS, new="1")
    assert keys.app.button(key="keys_new").disabled
    assert "keys_provider" not in [box.key for box in keys.app.selectbox]
    (stored,) = page_core.agents.list(alice)
    one = visit(alice).open(navigation.AGENT, id=stored.id)
    assert one.app.button(key="agent_run").disabled
    assert one.app.button(key=f"agent_{stored.id}_{stored.revision}_save").disabled
    assert visit(alice).open(navigation.AGENT).app.text_input == []
    home = visit(alice).open(navigation.HOME)
    assert "New agent" not in home.buttons
    assert "Get started" not in home.text


def test_a_new_agent_begins_in_the_persons_own_department(
    visit: Visitor, page_core: Core, root: User, alice: User, key: object
) -> None:
    page_core.people.set_department(root, alice.id, "finance")
    page = visit(alice).open(navigation.AGENT)
    assert page.app.selectbox(key="agent_new_department").value == "finance"
