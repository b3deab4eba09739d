"""The pages behind links in mails, and the page Security."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app import navigation, runtime, state
from app.navigation import Entry
from core.accounts.models import User
from core.bootstrap import Core
from core.oauth.failures import OAuthOtherAddress
from tests.conftest import PASSWORD
from tests.pages.conftest import Visit
from tests.support.mailbox import MAIL_SETTINGS, MemoryTransport, token_in

Visitor = Callable[..., Visit]
NEW = "a quite different sentence"
REFUSED = "This link has expired or was already used. Please ask for a new one."
ANSWER = "If there is an account with this address, a mail with a link is on its way."


@pytest.fixture
def mail_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in MAIL_SETTINGS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("core.notify.outbox.RETRY_AFTER", ())


@pytest.fixture
def registration() -> str:
    return "invite"


@pytest.fixture
def post(mail_settings: None, page_core: Core) -> MemoryTransport:
    page_core.mail.transport = MemoryTransport()
    return page_core.mail.transport


@pytest.fixture
def admin(page_core: Core) -> User:
    return page_core.accounts.create_user("admin@example.com", "Ada", PASSWORD, "admin")


def newest_token(core: Core, post: MemoryTransport) -> str:
    while core.outbox.deliver_next():
        pass
    return token_in(post.sent[-1].body.get_secret_value())


def submitted(page: Visit, label: str, **fields: str) -> Visit:
    page.fill(**fields)
    next(button for button in page.app.button if button.label == label).click()
    return page.rerun()


def test_the_link_to_a_forgotten_password_is_there_when_mail_is_set_up(
    post: MemoryTransport, visit: Visitor
) -> None:
    assert "Forgotten your password?" in visit().open(navigation.HOME).links


def test_without_mail_there_is_no_such_link(visit: Visitor) -> None:
    assert "Forgotten your password?" not in visit().open(navigation.HOME).links


def test_without_mail_the_page_says_so(visit: Visitor, alice: User) -> None:
    page = submitted(visit().open(navigation.RESET), "Send me a link", reset_email=alice.email)
    assert page.errors[0].startswith("E-mail is not set up here.")


@pytest.mark.parametrize("address", ["alice@example.com", "nobody@example.com"])
def test_known_and_unknown_addresses_get_the_same_answer(
    post: MemoryTransport, visit: Visitor, alice: User, address: str
) -> None:
    page = submitted(visit().open(navigation.RESET), "Send me a link", reset_email=address)
    assert [success.value.partition(" It works")[0] for success in page.app.success] == [ANSWER]
    assert page.errors == []


def test_alice_sets_a_new_password_and_the_token_leaves_the_address_bar(
    post: MemoryTransport, page_core: Core, visit: Visitor, alice: User
) -> None:
    page_core.mail_links.request_reset(alice.email)
    token = newest_token(page_core, post)
    page = visit().open(navigation.NEW_PASSWORD, token=token)
    assert "token" not in page.app.query_params
    assert token not in page.text
    fields = {"new_password_password": NEW, "new_password_again": NEW}
    page = submitted(page, "Set password", **{**fields, "new_password_again": "something else"})
    assert page.errors == ["Passwords do not match."]
    page = submitted(page, "Set password", **fields)
    assert page.app.success[0].value.startswith("Your password was changed.")
    assert token not in str(page.app.session_state.to_dict())
    assert page_core.accounts.authenticate(alice.email, NEW) == alice


def test_a_wrong_password_leaves_the_link_good(
    post: MemoryTransport, page_core: Core, visit: Visitor, alice: User
) -> None:
    page_core.mail_links.request_reset(alice.email)
    page = visit().open(navigation.NEW_PASSWORD, token=newest_token(page_core, post))
    page = submitted(page, "Set password", new_password_password="short", new_password_again="short")
    assert "15 characters" in page.errors[0]
    page = submitted(page, "Set password", new_password_password=NEW, new_password_again=NEW)
    assert page.app.success


@pytest.mark.parametrize("entry", [navigation.NEW_PASSWORD, navigation.INVITATION], ids=lambda entry: entry.url)
@pytest.mark.parametrize("query", [{}, {"token": ""}, {"token": "null"}, {"token": "x" * 43}])
def test_a_link_that_is_no_good_is_one_sentence(
    post: MemoryTransport, visit: Visitor, entry: Entry, query: dict[str, str]
) -> None:
    page = visit().open(entry, **query)
    assert page.errors[0].startswith(REFUSED)
    assert page.buttons == []
    assert not page.app.exception


def test_a_confirmation_that_is_no_good_is_one_sentence(post: MemoryTransport, visit: Visitor) -> None:
    assert visit().open(navigation.VERIFY, token="x").press("verify_confirm").errors == [REFUSED]


def test_alice_confirms_her_address_without_being_signed_in(
    post: MemoryTransport, page_core: Core, visit: Visitor, alice: User
) -> None:
    page = visit(alice).open(navigation.SECURITY)
    assert "Not confirmed" in page.text
    page.press("security_verify")
    token = newest_token(page_core, post)
    page = visit().open(navigation.VERIFY, token=token)
    assert page_core.mail_links.verified_at(alice) is None  # scanners open links, too
    assert page.press("verify_confirm").app.success
    assert page_core.mail_links.verified_at(alice) is not None
    assert "Not confirmed" not in visit(alice).open(navigation.SECURITY).text


def test_dora_accepts_an_invitation_and_is_in(
    post: MemoryTransport, page_core: Core, visit: Visitor, admin: User
) -> None:
    page_core.mail_links.invite(admin, "dora@example.com", "member", "hr")
    token = newest_token(page_core, post)
    page = visit().open(navigation.INVITATION, token=token)
    assert "Your account will be dora@example.com." in page.captions
    fields = {"invitation_password": NEW, "invitation_again": NEW}
    page = submitted(page, "Create account", invitation_name="Dora Doe", **fields)
    assert page.errors == []
    assert page_core.accounts.authenticate("dora@example.com", NEW).department == "hr"
    assert page_core.accounts.session_user(page.app.session_state[state.TAB_SESSION][0]) is not None


@pytest.fixture
def google(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sign-in with Google is set up."""
    monkeypatch.setenv("ZOARK_OAUTH_GOOGLE_CLIENT_ID", "id")


