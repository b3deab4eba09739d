"""Passkeys on the pages: the list, the ways to the page that uses one, and forms that say the right length."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import update
from streamlit.runtime.context import ContextProxy

from app import navigation, runtime, session, state
from core import clock
from core.accounts.models import User
from core.bootstrap import Core
from core.db.tables import users
from core.passkeys.models import Passkey, Site
from tests.conftest import PASSWORD
from tests.fakes.authenticator import Authenticator
from tests.pages.conftest import Visit
from tests.pages.test_sign_in import sign_in
from tests.pages.test_two_factor import let_proofs_age

Visitor = Callable[..., Visit]
SITE = Site("localhost", "http://localhost:8501")


@pytest.fixture(autouse=True)
def address(page_core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    """The app was opened by its name, on a host with our routes."""
    monkeypatch.setattr(ContextProxy, "url", f"{SITE.origin}/security")
    monkeypatch.setattr(runtime._process, "has_routes", True)


@pytest.fixture
def left(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Where the browser was sent."""
    found: list[str] = []
    monkeypatch.setattr(session, "redirect", found.append)
    return found


def add(core: Core, user: User, *, is_backed_up: bool = False) -> Passkey:
    actor = user.proven(clock.now())
    device = Authenticator(origin=SITE.origin, is_backed_up=is_backed_up)
    return core.passkeys.add(actor, SITE, "b", device.create(core.passkeys.begin_adding(actor, SITE, "b")))


def keys_of(page: Visit) -> set[str]:
    return {button.key for button in page.app.button}


# --- the list -----------------------------------------------------------------------------------


def test_without_passkeys_one_sentence_and_a_button(visit: Visitor, alice: User, left: list[str]) -> None:
    page = visit(alice).open(navigation.SECURITY)
    assert any("fingerprint" in caption for caption in page.captions)
    page.press("passkeys_add")
    assert left == ["/session/passkey/add?next=%2Fsecurity"]


def test_alice_renames_and_removes_hers(visit: Visitor, page_core: Core, alice: User) -> None:
    mine = add(page_core, alice, is_backed_up=True)
    page = visit(alice).open(navigation.SECURITY)
    assert "Synced" in page.text
    assert any("not used yet" in caption for caption in page.captions)
    assert any("only second factor" in caption for caption in page.captions)
    page.press(f"passkeys_rename_{mine.id}")
    page.fill(**{f"passkeys_name_{mine.id}": "My *telephone*"})
    page.press_in_dialog(f"passkeys_rename_{mine.id}", "passkeys_rename_save")
    assert page.toasts == ["The passkey has its new name."]
    assert [passkey.name for passkey in page_core.passkeys.list(alice)] == ["My *telephone*"]
    page.press(f"passkeys_remove_{mine.id}").press_in_dialog(f"passkeys_remove_{mine.id}", "passkeys_remove_yes")
    assert page.toasts == ["The passkey was removed."]
    assert page_core.passkeys.list(alice) == []


def test_a_wrong_name_gets_one_sentence(visit: Visitor, page_core: Core, alice: User) -> None:
    mine = add(page_core, alice)
    page = visit(alice).open(navigation.SECURITY).press(f"passkeys_rename_{mine.id}")
    page.fill(**{f"passkeys_name_{mine.id}": "  "})
    page.press_in_dialog(f"passkeys_rename_{mine.id}", "passkeys_rename_save")
    assert page.errors == ["Enter a name of 1 to 60 characters."]


def test_after_a_while_removing_and_adding_ask_first(
    visit: Visitor, page_core: Core, alice: User, left: list[str]
) -> None:
    mine = add(page_core, alice)
    page = visit(alice).open(navigation.SECURITY)
    let_proofs_age(page_core)
    page.press(f"passkeys_remove_{mine.id}")
    assert "Remove passkey" not in page.buttons
    page.press("passkeys_add")
    assert left == []
    page.fill(passkeys_add_step_up_secret=PASSWORD)
    page.press_in_dialog("passkeys_add", "passkeys_add_step_up_confirm")
    assert left == ["/session/passkey/add?next=%2Fsecurity"]


def test_charlie_does_not_see_alices(visit: Visitor, page_core: Core, alice: User, charlie: User) -> None:
    mine = add(page_core, alice)
    page = visit(charlie).open(navigation.SECURITY)
    assert f"passkeys_rename_{mine.id}" not in keys_of(page)
    assert mine.name not in page.text


def test_ten_are_enough(visit: Visitor, page_core: Core, alice: User) -> None:
    for _ in range(10):
        add(page_core, alice)
    page = visit(alice).open(navigation.SECURITY)
    assert "passkeys_add" not in keys_of(page)
    assert any("You have 10 passkeys" in caption for caption in page.captions)


# --- where they cannot be used ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "has_routes", "sentence"),
    [
        ("http://127.0.0.1:8501/security", True, "Open Zoark at http://localhost:8501 instead."),
        ("http://zoark.example.com/security", True, "at an https address only"),
        (None, True, "at an https address only"),
        ("http://localhost:8501/security", False, "This host cannot show the page that passkeys need."),
    ],
)
def test_elsewhere_no_button_shows_and_one_sentence_says_why(
    visit: Visitor,
    page_core: Core,
    alice: User,
    monkeypatch: pytest.MonkeyPatch,
    url: str | None,
    has_routes: bool,
    sentence: str,
) -> None:
    mine = add(page_core, alice)
    monkeypatch.setattr(ContextProxy, "url", url)
    monkeypatch.setattr(runtime._process, "has_routes", has_routes)
    assert visit().open(navigation.HOME).buttons == ["Sign in"]
    page = visit(alice).open(navigation.SECURITY)
    assert "passkeys_add" not in keys_of(page)
    assert f"passkeys_remove_{mine.id}" in keys_of(page)
    assert any(sentence in info.value for info in page.app.info)


