"""Setting up a second factor, signing in with it, confirming with it, and the screen that demands it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pyotp
import pytest
from sqlalchemy import update

from app import navigation, state
from core import clock
from core.accounts.models import User
from core.bootstrap import Core
from core.db.tables import sessions, users
from core.errors import SecondStepOver
from tests.conftest import PASSWORD
from tests.pages.conftest import Visit
from tests.pages.test_sign_in import sign_in

Visitor = Callable[..., Visit]


def let_proofs_age(core: Core) -> None:
    with core.db.transaction() as connection:
        connection.execute(update(sessions).values(proved_at=clock.now() - timedelta(minutes=11)))


def forget_used_codes(core: Core) -> None:
    """Each code is good once, and these tests do not wait for the next one."""
    with core.db.transaction() as connection:
        connection.execute(update(users).values(totp_last_step=None))


def wrong_code(totp: pyotp.TOTP) -> str:
    """Return six figures that are the code of no moment near now."""
    near = {totp.at(clock.now() + timedelta(seconds=30 * step)) for step in range(-2, 5)}
    return next(code for code in (f"{number:06}" for number in range(10)) if code not in near)


def shown(page: Visit) -> str:
    """Return what the one code block shows: a seed or recovery codes."""
    return page.app.code[0].value


def enrol(page: Visit) -> tuple[pyotp.TOTP, list[str]]:
    """Scan the seed, type a code, and keep the recovery codes."""
    totp = pyotp.TOTP(shown(page).replace(" ", ""))
    page.fill(two_factor_code=totp.now()).press("two_factor_enable")
    return totp, shown(page).split("\n")


@pytest.fixture
def enrolled(page_core: Core, alice: User) -> tuple[pyotp.TOTP, tuple[str, ...]]:
    totp = pyotp.TOTP(page_core.two_factor.begin(alice).text.replace(" ", ""))
    paper = page_core.two_factor.enable(alice, totp.now()).codes
    forget_used_codes(page_core)
    return totp, paper


def test_alice_sets_it_up_on_the_security_page(visit: Visitor, page_core: Core, alice: User) -> None:
    page = visit(alice).open(navigation.SECURITY)
    assert not page.app.code
    page.press("two_factor_begin")
    seed = shown(page)
    assert "data:image/svg+xml;base64," in page.text
    page.fill(two_factor_code=wrong_code(pyotp.TOTP(seed.replace(" ", "")))).press("two_factor_enable")
    assert page.errors == ["This code is not right, or it was used before. Wait for the next one and type it in."]
    assert shown(page) == seed
    assert not page_core.two_factor.is_required(alice)
    _, paper = enrol(page)
    assert len(paper) == 10
    assert seed not in page.text
    page.press("two_factor_kept")
    assert not page.app.code
    assert any("Recovery codes left: 10" in caption for caption in page.captions)
    assert state.TWO_FACTOR_VIEW not in page.app.session_state


def test_setting_it_up_can_be_cancelled_and_begins_with_a_new_seed(
    visit: Visitor, page_core: Core, alice: User
) -> None:
    page = visit(alice).open(navigation.SECURITY).press("two_factor_begin")
    seed = shown(page)
    page.press("two_factor_back")
    assert not page.app.code
    assert shown(page.press("two_factor_begin")) != seed
    assert not page_core.two_factor.is_required(alice)


def test_alice_signs_in_with_password_and_code(
    visit: Visitor, page_core: Core, alice: User, enrolled: tuple[pyotp.TOTP, tuple[str, ...]]
) -> None:
    totp, _ = enrolled
    page = sign_in(visit().open(navigation.RUNS), alice.email, PASSWORD)
    assert [field.label for field in page.app.text_input] == ["Code"]
    assert state.TAB_SESSION not in page.app.session_state
    assert alice.id not in str(page.app.session_state.to_dict())
    page.fill(second_step_code=wrong_code(totp)).press("second_step_continue")
    assert page.errors[0].startswith("This code is not right")
    code = totp.now()
    page.fill(second_step_code=code).press("second_step_continue")
    assert page.title == "Runs"
    assert state.SECOND_STEP not in page.app.session_state
    page.press("shell_sign_out")
    again = sign_in(page, alice.email, PASSWORD)
    again.fill(second_step_code=code).press("second_step_continue")
    assert again.errors[0].startswith("This code is not right, or it was used before.")


def test_a_recovery_code_signs_in_once(
    visit: Visitor, alice: User, enrolled: tuple[pyotp.TOTP, tuple[str, ...]]
) -> None:
    _, paper = enrolled
    for expected in ("Home", ""):
        page = sign_in(visit().open(navigation.HOME), alice.email, PASSWORD)
        page.fill(second_step_code=paper[0]).press("second_step_continue")
        assert page.title == expected


def test_a_step_that_is_over_leads_back_to_the_password(
    visit: Visitor, alice: User, enrolled: tuple[pyotp.TOTP, tuple[str, ...]], page_core: Core
) -> None:
    page = sign_in(visit().open(navigation.RUNS), alice.email, PASSWORD)
    page.app.session_state[state.SECOND_STEP] = "of another browser"
    page.fill(second_step_code=enrolled[0].now()).press("second_step_continue")
    assert page.sees_sign_in
    assert page.app.info[0].value == "This sign-in took too long or had too many wrong codes. Please sign in again."
    assert page.app.session_state[state.NEXT_PATH] == "/runs"


def test_the_second_step_can_be_left(
    visit: Visitor, alice: User, enrolled: tuple[pyotp.TOTP, tuple[str, ...]]
) -> None:
    page = sign_in(visit().open(navigation.HOME), alice.email, PASSWORD)
    assert page.press("second_step_back").sees_sign_in


def came_by_provider(core: Core, user: User, monkeypatch: pytest.MonkeyPatch) -> str:
    """Put into the browser's cookie what ``app.http.oauth_routes`` puts there."""
    half = core.two_factor.begin_sign_in(user, "")  # AppTest has no cookies, so no browser either
    monkeypatch.setattr("app.session.half_in", lambda *_: half)
    return half


