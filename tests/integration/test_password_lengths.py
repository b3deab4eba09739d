"""Whoever must have a second factor needs 8 characters; everybody else 15: by role and setting, on every way in."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from core.accounts.models import Role, User
from core.bootstrap import Core
from core.config import Settings
from core.errors import Invalid
from tests.conftest import PASSWORD
from tests.support.mailbox import MemoryTransport, with_mail

SHORT = "8q-Zm_2p"
TOO_SHORT = "8q-Zm_2"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return with_mail(settings)


@pytest.fixture
def root(core: Core) -> User:
    core.mail.transport = MemoryTransport()
    return core.accounts.create_user("root@example.com", "Root", PASSWORD, "admin")


def demand(core: Core, root: User, of: str) -> None:
    core.organisation.change(core.accounts.authenticate(root.email, PASSWORD), {"two_factor_for": of})


def token_of_last_mail(core: Core) -> str:
    transport = core.mail.transport
    assert isinstance(transport, MemoryTransport)
    while core.outbox.deliver_next():
        pass
    body = transport.sent[-1].body.get_secret_value()
    link = next(line for line in body.splitlines() if "token=" in line)
    return parse_qs(urlsplit(link.strip()).query)["token"][0]


def refused(call: object, *arguments: object) -> str:
    with pytest.raises(Invalid) as caught:
        call(*arguments)  # type: ignore[operator]
    return caught.value.sentence


@pytest.mark.parametrize(
    ("of", "role", "is_short_enough"),
    [
        ("nobody", "admin", False),
        ("nobody", "member", False),
        ("admins", "admin", True),
        ("admins", "manager", False),
        ("admins", "member", False),
        ("everybody", "admin", True),
        ("everybody", "viewer", True),
    ],
)
def test_every_way_to_a_password_asks_the_same_length(
    core: Core, root: User, of: str, role: Role, is_short_enough: bool
) -> None:
    demand(core, root, of)
    needed = f"at least {8 if is_short_enough else 15} characters"

    created = core.accounts.create_user("made@example.com", "Made", PASSWORD, role)
    core.mail_links.invite(core.accounts.authenticate(root.email, PASSWORD), "dora@example.com", role, None)
    invitation = token_of_last_mail(core)
    core.mail_links.request_reset(created.email)
    reset = token_of_last_mail(core)
    assert core.mail_links.check_reset(reset) == (8 if is_short_enough else 15)

    too_short = TOO_SHORT if is_short_enough else SHORT
    assert needed in refused(core.accounts.create_user, "new@example.com", "New", too_short, role)
    assert needed in refused(core.mail_links.accept_invitation, invitation, "Dora", too_short)
    assert needed in refused(core.mail_links.set_new_password, reset, too_short)
    assert needed in refused(core.mail_links.change_password, created, None, PASSWORD, too_short)

    good = SHORT if is_short_enough else PASSWORD + " again"
    core.accounts.create_user("new@example.com", "New", good, role)
    core.mail_links.accept_invitation(invitation, "Dora", good)
    core.mail_links.change_password(created, None, PASSWORD, good)
    assert core.accounts.authenticate(created.email, good) == created


def test_registering_asks_the_length_of_members(core: Core, root: User) -> None:
    demand(core, root, "admins")
    assert "at least 15 characters" in refused(core.accounts.register, "eve@example.com", "Eve", SHORT)
    demand(core, root, "everybody")
    assert "at least 8 characters" in refused(core.accounts.register, "eve@example.com", "Eve", TOO_SHORT)
    eve = core.accounts.register("eve@example.com", "Eve", SHORT)
    assert core.two_factor.must_enrol(eve)


@pytest.mark.parametrize("password", ["password1", "eve12345", "Zoark-eve"])
def test_a_short_one_has_to_be_hard_to_guess_too(core: Core, root: User, password: str) -> None:
    demand(core, root, "everybody")
    assert "easy to guess" in refused(core.accounts.register, "eve@example.com", "Eve", password)
