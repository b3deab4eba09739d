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
    page = visit(root).open(navigation.HOME)
    let_proofs_age(page_core)
    page.open(navigation.SIGN_IN_SETTINGS)
    assert "Save" not in page.buttons
    page.fill(settings_step_up_secret=PASSWORD).press("settings_step_up_confirm")
    assert "Save" in page.buttons


def test_the_switch_holds_the_administrator_up_at_once(visit: Visitor, root: User) -> None:
    page = visit(root).open(navigation.SIGN_IN_SETTINGS)
    page.fill(settings_two_factor="admins").press("settings_save")
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


@pytest.fixture
def two_providers(monkeypatch: pytest.MonkeyPatch) -> None:
    """GitHub is set up, the company's own provider only half."""
    monkeypatch.setenv("ZOARK_BASE_URL", "https://zoark.example.com/")
    monkeypatch.setenv("ZOARK_OAUTH_GITHUB_CLIENT_ID", "id")
    monkeypatch.setenv("ZOARK_OAUTH_GITHUB_CLIENT_SECRET", "canary-of-the-secret")
    monkeypatch.setenv("ZOARK_OAUTH_GITHUB_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("ZOARK_OAUTH_OIDC_CLIENT_ID", "id")


def test_an_administrator_sees_how_each_provider_stands(two_providers: None, visit: Visitor, root: User) -> None:
    page = visit(root).open(navigation.SIGN_IN_SETTINGS)
    headings = [markdown.value.rpartition("**")[0].rpartition("**")[2] for markdown in page.app.markdown]
    assert [name for name in headings if name] == ["Google", "Microsoft", "GitHub", "Single sign-on"]
    missing = [caption for caption in page.captions if caption.startswith("Missing: ")]
    assert missing == [
        "Missing: `ZOARK_OAUTH_GOOGLE_CLIENT_ID`, `ZOARK_OAUTH_GOOGLE_CLIENT_SECRET`",
        "Missing: `ZOARK_OAUTH_MICROSOFT_CLIENT_ID`, `ZOARK_OAUTH_MICROSOFT_CLIENT_SECRET`",
        "Missing: `ZOARK_OAUTH_OIDC_CLIENT_SECRET`, `ZOARK_OAUTH_OIDC_METADATA_URL`",
    ]
    assert [code.value for code in page.app.code] == [
        f"https://zoark.example.com/oauth/{name}/callback" for name in ("google", "microsoft", "github", "oidc")
    ]
    assert page.buttons.count("Test") == 1
    assert "canary" not in page.text


def test_an_administrator_tests_a_provider(two_providers: None, visit: Visitor, root: User) -> None:
    page = visit(root).open(navigation.SIGN_IN_SETTINGS).press("providers_test_github")
    found = [markdown.value for markdown in page.app.markdown if "**Sign-in page**" in markdown.value]
    assert len(found) == 1
    assert found[0].startswith(":red[:material/error:]")
    assert "ZOARK_ENDPOINT_ALLOWLIST" in found[0]
    assert page.errors == []


def test_without_a_base_url_the_page_says_what_the_redirect_uris_follow(visit: Visitor, root: User) -> None:
    page = visit(root).open(navigation.SIGN_IN_SETTINGS)
    assert any("ZOARK_BASE_URL" in caption for caption in page.captions)