def test_who_comes_from_a_provider_is_asked_for_the_code_and_lands_where_they_wanted(
    visit: Visitor,
    page_core: Core,
    alice: User,
    enrolled: tuple[pyotp.TOTP, tuple[str, ...]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    came_by_provider(page_core, alice, monkeypatch)
    page = visit().open(navigation.USAGE)
    assert not page.sees_sign_in
    assert [field.label for field in page.app.text_input] == ["Code"]
    page.fill(second_step_code=enrolled[0].now()).press("second_step_continue")
    assert page.title == "Usage"
    assert not visit().open(navigation.USAGE).buttons.count("Continue")  # the cookie's token is used up


def test_a_second_step_after_a_provider_can_be_left_for_good(
    visit: Visitor,
    page_core: Core,
    alice: User,
    enrolled: tuple[pyotp.TOTP, tuple[str, ...]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    half = came_by_provider(page_core, alice, monkeypatch)
    page = visit().open(navigation.HOME)
    assert page.press("second_step_back").sees_sign_in
    assert page.rerun().sees_sign_in
    assert not page_core.two_factor.is_sign_in_begun(half, "")


def test_a_second_step_after_a_provider_that_is_over_says_so(
    visit: Visitor,
    page_core: Core,
    alice: User,
    enrolled: tuple[pyotp.TOTP, tuple[str, ...]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    half = came_by_provider(page_core, alice, monkeypatch)
    page = visit().open(navigation.HOME)
    page_core.two_factor.leave_sign_in(half, "")
    page.fill(second_step_code=enrolled[0].now()).press("second_step_continue")
    assert page.sees_sign_in
    assert SecondStepOver().sentence in [info.value for info in page.app.info]


def test_alice_makes_new_recovery_codes(
    visit: Visitor, page_core: Core, alice: User, enrolled: tuple[pyotp.TOTP, tuple[str, ...]]
) -> None:
    page = visit(alice).open(navigation.SECURITY).press("two_factor_codes").press("two_factor_codes_make")
    fresh = shown(page).split("\n")
    assert len(fresh) == 10
    assert not set(fresh) & set(enrolled[1])
    assert not page.press("two_factor_kept").app.code


def test_alice_turns_it_off(
    visit: Visitor, page_core: Core, alice: User, enrolled: tuple[pyotp.TOTP, tuple[str, ...]]
) -> None:
    page = visit(alice).open(navigation.SECURITY).press("two_factor_off")
    page.fill(two_factor_off_code=wrong_code(enrolled[0])).press("two_factor_disable")
    assert page.errors[0].startswith("This code is not right")
    page.fill(two_factor_off_code=enrolled[0].now()).press("two_factor_disable")
    assert page.toasts == ["Two-factor sign-in is off."]
    assert not page_core.two_factor.is_required(alice)


def test_after_a_while_alice_confirms_before_she_adds_a_key(visit: Visitor, page_core: Core, alice: User) -> None:
    page = visit(alice).open(navigation.KEYS)
    let_proofs_age(page_core)
    page.press("keys_first")
    assert [field.label for field in page.app.text_input] == ["Password"]
    page.fill(keys_new_step_up_secret="wrong").press_in_dialog("keys_first", "keys_new_step_up_confirm")
    assert page.errors == ["The e-mail address or the password is not right."]
    page.fill(keys_new_step_up_secret=PASSWORD).press_in_dialog("keys_first", "keys_new_step_up_confirm")
    assert page.errors == []
    assert page.app.selectbox(key="keys_provider").label == "Provider"
    assert PASSWORD not in page.text


def test_after_a_while_alice_confirms_with_a_code(
    visit: Visitor, page_core: Core, alice: User, enrolled: tuple[pyotp.TOTP, tuple[str, ...]]
) -> None:
    page = visit(alice).open(navigation.SECURITY)
    let_proofs_age(page_core)
    page.press("two_factor_codes")
    assert "Password or code of your app" in [field.label for field in page.app.text_input]
    assert not page.app.code
    page.fill(two_factor_codes_step_up_secret=enrolled[0].now()).press("two_factor_codes_step_up_confirm")
    assert "Make new codes" in page.buttons


def test_who_has_neither_password_nor_code_signs_in_again(visit: Visitor, page_core: Core, alice: User) -> None:
    page = visit(alice).open(navigation.KEYS)
    let_proofs_age(page_core)
    with page_core.db.transaction() as connection:
        connection.execute(update(users).values(password_hash=None))
    page.press("keys_first").press_in_dialog("keys_first", "keys_new_step_up_again")
    assert page.sees_sign_in


def test_an_administrator_sees_nothing_else_where_it_is_demanded(
    visit: Visitor, page_core: Core, root: User, alice: User
) -> None:
    page_core.organisation.change(root, {"two_factor_for": "admins"})
    for entry in reversed(navigation.ALL):
        page = visit(root).open(entry)
        assert page.title == "Set up two-factor sign-in", entry
        assert set(page.buttons) == {"Turn on", "Sign out"}
    _, paper = enrol(page)
    assert len(paper) == 10
    page.press("two_factor_kept")
    assert page.title == entry.title
    assert visit(alice).open(navigation.HOME).title == "Home"


def test_an_administrator_who_came_by_a_provider_is_led_to_the_setup_too(
    visit: Visitor, page_core: Core, root: User
) -> None:
    page_core.organisation.change(root, {"two_factor_for": "admins"})
    with page_core.db.transaction() as connection:
        connection.execute(update(users).values(password_hash=None))
    page = visit(root).open(navigation.USAGE)
    assert page.title == "Set up two-factor sign-in"
    let_proofs_age(page_core)
    page = page.rerun()
    assert set(page.buttons) == {"Sign in again", "Sign out"}  # only the provider can prove who it is
    page = visit(root).open(navigation.USAGE)
    enrol(page)
    assert page.press("two_factor_kept").title == "Usage"


def test_an_administrator_resets_a_lost_second_factor(
    visit: Visitor, page_core: Core, root: User, alice: User, enrolled: tuple[pyotp.TOTP, tuple[str, ...]]
) -> None:
    page = visit(root).open(navigation.PEOPLE).press(f"people_reset_{alice.id}")
    assert page_core.two_factor.is_required(alice)
    page.press_in_dialog(f"people_reset_{alice.id}", "people_reset_yes")
    assert page.errors == []
    assert page.toasts == ["Two-factor sign-in of Alice is off."]
    assert not page_core.two_factor.is_required(alice)
    assert f"people_reset_{alice.id}" not in {button.key for button in page.app.button}