# --- signing in ---------------------------------------------------------------------------------


def test_the_sign_in_page_leads_to_it_and_keeps_the_deep_link(visit: Visitor, left: list[str]) -> None:
    visit().open(navigation.RUN, id="run_1").press("sign_in_passkey")
    (url,) = left
    assert urlsplit(url).path == "/session/passkey/sign-in"
    assert parse_qs(urlsplit(url).query) == {"next": ["/run?id=run_1"]}


def test_the_second_step_leads_to_it_with_the_token_behind_the_hash(
    visit: Visitor, page_core: Core, alice: User, left: list[str]
) -> None:
    add(page_core, alice)
    page = sign_in(visit().open(navigation.KEYS), "alice@example.com", PASSWORD)
    assert "second_step_continue" not in keys_of(page)
    assert any("Lost your passkey?" in caption for caption in page.captions)
    page.press("second_step_passkey")
    (url,) = left
    token = page.app.session_state[state.SECOND_STEP]
    assert url == f"/session/passkey/second-step?next=%2Fkeys#{token}"


def test_back_from_it_the_second_step_is_still_asked_for(visit: Visitor, page_core: Core, alice: User) -> None:
    add(page_core, alice)
    token = page_core.two_factor.begin_sign_in(alice, "")
    page = visit().open(navigation.KEYS, second_step=token)
    assert "second_step_passkey" in keys_of(page)
    assert "second_step" not in page.app.query_params
    assert page.app.session_state[state.NEXT_PATH] == "/keys"


def test_a_token_that_is_over_leads_to_the_form(visit: Visitor, page_core: Core, alice: User) -> None:
    page = visit().open(navigation.KEYS, second_step="made up")
    assert page.sees_sign_in
    assert any("took too long" in info.value for info in page.app.info)


def test_the_only_second_factor_is_of_no_use_here_and_the_page_says_so(
    visit: Visitor, page_core: Core, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(page_core, alice)
    monkeypatch.setattr(ContextProxy, "url", "http://127.0.0.1:8501/")
    monkeypatch.setattr(runtime._process, "has_routes", False)
    page = sign_in(visit().open(navigation.HOME), "alice@example.com", PASSWORD)
    assert any("Your passkey cannot be used here." in info.value for info in page.app.info)
    assert page.buttons == ["Back"]


# --- confirming ---------------------------------------------------------------------------------


def test_a_step_up_offers_it_and_comes_back(
    visit: Visitor, page_core: Core, alice: User, left: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = add(page_core, alice)
    page = visit(alice).open(navigation.SECURITY)
    let_proofs_age(page_core)
    opener = f"passkeys_remove_{mine.id}"
    page.press(opener).press_in_dialog(opener, "passkeys_remove_step_up_passkey")
    assert left == ["/session/passkey/confirm?next=%2Fsecurity"]


def test_who_came_by_a_provider_confirms_with_it(visit: Visitor, page_core: Core, alice: User) -> None:
    mine = add(page_core, alice)
    page = visit(alice).open(navigation.SECURITY)
    let_proofs_age(page_core)
    with page_core.db.transaction() as connection:
        connection.execute(update(users).values(password_hash=None))
    page.press(f"passkeys_remove_{mine.id}")
    assert {"Use a passkey", "Sign in again"} <= set(page.buttons)


@pytest.mark.parametrize(
    ("notice", "toasts"),
    [
        ("passkey_added", ["The passkey was added. You can sign in with it from now on."]),
        ("passkey_confirmed", ["Thank you. For ten minutes you will not be asked again."]),
        ("<b>x</b>", []),
    ],
)
def test_back_from_it_a_notice_says_what_happened(
    visit: Visitor, alice: User, notice: str, toasts: list[str]
) -> None:
    assert visit(alice).open(navigation.SECURITY, notice=notice).toasts == toasts


# --- where two factors are demanded -------------------------------------------------------------


def test_forms_say_the_length_that_the_person_needs(visit: Visitor, page_core: Core, alice: User) -> None:
    root = page_core.accounts.create_user("root@example.com", "Root", PASSWORD, "admin")
    add(page_core, root)
    page_core.organisation.change(root, {"two_factor_for": "admins"})
    assert "8 to 128 characters; a short sentence is easy." in visit(root).open(navigation.SECURITY).captions
    assert "15 to 128 characters; a short sentence is easy." in visit(alice).open(navigation.SECURITY).captions


def test_everybody_is_held_up_where_it_is_demanded_and_may_take_a_passkey(
    visit: Visitor, page_core: Core, alice: User, left: list[str]
) -> None:
    root = page_core.accounts.create_user("root@example.com", "Root", PASSWORD, "admin")
    page_core.organisation.change(root, {"two_factor_for": "everybody"})
    page = visit(alice).open(navigation.KEYS)
    assert page.title == "Set up two-factor sign-in"
    page.press("two_factor_passkey")
    assert left == ["/session/passkey/add?next=%2Fsecurity"]
    add(page_core, alice)
    assert visit(alice).open(navigation.KEYS).title == "Keys"


class TestRegistration:
    @pytest.fixture
    def registration(self) -> str:
        return "open"

    def test_the_form_says_eight_where_everybody_has_two_factors(self, visit: Visitor, page_core: Core) -> None:
        root = page_core.accounts.create_user("root@example.com", "Root", PASSWORD, "admin")
        page = visit().open(navigation.HOME)
        page.fill(sign_in_mode="Create an account").rerun()
        assert "15 to 128 characters" in page.text
        page_core.organisation.change(root, {"two_factor_for": "everybody"})
        page.rerun()
        assert "8 to 128 characters" in page.text
