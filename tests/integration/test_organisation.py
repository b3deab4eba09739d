"""What administrators set about signing in is obeyed, audited, and theirs alone to change."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import insert, select

from core.accounts.models import User
from core.bootstrap import Core
from core.db.tables import audit_log, organisation
from core.errors import Forbidden, Invalid, RegistrationClosed, StepUpRequired
from core.keys.models import KeyDraft
from core.organisation.models import OrganisationSettings
from core.security import passwords
from tests.conftest import PASSWORD, Cast
from tests.support.stopped_clock import StoppedClock


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> StoppedClock:
    return StoppedClock(monkeypatch)


def test_the_settings_begin_with_their_defaults(core: Core) -> None:
    assert core.organisation.get() == OrganisationSettings()


def test_an_administrator_changes_settings_and_the_log_says_which(core: Core, root: User) -> None:
    core.organisation.change(root, {"company_name": "  Acme  Inc ", "session_idle_minutes": 60})
    core.organisation.change(root, {"allowed_email_domains": ["Example.com"]})
    assert core.organisation.get() == OrganisationSettings(
        company_name="Acme Inc", allowed_email_domains=("example.com",)
    )
    core.organisation.change(root, {"company_name": "Acme Inc"})
    with core.db.read() as connection:
        rows = connection.execute(select(audit_log).where(audit_log.c.action == "settings.changed")).all()
    assert [row.detail for row in rows] == [
        {"company_name": {"from": "", "to": "Acme Inc"}},
        {"allowed_email_domains": {"from": [], "to": ["example.com"]}},
    ]


@pytest.fixture
def choosing(core: Core) -> Core:
    """An installation whose environment says nothing about who may register."""
    core.organisation.fixed_registration = None
    return core


def test_an_administrator_opens_and_closes_registration(choosing: Core, root: User) -> None:
    core = choosing
    assert core.organisation.registration() == "invite"
    with pytest.raises(RegistrationClosed):
        core.accounts.register("dora@example.com", "Dora", PASSWORD)
    core.organisation.change(root, {"registration": "open"})
    assert core.organisation.registration() == "open"
    assert core.accounts.register("dora@example.com", "Dora", PASSWORD).role == "member"
    core.organisation.change(root, {"registration": "closed"})
    with pytest.raises(RegistrationClosed):
        core.accounts.register("emil@example.com", "Emil", PASSWORD)
    with pytest.raises(RegistrationClosed):
        core.mail_links.invite(root, "emil@example.com", "member", None, "https://z.example.com")


def test_registration_closed_while_a_password_is_hashed_lets_nobody_in(
    choosing: Core, root: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    core = choosing
    core.organisation.change(root, {"registration": "open"})
    hash_password = passwords.hash_password

    def slowly(password: str) -> str:
        core.organisation.change(root, {"registration": "closed"})
        return hash_password(password)

    monkeypatch.setattr(passwords, "hash_password", slowly)
    with pytest.raises(RegistrationClosed):
        core.accounts.register("dora@example.com", "Dora", PASSWORD)
    monkeypatch.undo()
    assert core.people.list(root, "dora") == []


def test_the_environment_wins_and_says_so(core: Core, root: User) -> None:
    assert core.organisation.registration() == "open"
    with pytest.raises(Invalid) as caught:
        core.organisation.change(root, {"registration": "closed", "company_name": "Acme"})
    assert caught.value.field == "registration"
    assert caught.value.sentence == ("Who may register is set by ZOARK_REGISTRATION, so it cannot be changed here.")
    assert core.organisation.get() == OrganisationSettings()
    core.organisation.change(root, {"registration": "invite", "company_name": "Acme"})  # what it was before


def test_what_the_environment_says_can_be_said_again(core: Core, root: User) -> None:
    seen = core.organisation.look(root)
    assert seen.registration == "open"
    core.organisation.change(root, {**seen.model_dump(), "company_name": "Acme"})
    assert (core.organisation.get().registration, core.organisation.get().company_name) == ("invite", "Acme")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"session_idle_minutes": "60"}, "session_idle_minutes"),
        ({"session_idle_minutes": 120, "session_life_hours": 1}, "session_idle_minutes"),
        ({"allowed_email_domains": ["no domain"]}, "allowed_email_domains"),
        ({"two_factor_for": "some"}, "two_factor_for"),
        ({"role": "admin"}, "role"),
        ({"registration": "anybody"}, "registration"),
        ({"registration": None}, "registration"),
        ({"company_name": "x" * 81}, "company_name"),
    ],
)
def test_a_wrong_value_changes_nothing(core: Core, root: User, changes: dict[str, object], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        core.organisation.change(root, {"company_name": "Acme", **changes})
    assert caught.value.field == field
    assert caught.value.sentence.startswith("The ")
    assert core.organisation.get() == OrganisationSettings()


def test_charlie_changes_nothing(core: Core, cast: Cast) -> None:
    with pytest.raises(Forbidden):
        core.organisation.change(cast.charlie, {"two_factor_for": "nobody"})


def test_two_administrators_at_once_do_not_lose_a_change(core: Core, root: User) -> None:
    changes = [{"company_name": "Acme"}, {"session_life_hours": 12}, {"two_factor_for": "admins"}] * 3
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda change: core.organisation.change(root, change), changes))
    assert core.organisation.get() == OrganisationSettings(
        company_name="Acme", session_life_hours=12, two_factor_for="admins"
    )


def test_a_value_of_another_form_in_the_table_is_not_guessed(core: Core) -> None:
    with core.db.transaction() as connection:
        connection.execute(insert(organisation).values(name="two_factor_for", value="perhaps"))
    with pytest.raises(Invalid):
        core.organisation.get()


def test_only_addresses_of_the_allowed_domains_register(core: Core, root: User) -> None:
    core.organisation.change(root, {"allowed_email_domains": ["example.com"]})
    with pytest.raises(Invalid) as caught:
        core.accounts.register("dora@elsewhere.example", "Dora", PASSWORD)
    assert caught.value.sentence == ("Addresses of this domain cannot register here. Use the one of your company.")
    assert core.accounts.register("dora@Example.com", "Dora", PASSWORD).email == "dora@example.com"
    assert core.accounts.create_user("guest@elsewhere.example", "Guest", PASSWORD, "member")


def test_a_session_idles_and_ends_as_the_organisation_says(core: Core, root: User, time: StoppedClock) -> None:
    token = core.accounts.start_session(root, "agent")
    core.organisation.change(root, {"session_idle_minutes": 5, "session_life_hours": 1})
    time.advance(minutes=4, seconds=59)
    assert core.accounts.session_user(token) == root
    time.advance(minutes=5)
    assert core.accounts.session_user(token) is None
    token = core.accounts.start_session(root, "agent")
    for _ in range(14):
        time.advance(minutes=4)
        assert core.accounts.session_user(token) == root
    time.advance(minutes=4)
    assert core.accounts.session_user(token) is None


def test_a_shorter_life_ends_sessions_that_are_open(core: Core, root: User, time: StoppedClock) -> None:
    token = core.accounts.start_session(root, "agent")
    time.advance(minutes=59)
    assert core.accounts.session_user(token) == root
    time.advance(minutes=2)
    core.organisation.change(core.accounts.authenticate(root.email, PASSWORD), {"session_life_hours": 1})
    assert core.accounts.session_user(token) is None


def test_administrators_without_a_second_factor_are_held_up(core: Core, cast: Cast, root: User) -> None:
    assert not core.two_factor.must_enrol(root)
    core.organisation.change(root, {"two_factor_for": "admins"})
    assert core.two_factor.must_enrol(root)
    assert not core.two_factor.must_enrol(cast.alice)


def test_a_key_is_added_and_deleted_with_a_recent_proof_only(core: Core, cast: Cast, time: StoppedClock) -> None:
    draft = KeyDraft("Mine", "openai_compatible", base_url="https://models.example.com/v1")
    token = core.accounts.start_session(cast.alice, "agent")
    alice = core.accounts.session_user(token)
    assert alice is not None
    key = core.keys.add(alice, draft)
    time.advance(minutes=10, seconds=1)
    for nobody_proved in (alice, core.accounts.user(alice.id)):
        assert nobody_proved is not None
        with pytest.raises(StepUpRequired):
            core.keys.add(nobody_proved, KeyDraft("More", draft.provider, base_url=draft.base_url))
        with pytest.raises(StepUpRequired):
            core.keys.delete(nobody_proved, key.id)
    core.accounts.prove(alice, token, PASSWORD)
    alice = core.accounts.session_user(token)
    assert alice is not None
    core.keys.delete(alice, key.id)
