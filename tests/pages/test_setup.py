"""Set-up: each step saves at once, bad input gets one sentence, and nobody is trapped or let in who may not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from app import navigation
from core.accounts.models import User
from core.bootstrap import Core
from core.departments.service import Departments
from core.keys.models import KeyDraft
from core.llm.local import support
from core.setup.models import STEPS
from tests.conftest import PASSWORD
from tests.fakes.model_server import FakeModelServer
from tests.pages.conftest import SECRET, Visit
from tests.pages.test_two_factor import let_proofs_age
from tests.support.mailbox import MAIL_SETTINGS, MemoryTransport

Visitor = Callable[..., Visit]


@pytest.fixture
def registration() -> str:
    """Nothing in the environment: an administrator chooses."""
    return ""


@pytest.fixture
def post(page_core: Core, monkeypatch: pytest.MonkeyPatch) -> MemoryTransport:
    page_core.mail.transport = MemoryTransport()
    page_core.mail.sender, page_core.mail._base_url = MAIL_SETTINGS["ZOARK_MAIL_FROM"], "https://zoark.example.com"
    return page_core.mail.transport


def at(visit: Visitor, user: User, step: str) -> Visit:
    return visit(user).open(navigation.SETUP, step=step)


def submit(page: Visit, label: str = "Save and continue") -> Visit:
    next(button for button in page.app.button if button.label == label).click()
    return page.rerun()


def heading(page: Visit) -> str:
    return page.app.subheader[0].value


# --- the way there --------------------------------------------------------------------------------


def test_home_leads_the_first_administrator_there(visit: Visitor, page_core: Core, root: User) -> None:
    page = visit(root).open(navigation.HOME)
    assert page.title == "Set up Zoark"
    assert heading(page) == "What is your company called?"
    assert visit(root).open(navigation.AGENTS).title == "Agents"  # the sidebar works
    page.press("setup_later")
    assert page.title == "Home"
    assert "home_setup" in [button.key for button in page.app.button]
    assert page.press("home_setup").title == "Set up Zoark"
    again = visit(root).open(navigation.HOME)
    again.press("home_setup_hide")
    assert "home_setup" not in [button.key for button in again.app.button]
    assert visit(root).open(navigation.SETUP).title == "Set up Zoark"


def test_an_installation_in_use_only_shows_the_card(
    visit: Visitor, page_core: Core, root: User, alice: User
) -> None:
    page = visit(root).open(navigation.HOME)
    assert page.title == "Home"
    assert "0 of 5 steps are done or skipped." in page.captions
    page.press("home_setup").press("setup_skip")
    assert heading(page) == "Which departments are there?"
    page = visit(root).open(navigation.HOME)
    assert page.title == "Home"
    assert "1 of 5 steps are done or skipped." in page.captions


@pytest.mark.parametrize("step", ["", *STEPS, "done"])
def test_charlie_is_refused_every_step_and_sees_no_card(
    visit: Visitor, page_core: Core, charlie: User, step: str
) -> None:
    page = at(visit, charlie, step)
    assert page.errors == ["You are not allowed to do this. Ask an administrator for the right."]
    assert page.buttons == ["Sign out"]
    home = visit(charlie).open(navigation.HOME)
    assert home.title == "Home"
    assert "home_setup" not in [button.key for button in home.app.button]


@pytest.mark.parametrize("step", ["nowhere", "<script>", "DONE", "company,done"])
def test_an_unknown_step_is_the_first_open_one(visit: Visitor, page_core: Core, root: User, step: str) -> None:
    page_core.setup.note_step(root, "company", "done")
    assert heading(at(visit, root, step)) == "Which departments are there?"


def test_every_step_can_be_passed_over_and_come_back_to(visit: Visitor, page_core: Core, root: User) -> None:
    page = visit(root).open(navigation.SETUP)
    for key in ("setup_skip", "setup_skip", "setup_skip", "setup_model_next", "setup_people_next"):
        page.press(key)
    assert heading(page) == "Everything is set"
    progress = page_core.setup.progress(root)
    assert set(progress.steps.values()) == {"skipped"}
    assert progress.finished_at is not None
    page.press("setup_step_sign-in")
    assert heading(page) == "How do people come in?"
    page.press("setup_back")
    assert heading(page) == "Which departments are there?"
    assert visit(root).open(navigation.HOME).title == "Home"
    assert "setup_later" not in [button.key for button in page.app.button]


def test_somebody_who_goes_to_the_end_first_can_finish_there(visit: Visitor, page_core: Core, root: User) -> None:
    page = at(visit, root, "done")
    assert heading(page) == "What is set so far"
    assert page_core.setup.progress(root).finished_at is None
    page.press("setup_finish")
    assert heading(page) == "Everything is set"
    assert page_core.setup.progress(root).finished_at is not None


# --- the company ----------------------------------------------------------------------------------


def test_the_company_is_saved_and_greets_whoever_signs_in(visit: Visitor, page_core: Core, root: User) -> None:
    page = at(visit, root, "company").fill(setup_company=" Acme  <b>& Söhne</b> ")
    submit(page)
    assert heading(page) == "Which departments are there?"
    assert page_core.organisation.get().company_name == "Acme <b>& Söhne</b>"
    assert page_core.setup.progress(root).steps == {"company": "done"}
    greeting = "".join(html.value for html in visit().open(navigation.HOME).app.html)
    assert "The AI-agent desk of Acme &lt;b&gt;&amp; Söhne&lt;/b&gt;" in greeting


def test_no_company_name_is_a_step_skipped(visit: Visitor, page_core: Core, root: User) -> None:
    page = submit(at(visit, root, "company"))
    assert page.errors == []
    assert page_core.setup.progress(root).steps == {"company": "skipped"}


def test_a_name_of_81_characters_gets_one_sentence_and_stays(visit: Visitor, page_core: Core, root: User) -> None:
    page = submit(at(visit, root, "company").fill(setup_company="x" * 81))
    assert len(page.errors) == 1
    assert page.errors[0].startswith("The company's name cannot be saved: ")
    assert page.app.text_input(key="setup_company").value == "x" * 81
    assert page_core.organisation.get().company_name == ""
    assert page_core.setup.progress(root).steps == {}


def test_who_comes_late_confirms_first(visit: Visitor, page_core: Core, root: User) -> None:
    page = visit(root)
    let_proofs_age(page_core)
    page.open(navigation.SETUP, step="company")
    assert "Save and continue" not in page.buttons
    assert "setup_skip" in [button.key for button in page.app.button]
    page.fill(setup_company_step_up_secret=PASSWORD).press("setup_company_step_up_confirm")
    assert "Save and continue" in page.buttons


@pytest.mark.parametrize(
    ("step", "typed", "saved"),
    [
        ("company", {"setup_company": "Acme"}, {"company_name": "Acme"}),
        ("sign-in", {"setup_domains": "acme.com", "setup_idle": 30}, {"session_idle_minutes": 30}),
    ],
)
def test_what_was_typed_is_saved_after_a_late_confirmation(
    visit: Visitor, page_core: Core, root: User, step: str, typed: dict[str, Any], saved: dict[str, Any]
) -> None:
    page = at(visit, root, step)
    assert "Confirm" not in page.buttons  # signing in was proof enough
    let_proofs_age(page_core)
    prefix = f"setup_{step.replace('-', '_')}_step_up"
    page = submit(page.fill(**typed))
    assert page_core.setup.progress(root).steps == {}
    page.fill(**{f"{prefix}_secret": PASSWORD}).press(f"{prefix}_confirm")
    assert page_core.setup.progress(root).steps == {step: "done"}
    found = page_core.organisation.get().model_dump()
    assert {name: found[name] for name in saved} == saved


# --- departments ----------------------------------------------------------------------------------


def names(core: Core) -> list[str]:
    return [department.name for department in core.departments.all()]


def test_departments_are_renamed_removed_and_added(visit: Visitor, page_core: Core, root: User) -> None:
    assert len(names(page_core)) == 6
    page = at(visit, root, "departments").press("setup_rename_hr")
    page.fill(departments_name_hr="People").press_in_dialog("setup_rename_hr", "departments_rename_yes")
    page.press("setup_remove_finance").press_in_dialog("setup_remove_finance", "departments_delete_yes")
    page.press("setup_add_department").fill(departments_new_name="Legal")
    page.press_in_dialog("setup_add_department", "departments_add")
    assert names(page_core) == ["Sales", "People", "Operations", "Marketing", "Support", "Legal"]
    assert heading(page) == "Which departments are there?"
    page.press("setup_departments_next")
    assert heading(page) == "How do people come in?"
    assert page_core.setup.progress(root).steps == {"departments": "done"}


@pytest.mark.parametrize("name", ["sales", ""])
def test_a_wrong_department_gets_one_sentence(visit: Visitor, page_core: Core, root: User, name: str) -> None:
    page = at(visit, root, "departments").press("setup_add_department").fill(departments_new_name=name)
    page.press_in_dialog("setup_add_department", "departments_add")
    assert len(page.errors) == 1
    if name == "sales":
        assert page.errors == ["There is a department of this name already. Choose another name."]
    assert len(page_core.departments.all()) == 6


def test_a_departments_name_is_only_text(visit: Visitor, page_core: Core, root: User) -> None:
    assert isinstance(page_core.departments, Departments)
    page_core.departments.add(root, "![x](https://evil.example/p)")
    for step in ("departments", "done"):
        page = at(visit, root, step)
        assert "](https://evil.example" not in "".join(markdown.value for markdown in page.app.markdown)


# --- signing in -----------------------------------------------------------------------------------


def test_the_rules_are_saved_and_the_sign_in_page_follows(visit: Visitor, page_core: Core, root: User) -> None:
    visitor = visit().open(navigation.HOME)
    assert "sign_in_mode" not in [control.key for control in visitor.app.get("button_group")]
    page = at(visit, root, "sign-in")
    assert "No sign-in provider is set up." in page.captions
    assert "Sign-in settings" in page.links
    page.fill(setup_registration="open", setup_domains="Example.com", setup_idle=30)
    submit(page)
    assert heading(page) == "Which model do agents use?"
    now = page_core.organisation.get()
    assert (now.registration, now.allowed_email_domains, now.session_idle_minutes) == ("open", ("example.com",), 30)
    assert "Create an account" in visitor.rerun().text


def test_a_wrong_domain_gets_one_sentence_and_stays(visit: Visitor, page_core: Core, root: User) -> None:
    page = submit(at(visit, root, "sign-in").fill(setup_domains="not a domain", setup_registration="open"))
    assert page.errors == ["The list of e-mail domains cannot be saved: write domains such as example.com."]
    assert page.app.text_area(key="setup_domains").value == "not a domain"
    assert page_core.organisation.get().registration == "invite"


def test_what_the_environment_fixes_is_said_and_not_asked(visit: Visitor, page_core: Core, root: User) -> None:
    page_core.organisation.fixed_registration = "open"
    for page in (at(visit, root, "sign-in"), visit(root).open(navigation.SIGN_IN_SETTINGS)):
        assert any("ZOARK_REGISTRATION=open" in caption for caption in page.captions)
        assert not page.app.radio
    page = submit(at(visit, root, "sign-in"))
    assert page.errors == []


def test_providers_that_are_set_up_are_named(
    visit: Visitor, page_core: Core, root: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.oauth.registry import provider_named

    found = [provider_named("google"), provider_named("github")]
    monkeypatch.setattr(page_core.oauth, "providers", lambda: found)
    assert "People can also sign in with Google, GitHub." in at(visit, root, "sign-in").captions


def test_demanding_two_factor_leads_there_and_back(visit: Visitor, page_core: Core, root: User) -> None:
    page = submit(at(visit, root, "sign-in").fill(setup_two_factor="admins"))
    assert page.title == "Set up two-factor sign-in"
    assert page_core.setup.progress(root).steps == {"sign-in": "done"}


# --- the model ------------------------------------------------------------------------------------


def test_a_key_is_pasted_and_tested(visit: Visitor, page_core: Core, root: User, fake: FakeModelServer) -> None:
    page = at(visit, root, "model")
    assert "Continue without a model" in page.buttons
    page.press("setup_key")
    page.app.button(key="setup_key").click()
    page.fill(keys_provider="openai_compatible").rerun()
    page.app.button(key="setup_key").click()
    page.fill(
        keys_name_openai_compatible="Team",
        keys_secret_openai_compatible=SECRET,
        keys_url_openai_compatible=fake.openai_url,
    )
    page.press_in_dialog("setup_key", "keys_add")
    assert page.errors == []
    (key,) = page_core.keys.list(root)
    assert (key.name, key.test_code) == ("Team", "ok")
    assert heading(page) == "Which model do agents use?"
    assert "Works" in page.text
    assert SECRET not in page.text
    page.press("setup_model_next")
    assert page_core.setup.progress(root).steps == {"model": "done"}


def test_the_built_in_model_is_prepared_and_followed(
    visit: Visitor, page_core: Core, root: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(page_core.local_model), "why_unavailable", lambda _: None)
    page = at(visit, root, "model").press("setup_built_in")
    assert page.errors == []
    (key,) = page_core.keys.list(root)
    assert key.provider == "local"
    assert page_core.local_model.status().state == "requested"
    assert "Getting ready" in page.text
    assert "setup_built_in" not in [button.key for button in page.app.button]
    page_core.local_model.report("fetching", "Fetching the model.", 100_000_000, 400_000_000)
    page.rerun()
    assert "100 MB of 400 MB" in page.text
    page_core.local_model.report("ready", "The model is ready.")
    page.rerun()
    assert "Works" in page.text


def test_the_built_in_model_asks_for_a_proof_when_the_last_one_is_old(
    visit: Visitor, page_core: Core, root: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(page_core.local_model), "why_unavailable", lambda _: None)
    page = at(visit, root, "model")
    let_proofs_age(page_core)
    page.press("setup_built_in")
    assert page_core.keys.list(root) == []
    page.fill(setup_built_in_step_up_secret=PASSWORD).press("setup_built_in_step_up_confirm")
    assert [key.provider for key in page_core.keys.list(root)] == ["local"]


def test_where_the_built_in_model_cannot_run_it_is_not_offered(
    visit: Visitor, page_core: Core, root: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert support.why_unavailable
    monkeypatch.setattr(type(page_core.local_model), "why_unavailable", lambda _: "There is no AVX2 here.")
    page = at(visit, root, "model")
    assert "setup_built_in" not in [button.key for button in page.app.button]
    assert not any("built-in" in caption for caption in page.captions)


# --- people ---------------------------------------------------------------------------------------


def test_good_addresses_are_invited_and_the_junk_stays_in_the_box(
    post: MemoryTransport, visit: Visitor, page_core: Core, root: User
) -> None:
    page = at(visit, root, "people")
    text = "ada@example.com\njunk\nGrace <grace@example.com>, root@example.com"
    page.fill(setup_people_emails=text, setup_people_role="viewer", setup_people_department="hr")
    page.press("setup_people_send")
    assert page.errors == [
        "junk: This is not an e-mail address.",
        "`root@example.com`: Somebody with this e-mail address has an account already.",
    ]
    assert [success.value for success in page.app.success] == [
        "2 invitations are on the way: `ada@example.com`, `grace@example.com`"
    ]
    assert page.app.text_area(key="setup_people_emails").value == "junk\nroot@example.com"
    while page_core.outbox.deliver_next():
        pass
    assert [mail.recipient for mail in post.sent] == ["ada@example.com", "grace@example.com"]
    page.press("setup_people_next")
    assert heading(page) == "Everything is set"
    assert page_core.setup.progress(root).steps == {"people": "done"}


@pytest.mark.parametrize("text", ["", "  \n ", "\n".join(f"p{n}@example.com" for n in range(101))])
def test_nobody_or_too_many_gets_one_sentence_and_stays(
    post: MemoryTransport, visit: Visitor, page_core: Core, root: User, text: str
) -> None:
    page = at(visit, root, "people").fill(setup_people_emails=text).press("setup_people_send")
    assert len(page.errors) == 1
    assert page.app.text_area(key="setup_people_emails").value == text
    page.press("setup_people_next")
    assert page_core.setup.progress(root).steps == {"people": "skipped"}


def test_without_mail_each_link_is_shown_to_copy(visit: Visitor, page_core: Core, root: User) -> None:
    page_core.mail._base_url = "https://desk.example.com"
    page = at(visit, root, "people").fill(setup_people_emails="ada@example.com\nbob@example.com")
    page.press("setup_people_send")
    links = [code.value for code in page.app.code]
    assert len(links) == 2
    assert all(link.startswith("https://desk.example.com/invitation?token=") for link in links)
    token = links[0].partition("token=")[2]
    assert page_core.mail_links.invitation(token).email == "ada@example.com"


def test_where_registration_is_closed_nobody_is_invited(visit: Visitor, page_core: Core, root: User) -> None:
    page_core.organisation.change(root, {"registration": "closed"})
    page = at(visit, root, "people")
    assert "setup_people_emails" not in [area.key for area in page.app.text_area]
    assert page.app.info[0].value.startswith("Nobody new is taken in")
    assert "people_invite" not in [button.key for button in visit(root).open(navigation.PEOPLE).app.button]


def test_an_administrator_demoted_with_the_form_open_invites_nobody(
    post: MemoryTransport, visit: Visitor, page_core: Core, root: User
) -> None:
    other = page_core.accounts.create_user("other@example.com", "Other", PASSWORD, "admin")
    page = at(visit, root, "people").fill(setup_people_emails="ada@example.com")
    page_core.people.set_role(other, root.id, "member")
    page.press("setup_people_send")
    assert page.errors == ["You are not allowed to do this. Ask an administrator for the right."]
    assert page_core.mail.next_due_at() is None


# --- the end --------------------------------------------------------------------------------------


def test_the_end_says_what_is_set_and_leads_on(
    visit: Visitor, page_core: Core, root: User, fake: FakeModelServer
) -> None:
    page_core.organisation.change(root, {"company_name": "Acme", "registration": "closed"})
    page_core.keys.add(root, KeyDraft("Team", "openai_compatible", SECRET, fake.openai_url))
    page_core.setup.finish(root)
    page = at(visit, root, "done")
    said = [markdown.value for markdown in page.app.markdown]
    for fact in ("Company: **Acme**", "Who may register: **Nobody new**", "Models: **Team**", "People: **you**"):
        assert fact in said
    assert page.press("setup_agent").title == "New agent"
    assert at(visit, root, "done").press("setup_home").title == "Home"
