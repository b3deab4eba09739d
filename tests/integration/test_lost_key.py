"""A master key that was lost: the start is refused, and recovery costs the secrets only."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyotp
import pytest
from sqlalchemy import select, update

from core import clock
from core.accounts.models import User
from core.bootstrap import KEY_FILE, Core, build_core, cookie_key, load_ring
from core.config import ROOT, Settings
from core.db.tables import audit_segments, identities, mail_outbox, oauth_flows
from core.errors import Conflict, MasterKeyWrong, SecretLost
from core.security.sealing import KeyRing
from core.webhooks.models import WebhookChange
from tests.conftest import PASSWORD
from tests.integration.test_rotation import assert_says_no_secret, with_ring
from tests.support.secrets import SECRET, every_secret
from tests.support.worker import Desk, desk, environment_of

LOST = KeyRing({1: b"1" * 32})
FOUND_NEXT = KeyRing({2: b"2" * 32})


@dataclass
class Accident:
    """A desk whose master key is gone: with SQLite the file, with PostgreSQL the setting."""

    at: Desk
    bob: User
    session: str
    is_file: bool

    @property
    def settings(self) -> Settings:
        return with_ring(self.at.settings, None if self.is_file else FOUND_NEXT)

    @property
    def path(self) -> Path:
        return self.at.settings.data_dir / KEY_FILE

    def command(self, *words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "core", *words],
            cwd=ROOT,
            env=environment_of(self.settings),
            input=typed,
            capture_output=True,
            text=True,
            check=False,
        )

    def recover(self) -> Core:
        """Recover as a script does, and start again."""
        done = self.command("recover-lost-key", "--yes")
        assert done.returncode == 0, done.stderr
        return self.start()

    def start(self) -> Core:
        self.at.stop_worker()
        self.at.core.close()
        self.at.settings = self.settings
        self.at.core = build_core(self.settings)
        return self.at.core


@pytest.fixture
def accident(database_url: str, tmp_path: Path) -> Iterator[Accident]:
    is_file = database_url.startswith("sqlite")
    if is_file:
        (tmp_path / KEY_FILE).write_text(LOST.render() + "\n")
    with desk(database_url, tmp_path, SECRET, ZOARK_MASTER_KEYS="" if is_file else LOST.render()) as at:
        every_secret(at.core, at.alice)
        bob = at.core.accounts.register("bob@example.com", "Bob", PASSWORD)
        seed = at.core.two_factor.begin(bob).text.replace(" ", "")
        at.core.two_factor.enable(bob, pyotp.TOTP(seed).at(clock.now()))
        made = Accident(at, bob, at.core.accounts.start_session(bob, "agent"), is_file)
        if is_file:
            made.path.unlink()
        yield made


def test_the_start_is_refused_and_says_how_to_recover(accident: Accident) -> None:
    with pytest.raises(MasterKeyWrong, match="If it is lost for good, run: python -m core recover-lost-key"):
        build_core(accident.settings)
    for word in ("rotate-keys", "audit verify"):
        done = accident.command(*word.split())
        assert (done.returncode, done.stdout) == (2, "")
        assert "recover-lost-key" in done.stderr


def test_nothing_is_changed_before_somebody_types_that_it_is_lost(accident: Accident) -> None:
    for typed in ("\n", "yes\n", "lost\n"):
        done = accident.command("recover-lost-key", typed=typed)
        assert (done.returncode, done.stderr) == (2, "Nothing was changed.\n")
        assert "Keys of people and the organisation: 2" in done.stdout
    assert not accident.path.exists()
    assert accident.command("recover-lost-key", "yes").returncode == 2
    with pytest.raises(MasterKeyWrong):
        build_core(accident.settings)
    done = accident.command("recover-lost-key", typed="LOST\n")
    assert done.returncode == 0, done.stderr
    assert "2 Keys of people and the organisation to enter again" in done.stdout
    assert "1 authenticator apps reset" in done.stdout
    assert_says_no_secret(done.stdout + done.stderr, LOST, load_ring(accident.settings))
    again = accident.command("recover-lost-key", "--yes")
    assert (again.returncode, again.stderr) == (2, "Every master key is here, so there is nothing to recover.\n")


def test_everything_but_the_secrets_is_kept_and_a_replaced_key_works(accident: Accident) -> None:
    at, run_before = accident.at, accident.at.start()
    cookie = cookie_key(at.settings) if not accident.is_file else ""
    core = accident.recover()
    if accident.is_file:
        assert accident.path.stat().st_mode & 0o777 == 0o600
        assert list(load_ring(accident.settings).masters) == [2]
    assert cookie_key(accident.settings) != cookie

    alice = core.accounts.authenticate("alice@example.com", PASSWORD)
    assert core.runs.get(alice, run_before.id).id == run_before.id
    key = core.keys.get(alice, at.key.id)
    assert key.is_lost
    assert [found.is_lost for found in core.keys.list(alice)] == [True, True]
    assert core.keys.test(alice, key.id).code == "secret_lost"
    at.worker()
    failed = at.ended(at.start())
    assert failed.error is not None
    assert failed.error.code == "secret_lost"
    assert failed.error.message == SecretLost().sentence
    assert at.fake.chats == []

    core.keys.replace_secret(alice, key.id, SECRET)
    assert not core.keys.get(alice, key.id).is_lost
    assert at.ended(at.start()).status == "succeeded"


def test_what_cannot_be_entered_again_is_cleared_away(accident: Accident) -> None:
    core = accident.recover()
    assert core.accounts.session_user(accident.session) is None
    assert not core.two_factor.is_required(accident.bob)
    assert core.accounts.authenticate("bob@example.com", PASSWORD).id == accident.bob.id
    (hook,) = core.webhooks.list(accident.at.alice)
    assert (hook.is_active, hook.disabled_reason, hook.previous_until) == (False, "secret_lost", None)
    with pytest.raises(Conflict):
        core.webhooks.change(accident.at.alice, hook.id, WebhookChange(is_active=True))
    assert core.webhooks.rotate_secret(accident.at.alice, hook.id).webhook.is_active
    with core.db.read() as connection:
        assert connection.execute(select(identities.c.token_sealed)).scalars().all() == [None]
        assert connection.execute(select(oauth_flows)).all() == []
        mails = connection.execute(
            select(mail_outbox.c.status, mail_outbox.c.body_sealed, mail_outbox.c.error)
        ).all()
    assert mails
    assert {(row.status, row.body_sealed) for row in mails} == {("failed", None)}
    assert "master key" in mails[0].error


def test_the_log_says_what_cannot_be_checked_and_goes_on(accident: Accident) -> None:
    core = accident.recover()
    check = core.audit.verify()
    assert check.problem is None
    assert 0 < check.unchecked < check.entries
    assert "The audit log is whole since the master key was lost" in check.sentence
    assert f"The {check.unchecked:,} before that cannot be checked." in check.sentence
    core.accounts.start_session(accident.at.alice, "agent")
    assert core.audit.verify().entries == check.entries + 1
    told = accident.command("audit", "verify")
    assert (told.returncode, "cannot be checked" in told.stdout) == (0, True)


def test_nobody_can_pretend_that_a_key_was_lost(core: Core, root: User) -> None:
    with core.db.transaction() as connection:
        connection.execute(update(audit_segments).values(key_sealed=None))
    assert core.audit.verify().broken_at == 1


def test_a_key_that_is_found_again_opens_what_was_not_entered_again(accident: Accident) -> None:
    core = accident.recover()
    alice = core.accounts.authenticate("alice@example.com", PASSWORD)
    core.keys.replace_secret(alice, accident.at.key.id, "zk-Newer-0123456789")
    both = KeyRing({**load_ring(accident.settings).masters, **LOST.masters})
    other = build_core(with_ring(accident.at.settings, both))
    opened = {key.name: other.keys.open(alice, key.id).endpoint.secret for key in other.keys.list(alice)}
    assert {name: secret.get_secret_value() for name, secret in opened.items() if secret} == {
        "fake": "zk-Newer-0123456789",
        "Key": SECRET,
    }
    assert (other.audit.verify().problem, other.audit.verify().unchecked) == (None, 0)
    other.close()


def test_a_file_of_another_installation_is_put_aside(accident: Accident) -> None:
    if not accident.is_file:
        wrong = KeyRing({1: b"x" * 32})
        environment = environment_of(with_ring(accident.at.settings, wrong))
        done = subprocess.run(
            [sys.executable, "-m", "core", "recover-lost-key", "--yes"],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 2
        assert "python -m core new-master-key 2" in done.stderr
        return
    accident.path.write_text(KeyRing({1: b"x" * 32}).render())
    assert accident.recover().ring.newest == 2
    (aside,) = accident.path.parent.glob(f"{KEY_FILE}.2*")
    assert KeyRing.parse(aside.read_text()) == KeyRing({1: b"x" * 32})
