"""Sign-in settings: for administrators; wrong values are told in one sentence."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app import navigation
from core.accounts.models import User
from core.bootstrap import Core
from core.organisation.models import OrganisationSettings
from tests.conftest import PASSWORD
from tests.pages.conftest import Visit
from tests.pages.test_two_factor import let_proofs_age

Visitor = Callable[..., Visit]


@pytest.fixture
def root(page_core: Core) -> User:
    return page_core.accounts.create_user("root@example.com", "Root", PASSWORD, "admin")


def test_an_administrator_changes_the_settings(visit: Visitor, page_core: Core, root: User) -> None:
    page = visit(root).open(navigation.SIGN_IN_SETTINGS)
    assert any("ZOARK_REGISTRATION=closed" in caption for caption in page.captions)
    page.fill(
        settings_company="Acme",
        settings_domains="Example.com, acme.example\n",
        settings_idle=30,
        settings_life=8,
    ).press("settings_save")
    assert page.errors == []
    assert page.toasts == ["The settings were saved."]
    assert page_core.organisation.get() == OrganisationSettings(
        company_name="Acme",
        allowed_email_domains=("example.com", "acme.example"),
        session_idle_minutes=30,
        session_life_hours=8,
    )
    again = visit(root).open(navigation.SIGN_IN_SETTINGS)
    assert again.app.text_area(key="settings_domains").value == "example.com\nacme.example"


class TestChoosingWhoMayRegister:
    @pytest.fixture
    def registration(self) -> str:
        return ""

    def test_an_administrator_chooses_where_the_environment_does_not(
        self, visit: Visitor, page_core: Core, root: User
    ) -> None:
        nobody = visit().open(navigation.HOME)
        assert "Create an account" not in nobody.text
        page = visit(root).open(navigation.SIGN_IN_SETTINGS)
        assert not any("ZOARK_REGISTRATION" in caption for caption in page.captions)
        page.fill(settings_registration="open").press("settings_save")
        assert page.errors == []
        assert page_core.organisation.registration() == "open"
        assert "Create an account" in nobody.rerun().text
        page.fill(settings_registration="closed").press("settings_save")
        assert "Create an account" not in nobody.rerun().text


def test_a_wrong_value_gets_one_sentence(visit: Visitor, page_core: Core, root: User) -> None:
    page = visit(root).open(navigation.SIGN_IN_SETTINGS)
    page.fill(settings_domains="not a domain").press("settings_save")
    assert page.errors == ["The list of e-mail domains cannot be saved: write domains such as example.com."]
    assert page_core.organisation.get() == OrganisationSettings()


def test_after_a_while_an_administrator_confirms_first(visit: Visitor, page_core: Core, root: User) -> None:
    page = visit(root).open(navigation.SIGN_IN_SETTINGS)
    let_proofs_age(page_core)
    page.rerun()
    assert "Save" not in page.buttons
    page.fill(settings_step_up_secret=PASSWORD).press("settings_step_up_confirm")
    assert "Save" in page.buttons


def test_the_switch_holds_the_administrator_up_at_once(visit: Visitor, root: User) -> None:
    page = visit(root).open(navigation.SIGN_IN_SETTINGS)
    page.fill(settings_two_factor=True).press("settings_save")
    assert page.title == "Set up two-factor sign-in"


def test_charlie_is_refused_and_does_not_see_the_page_in_the_menu(
    visit: Visitor, charlie: User, root: User
) -> None:
    page = visit(charlie).open(navigation.SIGN_IN_SETTINGS)
    assert page.errors == ["You are not allowed to do this. Ask an administrator for the right."]
    assert page.title == "Sign-in settings"
    assert page.buttons == ["Sign out"]
    assert not navigation.SIGN_IN_SETTINGS.is_open_to(charlie)
    assert navigation.SIGN_IN_SETTINGS.is_open_to(root)
