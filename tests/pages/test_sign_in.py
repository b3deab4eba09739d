"""Nobody sees anything before signing in, and everybody lands where they wanted to go."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app import navigation, state
from app.navigation import Entry
from core.accounts.models import User
from core.agents.models import Agent
from core.bootstrap import Core
from core.runs.models import Run
from tests.conftest import PASSWORD
from tests.pages.conftest import Visit
from tests.support.stopped_clock import StoppedClock

Visitor = Callable[..., Visit]


def sign_in(visit: Visit, email: str, password: str) -> Visit:
    email_field, password_field = visit.app.text_input[:2]
    email_field.set_value(email)
    password_field.set_value(password)
    next(b for b in visit.app.button if b.label == "Sign in").click()
    return visit.rerun()


PRIVATE = [entry for entry in navigation.ALL if not entry.is_public]


@pytest.mark.parametrize("entry", PRIVATE, ids=lambda entry: entry.url)
def test_an_anonymous_visitor_sees_the_form_and_nothing_else(visit: Visitor, entry: Entry) -> None:
    page = visit().open(entry)
    assert page.sees_sign_in
    assert page.buttons == ["Sign in"]
    assert not page.app.exception
    assert not page.app.title
    assert not page.app.sidebar.children


@pytest.mark.parametrize("entry", [navigation.AGENT, navigation.RUN], ids=lambda entry: entry.url)
def test_an_anonymous_visitor_is_not_told_what_exists(visit: Visitor, entry: Entry, agent: Agent, run: Run) -> None:
    page = visit().open(entry, id=run.id if entry is navigation.RUN else agent.id)
    assert page.buttons == ["Sign in"]
    assert "Classifier" not in page.text
    assert "charged" not in page.text


@pytest.mark.parametrize(
    ("entry", "query", "wanted"),
    [
        (navigation.RUN, {"id": "run_1"}, "/run?id=run_1"),
        (navigation.AGENTS, {"agents_search": "a b&c"}, "/agents?agents_search=a+b%26c"),
        (navigation.KEYS, {"new": "1", "notice": "ticket"}, "/keys?new=1"),
        (navigation.USAGE, {}, "/usage"),
    ],
)
def test_the_address_somebody_asked_for_is_remembered(
    visit: Visitor, entry: Entry, query: dict[str, str], wanted: str
) -> None:
    page = visit().open(entry, **query)
    assert page.app.session_state[state.NEXT_PATH] == wanted


def test_the_address_survives_a_wrong_password(visit: Visitor, alice: User) -> None:
    page = sign_in(visit().open(navigation.RUN, id="run_1"), alice.email, "wrong")
    assert page.sees_sign_in
    assert page.app.session_state[state.NEXT_PATH] == "/run?id=run_1"


def test_alice_signs_in_and_stays_on_the_page_she_asked_for(visit: Visitor, alice: User) -> None:
    page = sign_in(visit().open(navigation.RUNS), "Alice@Example.com", PASSWORD)
    assert page.title == "Runs"
    assert state.NEXT_PATH not in page.app.session_state
    assert page.rerun().title == "Runs"


@pytest.mark.parametrize("email", ["alice@example.com", "nobody@example.com", "no address", "' or 1=1 --"])
def test_a_wrong_password_and_an_unknown_address_get_the_same_sentence(
    visit: Visitor, alice: User, email: str
) -> None:
    page = sign_in(visit().open(navigation.HOME), email, "wrong password")
    assert page.errors == ["The e-mail address or the password is not right."]
    assert page.sees_sign_in
    assert "wrong password" not in page.text


def test_an_empty_form_asks_for_the_address(visit: Visitor) -> None:
    page = sign_in(visit().open(navigation.HOME), "", "")
    assert page.errors == ["Enter your e-mail address."]


def test_after_many_wrong_passwords_alice_is_told_to_wait(
    visit: Visitor, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    StoppedClock(monkeypatch)
    page = visit().open(navigation.HOME)
    for _ in range(5):
        page = sign_in(page, alice.email, "wrong")
    assert page.errors[0].startswith("Too many wrong passwords. Please wait ")
    assert sign_in(page, alice.email, PASSWORD).sees_sign_in


def test_registration_is_closed_unless_it_is_open(visit: Visitor) -> None:
    page = visit().open(navigation.HOME)
    assert not page.app.segmented_control
    assert "No account yet? Ask an administrator for an invitation." in page.captions


def test_a_late_ticket_is_explained(visit: Visitor) -> None:
    page = visit().open(navigation.HOME, notice="ticket")
    assert page.app.info[0].value.startswith("That sign-in took too long")


def test_an_unknown_notice_is_not_shown(visit: Visitor) -> None:
    page = visit().open(navigation.HOME, notice="<b>Your account is locked, call 555</b>")
    assert "555" not in page.text


class TestOpenRegistration:
    @pytest.fixture
    def registration(self) -> str:
        return "open"

    def register(self, visit: Visitor, **changes: str) -> Visit:
        page = visit().open(navigation.HOME)
        page.app.segmented_control(key="sign_in_mode").set_value("Create an account")
        page.rerun()
        fields = {
            "First name": "Dora",
            "Last name": "Doe",
            "E-mail": "dora@example.com",
            "Password": PASSWORD,
            "Repeat password": PASSWORD,
            **changes,
        }
        for field in page.app.text_input:
            field.set_value(fields[field.label])
        next(b for b in page.app.button if b.label == "Create account").click()
        return page.rerun()

    def test_dora_registers_and_is_in(self, visit: Visitor, page_core: Core) -> None:
        page = self.register(visit)
        assert page.title == "Home"
        assert page_core.accounts.authenticate("dora@example.com", PASSWORD).name == "Dora Doe"

    @pytest.mark.parametrize(
        ("changes", "sentence"),
        [
            ({"E-mail": "no address"}, "This is not an e-mail address."),
            ({"Repeat password": "something else"}, "Passwords do not match."),
            ({"E-mail": "alice@example.com"}, "This e-mail address cannot be registered. Sign in instead, or"),
        ],
    )
    def test_a_mistake_gets_one_sentence(
        self, visit: Visitor, alice: User, changes: dict[str, str], sentence: str
    ) -> None:
        page = self.register(visit, **changes)
        assert len(page.errors) == 1
        assert page.errors[0].startswith(sentence)
        assert PASSWORD not in page.text

    def test_a_short_password_gets_the_rule(self, visit: Visitor) -> None:
        page = self.register(visit, **{"Password": "short", "Repeat password": "short"})
        assert len(page.errors) == 1
        assert not page.title


def test_a_revoked_session_ends_at_the_next_rerun(visit: Visitor, page_core: Core, alice: User) -> None:
    page = visit(alice).open(navigation.AGENTS)
    assert page.title == "Agents"
    page_core.accounts.end_session(page.token)
    page.rerun()
    assert page.sees_sign_in
    assert page.buttons == ["Sign in"]


def test_alice_signs_out(visit: Visitor, page_core: Core, alice: User) -> None:
    page = visit(alice).open(navigation.HOME).press("shell_sign_out")
    assert page.sees_sign_in
    assert page_core.accounts.session_user(page.token) is None


def test_a_copied_tab_session_is_nobody_in_another_browser(visit: Visitor, page_core: Core, alice: User) -> None:
    page = visit()
    token = page_core.accounts.start_session(alice, "test")
    page.app.session_state[state.TAB_SESSION] = (token, "the other browser")
    assert page.open(navigation.HOME).sees_sign_in
