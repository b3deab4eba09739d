"""A manager looks after the members and viewers of their own department, and after nobody else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from core.accounts.models import Role, User
from core.bootstrap import Core
from core.config import Settings
from core.errors import CoreError, Forbidden, LinkRefused, NoSuchPerson, StepUpRequired
from tests.conftest import PASSWORD
from tests.support.mailbox import MemoryTransport, token_in, with_mail


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return with_mail(settings)


class Company:
    """Root administers; Mia manages HR, where Vera (viewer), Max (member), Moritz (manager) and Ada (admin) are."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self.root = core.accounts.create_user("root@example.com", "Root", PASSWORD, "admin")
        self.mia = self.add("Mia", "manager", "hr")
        self.vera, self.max = self.add("Vera", "viewer", "hr"), self.add("Max", "member", "hr")
        self.moritz, self.ada = self.add("Moritz", "manager", "hr"), self.add("Ada", "admin", "hr")
        self.sam = self.add("Sam", "member", "sales")
        self.nobodys = self.add("Nora", "member", None)

    def add(self, name: str, role: Role, department: str | None) -> User:
        made = self.core.accounts.create_user(f"{name.lower()}@example.com", name, PASSWORD, role)
        self.core.people.set_department(self.root, made.id, department)
        return replace(made, department=department)

    def state(self) -> list[tuple[str, str, str | None, bool]]:
        return [(p.name, p.role, p.department, p.is_active) for p in self.core.people.list(self.root)]


@pytest.fixture
def company(core: Core) -> Company:
    core.mail.transport = MemoryTransport()
    return Company(core)


def acts(core: Core, actor: User, person: User) -> list[Callable[[], object]]:
    """Return everything a manager could try at somebody."""
    return [
        lambda: core.people.change(actor, person.id, "viewer", person.department),
        lambda: core.people.set_role(actor, person.id, "member"),
        lambda: core.people.set_department(actor, person.id, "hr"),
        lambda: core.people.suspend(actor, person.id),
        lambda: core.people.reactivate(actor, person.id),
        lambda: core.people.end_sessions(actor, person.id),
    ]


def test_mia_sees_her_department_and_nobody_else(core: Core, company: Company) -> None:
    assert [p.name for p in core.people.list(company.mia)] == ["Ada", "Max", "Mia", "Moritz", "Vera"]
    assert [p.name for p in core.people.list(company.mia, "m")] != []
    assert core.people.list(company.mia, "sam@") == []
    assert core.people.get(company.mia, company.ada.id).name == "Ada"
    for stranger in (company.sam, company.root, company.nobodys):
        with pytest.raises(NoSuchPerson):
            core.people.get(company.mia, stranger.id)


def test_mia_changes_members_and_viewers_of_her_department(core: Core, company: Company) -> None:
    assert core.people.change(company.mia, company.max.id, "viewer", "hr").role == "viewer"
    assert core.people.set_role(company.mia, company.vera.id, "member").role == "member"
    token = core.accounts.start_session(company.max, "agent")
    assert core.people.end_sessions(company.mia, company.max.id) == 1
    assert core.accounts.session_user(token) is None
    assert not core.people.suspend(company.mia, company.max.id).is_active
    assert "Max" in [p.name for p in core.people.list(company.mia)]
    assert core.people.reactivate(company.mia, company.max.id).is_active


@pytest.mark.parametrize("name", ["moritz", "ada", "mia"])
def test_mia_does_not_touch_administrators_managers_or_herself(core: Core, company: Company, name: str) -> None:
    before = company.state()
    tokens = [core.accounts.start_session(getattr(company, name), "agent")]
    for act in acts(core, company.mia, getattr(company, name)):
        with pytest.raises(CoreError) as caught:
            act()
        assert caught.value.code in ("forbidden", "conflict")  # conflict: nobody suspends themself
    assert company.state() == before
    assert all(core.accounts.session_user(token) for token in tokens)


@pytest.mark.parametrize("name", ["sam", "root", "nobodys"])
def test_who_is_not_of_her_department_is_not_there_for_mia(core: Core, company: Company, name: str) -> None:
    before = company.state()
    for act in acts(core, company.mia, getattr(company, name)):
        with pytest.raises(NoSuchPerson):
            act()
    assert company.state() == before


@pytest.mark.parametrize("role", ["manager", "admin"])
def test_mia_makes_nobody_a_manager_or_administrator(core: Core, company: Company, role: Role) -> None:
    before = company.state()
    for act in (
        lambda: core.people.change(company.mia, company.max.id, role, "hr"),
        lambda: core.people.set_role(company.mia, company.max.id, role),
    ):
        with pytest.raises(Forbidden):
            act()
    assert company.state() == before


