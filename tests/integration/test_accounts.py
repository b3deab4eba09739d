"""People register and sign in, on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, update

from core.bootstrap import Core, build_core
from core.config import Settings
from core.db.tables import users
from core.errors import Conflict, CoreError, Invalid, RegistrationClosed, SignInRefused, TicketRefused
from tests.conftest import PASSWORD, Cast


def test_alice_signs_in_with_her_password(core: Core, cast: Cast) -> None:
    assert core.accounts.authenticate(" Alice@Example.com ", PASSWORD) == cast.alice


def test_alice_is_refused_with_a_wrong_password(core: Core, cast: Cast) -> None:
    with pytest.raises(SignInRefused):
        core.accounts.authenticate("alice@example.com", PASSWORD + "x")


def test_a_ticket_opens_one_session_in_its_own_browser(core: Core, cast: Cast) -> None:
    ticket = core.accounts.issue_ticket(cast.alice, "browser-a")
    with pytest.raises(TicketRefused):
        core.accounts.redeem_ticket(ticket, "browser-b", "agent")
    token = core.accounts.redeem_ticket(ticket, "browser-a", "agent")
    assert core.accounts.session_user(token) == cast.alice
    with pytest.raises(TicketRefused):
        core.accounts.redeem_ticket(ticket, "browser-a", "agent")


def test_a_person_with_an_international_address_signs_in_however_it_is_typed(core: Core) -> None:
    zoe = core.accounts.register("Zoë@exämple.com", "Zoë", PASSWORD)
    assert core.accounts.authenticate("zoe\u0308@xn--exmple-cua.com", PASSWORD) == zoe


@pytest.mark.parametrize("address", ["", "nobody", "a\x00@example.com", "\ud800@example.com", "x" * 100_000])
def test_a_stranger_typing_no_address_is_refused_like_anybody(core: Core, address: str) -> None:
    with pytest.raises(SignInRefused):
        core.accounts.authenticate(address, PASSWORD)


def test_an_inactive_person_is_refused_like_a_stranger_and_loses_the_session(core: Core, cast: Cast) -> None:
    token = core.accounts.start_session(cast.alice, "agent")
    with core.db.transaction() as connection:
        connection.execute(update(users).where(users.c.id == cast.alice.id).values(is_active=False))
    with pytest.raises(SignInRefused):
        core.accounts.authenticate("alice@example.com", PASSWORD)
    assert core.accounts.session_user(token) is None
    assert core.accounts.user(cast.alice.id) is None


@pytest.mark.parametrize(
    ("email", "name", "password", "field"),
    [
        ("not an address", "Dora", PASSWORD, "email"),
        ("dora@localhost", "Dora", PASSWORD, "email"),
        ("dora@example.com", "  ", PASSWORD, "name"),
        ("dora@example.com", "D" * 121, PASSWORD, "name"),
        ("dora@example.com", "Do\x00ra", PASSWORD, "name"),
        ("dora@example.com", "Dora", "too short", "password"),
    ],
)
def test_a_visitor_registering_with_a_wrong_field_reads_which(
    core: Core, email: str, name: str, password: str, field: str
) -> None:
    with pytest.raises(Invalid) as caught:
        core.accounts.register(email, name, password)
    assert caught.value.field == field


def test_a_visitor_cannot_take_an_address_twice(core: Core, cast: Cast) -> None:
    with pytest.raises(Conflict):
        core.accounts.register("ALICE@example.com", "Other", PASSWORD)


def test_of_visitors_taking_an_address_at_once_one_gets_it(core: Core) -> None:
    def register(number: int) -> str:
        try:
            return core.accounts.register("dora@example.com", f"Dora {number}", PASSWORD).name
        except CoreError as error:
            return error.code

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(register, range(8)))
    assert outcomes.count("conflict") == 7
    with core.db.read() as connection:
        names = connection.execute(select(users.c.name).where(users.c.email == "dora@example.com")).scalars()
        assert list(names) == [outcome for outcome in outcomes if outcome != "conflict"]


@pytest.mark.parametrize("mode", ["invite", "closed"])
def test_a_visitor_cannot_register_where_registration_is_not_open(
    core: Core, settings: Settings, mode: str
) -> None:
    accounts = build_core(settings.model_copy(update={"registration": mode})).accounts
    with pytest.raises(RegistrationClosed):
        accounts.register("dora@example.com", "Dora", PASSWORD)
    assert accounts.create_user("dora@example.com", "Dora", PASSWORD, "member").role == "member"


def test_the_first_administrator_is_made_once(core: Core) -> None:
    first = core.accounts.ensure_first_admin()
    assert first is not None
    assert first.password is not None
    assert core.accounts.authenticate(first.email, first.password).is_admin
    assert core.accounts.ensure_first_admin() is None


def test_nobody_is_made_administrator_where_people_are_already(core: Core, cast: Cast) -> None:
    assert core.accounts.ensure_first_admin() is None
    assert not cast.alice.is_admin


def test_an_operators_own_password_is_used_and_not_shown(core: Core, settings: Settings) -> None:
    given = {"ZOARK_ADMIN_EMAIL": "Root@Example.com", "ZOARK_ADMIN_PASSWORD": PASSWORD}
    own = Settings.model_validate({**settings.model_dump(by_alias=True), **given})
    first = build_core(own).accounts.ensure_first_admin()
    assert first is not None
    assert (first.email, first.password) == ("root@example.com", None)
    assert core.accounts.authenticate("root@example.com", PASSWORD).is_admin