def test_an_invitation_can_be_accepted_with_a_provider(
    google: None,
    post: MemoryTransport,
    page_core: Core,
    visit: Visitor,
    admin: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(runtime._process, "has_routes", True)
    led_to: list[str] = []
    monkeypatch.setattr("app.session.redirect", led_to.append)
    page_core.mail_links.invite(admin, "dora@example.com", "member", "hr")
    token = newest_token(page_core, post)
    page = visit().open(navigation.INVITATION, token=token)
    page.press("invitation_google")
    assert led_to == [f"/oauth/google/start?invitation={token}"]


def test_who_comes_back_refused_finds_the_invitation_and_the_reason(
    google: None,
    post: MemoryTransport,
    page_core: Core,
    visit: Visitor,
    admin: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page_core.mail_links.invite(admin, "dora@example.com", "member", "hr")
    token = newest_token(page_core, post)
    monkeypatch.setattr("app.session.invitation_in", lambda *_: token)  # AppTest has no cookies
    page = visit().open(navigation.INVITATION, notice="oauth_other_address.google")
    assert page.errors == [OAuthOtherAddress("Google").sentence]
    assert "Create account" in page.buttons
    assert token not in page.text


def test_without_our_routes_an_invitation_is_accepted_by_password_only(
    google: None, post: MemoryTransport, page_core: Core, visit: Visitor, admin: User
) -> None:
    page_core.mail_links.invite(admin, "dora@example.com", "member", "hr")
    page = visit().open(navigation.INVITATION, token=newest_token(page_core, post))
    assert page.buttons == ["Create account"]


def test_an_administrator_invites_somebody_and_charlie_has_no_such_page(
    post: MemoryTransport, page_core: Core, visit: Visitor, admin: User, charlie: User
) -> None:
    page = visit(admin).open(navigation.PEOPLE).press("people_invite")
    page.fill(invite_emails="dora@example.com")
    page.press_in_dialog("people_invite", "invite_send")
    newest_token(page_core, post)
    assert post.sent[-1].recipient == "dora@example.com"
    assert "people_invite" not in [button.key for button in visit(charlie).open(navigation.PEOPLE).app.button]


def test_alice_changes_her_password_and_stays_signed_in(
    post: MemoryTransport, page_core: Core, visit: Visitor, alice: User
) -> None:
    other = page_core.accounts.start_session(alice, "other")
    page = visit(alice).open(navigation.SECURITY)
    fields = {"security_password": NEW, "security_again": NEW}
    page = submitted(page, "Change password", security_present="wrong", **fields)
    assert page.errors == ["This is not your present password."]
    page = submitted(page, "Change password", security_present=PASSWORD, **fields)
    assert page.toasts == ["Your password was changed. Your other browsers were signed out."]
    assert page.title == "Security"
    assert page_core.accounts.session_user(other) is None
    assert page_core.accounts.authenticate(alice.email, NEW) == alice


def test_without_mail_the_security_page_says_so_and_the_password_still_changes(
    page_core: Core, visit: Visitor, alice: User
) -> None:
    page = visit(alice).open(navigation.SECURITY)
    assert "E-mail is not set up here, so addresses cannot be confirmed." in page.captions
    fields = {"security_present": PASSWORD, "security_password": NEW, "security_again": NEW}
    assert submitted(page, "Change password", **fields).errors == []
    assert page_core.accounts.authenticate(alice.email, NEW) == alice