@pytest.mark.parametrize("department", ["sales", None])
def test_mia_moves_nobody_out_or_in(core: Core, company: Company, department: str | None) -> None:
    before = company.state()
    for act in (
        lambda: core.people.change(company.mia, company.max.id, "viewer", department),
        lambda: core.people.set_department(company.mia, company.max.id, department),
    ):
        with pytest.raises(Forbidden):
            act()
    assert company.state() == before


def test_mia_has_no_other_right_of_an_administrator(core: Core, company: Company) -> None:
    at = company.mia.created_at
    for act in (
        lambda: core.two_factor.reset(company.mia, company.max.id),
        lambda: core.audit.search(company.mia, at, at),
        lambda: core.audit.export(company.mia, at, at),
        lambda: core.departments.add(company.mia, "Legal"),
        lambda: core.organisation.change(company.mia, {"company_name": "Mine"}),
        lambda: core.runs.backlog(company.mia),
    ):
        with pytest.raises(Forbidden):
            act()


def test_mia_confirms_before_she_changes_anybody(core: Core, company: Company) -> None:
    before = company.state()
    unproven = company.mia.proven(None)
    for act in [
        *acts(core, unproven, company.max),
        lambda: core.mail_links.invite(unproven, "dora@example.com", "member", "hr"),
    ]:
        with pytest.raises(StepUpRequired):
            act()
    assert company.state() == before


def test_a_manager_without_a_department_sees_only_themself(core: Core, company: Company) -> None:
    alone = company.add("Lone", "manager", None)
    assert [p.name for p in core.people.list(alone)] == ["Lone"]
    for person in (company.nobodys, company.max):
        for act in acts(core, alone, person):
            with pytest.raises(NoSuchPerson):
                act()
    with pytest.raises(Forbidden):
        core.mail_links.invite(alone, "dora@example.com", "member", None)


def test_a_manager_who_was_moved_or_demoted_meanwhile_reaches_nobody(core: Core, company: Company) -> None:
    """``mia`` is as her open page still has her."""
    core.people.set_department(company.root, company.mia.id, "sales")
    for act in acts(core, company.mia, company.max):
        with pytest.raises(NoSuchPerson):
            act()
    core.people.change(company.root, company.mia.id, "member", "hr")
    for act in acts(core, company.mia, company.max):
        with pytest.raises(Forbidden):
            act()
    core.people.set_role(company.root, company.mia.id, "manager")
    core.people.suspend(company.root, company.mia.id)
    for act in acts(core, company.mia, company.max):
        with pytest.raises(Forbidden):
            act()


# --- invitations ----------------------------------------------------------------------------------


def invite(core: Core, actor: User, role: Role, department: str | None, email: str = "dora@example.com") -> str:
    transport = core.mail.transport
    assert isinstance(transport, MemoryTransport)
    core.mail_links.invite(actor, email, role, department)
    while core.outbox.deliver_next():
        pass
    return token_in(transport.sent[-1].body.get_secret_value())


@pytest.mark.parametrize("role", ["member", "viewer"])
def test_mia_invites_into_her_department(core: Core, company: Company, role: Role) -> None:
    token = invite(core, company.mia, role, "hr")
    dora = core.mail_links.accept_invitation(token, "Dora", PASSWORD + " of Dora")
    assert (dora.role, dora.department) == (role, "hr")


@pytest.mark.parametrize(
    ("role", "department"),
    [
        ("member", "sales"),
        ("member", None),
        ("viewer", "board"),
        ("manager", "hr"),
        ("admin", "hr"),
        ("owner", "hr"),
    ],
)
def test_mia_invites_nowhere_else_and_to_no_higher_role(
    core: Core, company: Company, role: Role, department: str | None
) -> None:
    with pytest.raises(Forbidden):
        core.mail_links.invite(company.mia, "dora@example.com", role, department)


@pytest.mark.parametrize("change", [("member", "hr"), ("manager", "sales"), ("manager", None)])
def test_the_invitation_of_a_manager_who_was_moved_or_demoted_is_worth_nothing(
    core: Core, company: Company, change: tuple[Role, str | None]
) -> None:
    token = invite(core, company.mia, "member", "hr")
    core.people.change(company.root, company.mia.id, *change)
    with pytest.raises(LinkRefused):
        core.mail_links.accept_invitation(token, "Dora", PASSWORD + " of Dora")


def test_mia_does_not_take_back_the_invitation_of_an_administrator(core: Core, company: Company) -> None:
    wide, first = invite(core, company.root, "manager", "sales"), invite(core, company.mia, "member", "hr")
    invite(core, company.mia, "viewer", "hr")
    assert core.mail_links.invitation(wide).role == "manager"
    with pytest.raises(LinkRefused):
        core.mail_links.invitation(first)
    invite(core, company.root, "member", "sales")
    with pytest.raises(LinkRefused):
        core.mail_links.invitation(wide)
