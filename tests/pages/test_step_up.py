"""A form that stood open for longer than a proof lasts: it asks who is there and goes on with what was typed."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pyotp
import pytest

from app import navigation
from core.accounts.models import User
from core.bootstrap import Core
from core.keys.models import Key
from tests.conftest import PASSWORD
from tests.fakes.model_server import FakeModelServer
from tests.pages.conftest import SECRET, Visit
from tests.pages.test_mail_links import mail_settings, newest_token, post
from tests.pages.test_two_factor import enrolled, forget_used_codes, let_proofs_age
from tests.support.mailbox import MemoryTransport
from tests.support.stopped_clock import StoppedClock

__all__ = ["enrolled", "mail_settings", "post"]

Visitor = Callable[..., Visit]
QUESTION = "**Please confirm that it is you.**"


@pytest.fixture
def registration() -> str:
    return "invite"


def asks(page: Visit) -> bool:
    return QUESTION in [markdown.value for markdown in page.app.markdown]


def confirm(page: Visit, place: str, opener: str | None = None, password: str = PASSWORD) -> Visit:
    page.fill(**{f"{place}_step_up_secret": password})
    button = f"{place}_step_up_confirm"
    return page.press_in_dialog(opener, button) if opener else page.press(button)


def test_a_new_key_is_stored_with_the_secret_that_was_typed_before_the_question(
    visit: Visitor, page_core: Core, alice: User, fake: FakeModelServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    page = visit(alice).open(navigation.KEYS).press("keys_first")
    page.app.selectbox(key="keys_provider").set_value("openai_compatible")
    page.press("keys_first")
    page.fill(
        keys_name_openai_compatible="Mine",
        keys_secret_openai_compatible=SECRET,
        keys_url_openai_compatible=fake.openai_url,
    )
    let_proofs_age(page_core)
    page.press_in_dialog("keys_first", "keys_add")
    assert asks(page)
    assert page_core.keys.list(alice) == []
    confirm(page, "keys_new", "keys_first", "not the password")
    assert page.errors == ["The e-mail address or the password is not right."]
    assert page.app.text_input(key="keys_name_openai_compatible").value == "Mine"
    confirm(page, "keys_new", "keys_first")
    assert page.errors == []
    (key,) = page_core.keys.list(alice)
    assert (key.name, key.test_code) == ("Mine", "ok")
    assert [record.key for record in fake.requests] == [SECRET]
    assert not asks(page)
    assert SECRET not in page.text
    assert SECRET not in str(dict(page.app.query_params))
    assert SECRET not in caplog.text
    assert SECRET not in str(page.app.session_state)
    assert PASSWORD not in page.text + caplog.text


def test_choosing_another_provider_does_not_take_the_open_form_away(
    visit: Visitor, page_core: Core, alice: User
) -> None:
    page = visit(alice).open(navigation.KEYS).press("keys_first")
    let_proofs_age(page_core)
    page.app.selectbox(key="keys_provider").set_value("openai_compatible")
    page.press("keys_first")
    assert not asks(page)
    assert page.app.text_input(key="keys_url_openai_compatible")


def test_a_key_is_deleted_after_the_question(visit: Visitor, page_core: Core, alice: User, key: Key) -> None:
    opener = "key_delete"
    page = visit(alice).open(navigation.KEY, id=key.id).press(opener)
    let_proofs_age(page_core)
    page.press_in_dialog(opener, "key_delete_yes")
    assert asks(page)
    assert page_core.keys.list(alice) == [page_core.keys.get(alice, key.id)]
    confirm(page, "key_delete", opener)
    assert page_core.keys.list(alice) == []
    assert page.toasts == ["The key was deleted."]


def test_role_and_department_that_were_chosen_are_saved(
    visit: Visitor, page_core: Core, root: User, alice: User
) -> None:
    opener = f"people_change_{alice.id}"
    page = visit(root).open(navigation.PEOPLE).press(opener)
    page.fill(**{f"people_role_{alice.id}": "manager", f"people_department_{alice.id}": "finance"})
    let_proofs_age(page_core)
    page.press_in_dialog(opener, "people_save")
    assert asks(page)
    assert page_core.people.get(root, alice.id).role == "member"
    confirm(page, opener, opener)
    assert page.toasts == ["The changes to Alice were saved."]
    now = page_core.people.get(root, alice.id)
    assert (now.role, now.department) == ("manager", "finance")


@pytest.mark.parametrize("what", ["suspend", "reactivate", "end_sessions", "reset"])
def test_what_is_done_to_people_asks_and_goes_on(
    visit: Visitor,
    page_core: Core,
    root: User,
    alice: User,
    enrolled: tuple[pyotp.TOTP, tuple[str, ...]],
    what: str,
) -> None:
    hers = page_core.accounts.start_session(alice, "agent")
    if what == "reactivate":
        page_core.people.suspend(root, alice.id)
    openers = {"end_sessions": "change"}
    opener = f"people_{openers.get(what, what)}_{alice.id}"
    button = "people_end_sessions" if what == "end_sessions" else f"people_{what}_yes"
    place = f"people_end_{alice.id}" if what == "end_sessions" else opener
    page = visit(root).open(navigation.PEOPLE)
    let_proofs_age(page_core)
    page.press(opener)
    assert not asks(page)
    page.press_in_dialog(opener, button)
    assert asks(page)
    assert page_core.people.get(root, alice.id).is_active == (what != "reactivate")
    assert page_core.two_factor.is_required(alice)
    confirm(page, place, opener)
    assert page.errors == []
    assert len(page.toasts) == 1
    assert page_core.people.get(root, alice.id).is_active == (what != "suspend")
    assert page_core.two_factor.is_required(alice) == (what != "reset")
    assert page_core.accounts.session_user(hers) is None


def test_an_invitation_goes_to_the_address_that_was_typed(
    visit: Visitor, page_core: Core, post: MemoryTransport, root: User
) -> None:
    page = visit(root).open(navigation.PEOPLE).press("people_invite")
    page.fill(invite_emails="dora@example.com", invite_role="viewer", invite_department="hr")
    let_proofs_age(page_core)
    page.press_in_dialog("people_invite", "invite_send")
    assert asks(page)
    assert post.sent == []
    confirm(page, "invite_confirm", "people_invite")
    page.press_in_dialog("people_invite", "invite_send")
    invited = page_core.mail_links.invitation(newest_token(page_core, post))
    assert (invited.email, invited.role, invited.department) == ("dora@example.com", "viewer", "hr")


def test_settings_are_saved_as_they_were_typed(visit: Visitor, page_core: Core, root: User) -> None:
    page = visit(root).open(navigation.SIGN_IN_SETTINGS)
    let_proofs_age(page_core)
    page.fill(settings_company="Acme", settings_domains="example.com").press("settings_save")
    assert asks(page)
    assert page_core.organisation.get().company_name == ""
    confirm(page, "settings")
    assert page_core.organisation.get().company_name == "Acme"
    assert page_core.organisation.get().allowed_email_domains == ("example.com",)
    assert page.toasts == ["The settings were saved."]


def test_alice_turns_two_factor_off_with_the_code_she_typed(
    visit: Visitor, page_core: Core, alice: User, enrolled: tuple[pyotp.TOTP, tuple[str, ...]]
) -> None:
    page = visit(alice).open(navigation.SECURITY).press("two_factor_off")
    let_proofs_age(page_core)
    page.fill(two_factor_off_code=enrolled[1][0]).press("two_factor_disable")
    assert asks(page)
    assert page_core.two_factor.is_required(alice)
    forget_used_codes(page_core)
    confirm(page, "two_factor_off")
    assert page.toasts == ["Two-factor sign-in is off."]
    assert not page_core.two_factor.is_required(alice)


def test_a_code_typed_at_the_setup_is_there_again_after_the_question(
    visit: Visitor, page_core: Core, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    time = StoppedClock(monkeypatch)
    page = visit(alice).open(navigation.SECURITY).press("two_factor_begin")
    code = pyotp.TOTP(page.app.code[0].value.replace(" ", "")).at(time.moment)
    let_proofs_age(page_core)
    page.fill(two_factor_code=code).press("two_factor_enable")
    assert asks(page)
    assert not page.app.code  # the seed is not shown without a proof
    confirm(page, "two_factor_enrol")
    assert page.app.text_input(key="two_factor_code").value == code
    page.press("two_factor_enable")
    assert page_core.two_factor.is_required(alice)


def test_a_question_that_was_closed_is_forgotten(
    visit: Visitor, page_core: Core, root: User, alice: User, charlie: User
) -> None:
    """Whoever closes the dialog wants nothing done: not by a later confirmation, and not to somebody else."""
    opener, other = f"people_suspend_{alice.id}", f"people_suspend_{charlie.id}"
    page = visit(root).open(navigation.PEOPLE)
    let_proofs_age(page_core)
    page.press(opener).press_in_dialog(opener, "people_suspend_yes")
    assert asks(page)
    page.press(other)  # the dialog of somebody else, at once
    assert not asks(page)
    page.rerun()  # closed: the page is drawn without a dialog
    page.press(opener)
    assert not asks(page)
    page.press_in_dialog(opener, "people_suspend_yes")
    assert asks(page)
    page_core.accounts.prove(root, page.token, PASSWORD)  # in another tab
    page.press(opener)
    assert not asks(page)
    assert all(person.is_active for person in page_core.people.list(root))


def test_what_the_core_refuses_after_the_question_is_said(visit: Visitor, page_core: Core, root: User) -> None:
    opener = f"people_change_{root.id}"
    page = visit(root).open(navigation.PEOPLE).press(opener)
    page.fill(**{f"people_role_{root.id}": "member"})
    let_proofs_age(page_core)
    page.press_in_dialog(opener, "people_save")
    confirm(page, opener, opener)
    assert page.errors == ["This is the last administrator. Make somebody else an administrator first."]
    assert not asks(page)
    assert page.app.selectbox(key=f"people_role_{root.id}").value == "member"
