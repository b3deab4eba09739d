"""People are told what happened in their account, and only they."""

from __future__ import annotations

import pytest

from core.bootstrap import Core
from core.config import Settings
from core.errors import Conflict
from core.keys.models import KeyDraft
from tests.conftest import PASSWORD, Cast
from tests.support.mailbox import MemoryTransport, with_mail

CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{} Safari/537.36"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:130.0) Gecko/20100101 Firefox/130.0"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return with_mail(settings)


@pytest.fixture
def post(core: Core, cast: Cast) -> MemoryTransport:
    core.mail.transport = MemoryTransport()
    deliver(core)
    core.mail.transport.sent.clear()
    return core.mail.transport


def deliver(core: Core) -> None:
    while core.outbox.deliver_next():
        pass


def test_alice_is_told_of_a_new_device_once(core: Core, cast: Cast, post: MemoryTransport) -> None:
    for agent in (CHROME.format("130.0"), CHROME.format("131.0"), FIREFOX, FIREFOX):
        core.accounts.start_session(cast.alice, agent)
    core.accounts.start_session(cast.bob, FIREFOX)  # his first
    deliver(core)
    (mail,) = post.sent
    assert (mail.recipient, mail.subject) == ("alice@example.com", "New sign-in to your account")
    assert "Firefox on Windows" in mail.body.get_secret_value()


def test_alice_is_told_of_a_new_key_but_not_of_its_secret(core: Core, cast: Cast, post: MemoryTransport) -> None:
    core.keys.add(cast.alice, KeyDraft("Mine", "openai", "zk-Secret-0123456789"))
    with pytest.raises(Conflict):
        core.keys.add(cast.alice, KeyDraft("Mine", "openai", "zk-Secret-0123456789"))
    deliver(core)
    (mail,) = post.sent
    assert (mail.recipient, mail.subject) == ("alice@example.com", "A key was added to your account")
    assert "“Mine”" in mail.body.get_secret_value()
    assert "Secret" not in mail.body.get_secret_value()


def test_alice_is_told_of_a_new_api_token_but_not_of_its_secret(
    core: Core, cast: Cast, post: MemoryTransport
) -> None:
    made = core.tokens.create(cast.alice, "Nightly", ["runs:read"], 7)
    with pytest.raises(Conflict):
        core.tokens.create(cast.alice, "Nightly", ["runs:read"], 7)
    deliver(core)
    (mail,) = post.sent
    assert (mail.recipient, mail.subject) == ("alice@example.com", "An API token was added to your account")
    assert "“Nightly”" in mail.body.get_secret_value()
    assert made.secret.get_secret_value() not in mail.body.get_secret_value()


def test_alice_is_told_that_her_second_factor_was_reset(core: Core, cast: Cast, post: MemoryTransport) -> None:
    root = core.accounts.create_user("root@example.com", "Root", PASSWORD, "admin")
    core.two_factor.reset(root, cast.alice.id)
    core.people.suspend(root, cast.bob.id)
    core.two_factor.reset(root, cast.bob.id)  # who is suspended is not written to
    deliver(core)
    (mail,) = post.sent
    assert (mail.recipient, mail.subject) == ("alice@example.com", "Two-factor sign-in was reset")
    assert "every browser was signed out" in " ".join(mail.body.get_secret_value().split())
