"""Rotating the master key while everything goes on: nothing is lost, whoever dies or writes in between."""

from __future__ import annotations

import base64
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from core.accounts.models import User
from core.audit import repository
from core.audit.chain import mac_of
from core.bootstrap import KEY_FILE, Core, build_core, cookie_key, load_ring
from core.config import ROOT, Settings, load_settings
from core.db.sealed import SealedColumn
from core.db.tables import audit_log
from core.db.tables import keys as keys_table
from core.errors import Conflict, MasterKeyWrong, StepUpRequired
from core.keys import binding
from core.keys.models import KeyDraft
from core.master_keys import resealing, service
from core.security.ring_file import RingFile
from core.security.sealing import KeyRing
from tests.conftest import PASSWORD
from tests.support.secrets import ADDRESS, SECRET, assert_all_open, every_kind, every_secret, kinds_with_rows
from tests.support.worker import desk, environment_of, wait_until

FIRST = KeyRing({1: b"1" * 32})
BOTH = KeyRing({2: b"2" * 32, **FIRST.masters})
SECOND = BOTH.without(1)
# A command that leaves time to kill it: between two batches it rests for a second.
SLOW = """
import sys
from core.__main__ import main
from core.master_keys import resealing
resealing.PAUSE_SECONDS = 1.0
sys.exit(main(sys.argv[1:]))
"""


def with_ring(settings: Settings, ring: KeyRing | None) -> Settings:
    """Return settings with these master keys; None is for those of the key file."""
    given = ring.render() if ring else ""
    return Settings.model_validate({**settings.model_dump(by_alias=True), "ZOARK_MASTER_KEYS": given})


class House:
    """An installation whose operator rotates: with SQLite by the key file, with PostgreSQL by the setting."""

    def __init__(self, settings: Settings) -> None:
        self.has_file = settings.is_sqlite
        self._given = settings
        if self.has_file:
            (settings.data_dir / KEY_FILE).write_text(FIRST.render() + "\n")
        self.core = build_core(self.settings(FIRST))
        self.alice = self.core.accounts.register("alice@example.com", "Alice", PASSWORD)

    def settings(self, ring: KeyRing) -> Settings:
        return with_ring(self._given, None if self.has_file else ring)

    def restart(self, ring: KeyRing) -> Core:
        """Start again with a ring, as the setting has it; a file has what it has."""
        self.core.close()
        self.core = build_core(self.settings(ring))
        return self.core

    def command(self, *words: str, ring: KeyRing = BOTH, is_slow: bool = False) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, *(("-c", SLOW) if is_slow else ("-m", "core")), *words],
            cwd=ROOT,
            env=environment_of(self.settings(ring)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ring(self) -> KeyRing:
        return load_ring(self.core.settings)

    def rows(self) -> dict[int, int]:
        return {key.number: key.rows for key in self.core.master_keys.overview().keys}


@pytest.fixture
def house(settings: Settings) -> Iterator[House]:
    made = House(settings)
    yield made
    made.core.close()


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resealing, "PAUSE_SECONDS", 0)


def rotate(core: Core) -> int:
    core.master_keys.begin_by_command()
    return sum(core.master_keys.carry_on())


def forms_of(ring: KeyRing) -> list[str]:
    return [form for key in ring.masters.values() for form in (base64.b64encode(key).decode()[:40], key.hex())]


def assert_says_no_secret(told: str, *rings: KeyRing) -> None:
    for needle in (SECRET, PASSWORD, *(form for ring in rings for form in forms_of(ring))):
        assert needle not in told


def test_every_kind_of_secret_is_sealed_anew_and_the_old_key_can_go(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = every_secret(house.core, house.alice, 1000)
    assert kinds_with_rows(house.core) == every_kind(), "seal one of the new kind in tests.support.secrets"
    token = house.core.accounts.start_session(house.alice, "agent")
    cookie = cookie_key(house.core.settings)
    before = house.rows()
    assert before[1] > 1000

    core = house.restart(BOTH)
    assert rotate(core) == before[1]
    assert house.rows() == {2: before[1] + 1, 1: 0}, "one more: the log has a new key from here on"
    assert core.master_keys.overview().removable == [1]
    assert not core.master_keys.is_rotating()
    if house.has_file:
        with pytest.raises(Conflict, match="wait a minute"):
            core.master_keys.remove_by_command(1)
        monkeypatch.setattr(service, "REMOVE_AFTER", timedelta())
        core.master_keys.remove_by_command(1)
        assert list(house.ring().masters) == [2]
    else:
        with pytest.raises(Conflict, match="Delete the entry 1:… from ZOARK_MASTER_KEYS"):
            core.master_keys.remove_by_command(1)

    core = house.restart(SECOND)
    assert list(house.rows()) == [2]
    assert_all_open(core, secrets)
    assert core.accounts.session_user(token) == house.alice
    assert cookie_key(core.settings) == cookie
    assert rotate(core) if house.has_file else True


def test_an_old_key_is_not_removed_while_something_needs_it(house: House) -> None:
    every_secret(house.core, house.alice)
    core = house.restart(BOTH)
    if isinstance(rings := core.master_keys._rings, RingFile):
        rings.add(2, rings.current())
    for number, reason in (
        (1, "still sealed with master key 1"),
        (2, "seals every new secret"),
        (7, "no master key 7"),
    ):
        with pytest.raises(Conflict, match=reason):
            core.master_keys.remove_by_command(number)
    if house.has_file:
        write = (house.core.settings.data_dir / KEY_FILE).write_text
        write(house.ring().without(1).render())
    with pytest.raises(MasterKeyWrong, match=r"Master key 1 is missing.*recover-lost-key"):
        build_core(house.settings(SECOND))


def test_a_setting_with_one_key_says_how_to_add_another(core: Core, root: User) -> None:
    with pytest.raises(Conflict) as caught:
        core.master_keys.rotate(root)
    assert "python -m core new-master-key 2" in caught.value.sentence
    assert "ZOARK_MASTER_KEYS=2:…,1:…" in caught.value.sentence


def test_an_administrator_rotates_with_a_recent_proof_only(house: House) -> None:
    root = house.core.accounts.create_user("root@example.com", "Root", PASSWORD, "admin")
    every_secret(house.core, house.alice)
    core = house.restart(BOTH)
    stale = replace(root, proved_at=None)
    for act in (lambda: core.master_keys.rotate(stale), lambda: core.master_keys.remove(stale, 1)):
        with pytest.raises(StepUpRequired):
            act()
    assert not core.work_is_waiting()
    core.master_keys.begin_by_command()
    assert core.work_is_waiting(), "so a sleeping worker wakes up for it"
    status = core.master_keys.rotate(root)
    assert (status.is_rotating, status.done) == (False, status.total)
    assert status.rotation is not None
    assert status.rotation.started_by == "command line"
    with core.db.read() as connection:
        actions = list(connection.execute(select(audit_log.c.action).order_by(audit_log.c.seq)).scalars())
    assert actions[-2:] == ["master_key.rotation_started", "master_key.rotated"]


def test_a_rotation_that_is_killed_goes_on_where_it_was(house: House) -> None:
    secrets = every_secret(house.core, house.alice, 700)
    house.restart(BOTH)
    total = sum(house.rows().values())
    with house.command("rotate-keys", is_slow=True) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(4)]
        process.kill()
    assert said[0].startswith("Before: ")
    house.restart(BOTH)
    halfway = house.rows()
    assert 0 < halfway[1] < total
    assert house.core.master_keys.is_rotating()
    assert_all_open(house.core, secrets)

    with house.command("rotate-keys") as process:
        out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert f"master key 2 has {halfway[2]:,}, master key 1 has {halfway[1]:,}" in out
    assert f"After: master key 2 has {total + 1:,}, master key 1 has 0." in out
    assert "Master key 1 is not needed." in out
    assert house.rows() == {2: total + 1, 1: 0}, "and no third key was made"
    assert_all_open(house.core, secrets)
    assert_says_no_secret("".join(said) + out + err, house.ring())


def test_a_crash_after_the_new_key_is_in_the_file_makes_no_third(house: House) -> None:
    secrets = every_secret(house.core, house.alice)
    if not house.has_file:
        house.restart(BOTH)
    elif isinstance(rings := house.core.master_keys._rings, RingFile):
        rings.add(2, rings.current())
    rotate(house.core)
    assert house.rows()[1] == 0
    assert list(house.ring().masters) == [2, 1]
    assert_all_open(house.core, secrets)


def test_two_administrators_at_once_make_one_new_key(house: House) -> None:
    secrets = every_secret(house.core, house.alice, 300)
    house.restart(BOTH)
    others = [build_core(house.settings(BOTH)) for _ in range(2)]
    threads = [threading.Thread(target=rotate, args=(core,)) for core in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for core in others:
        core.close()
    assert list(house.ring().masters) == [2, 1]
    assert house.rows()[1] == 0
    assert_all_open(house.core, secrets)


def test_running_processes_take_up_a_key_that_was_added_to_the_file(house: House) -> None:
    running = build_core(house.settings(FIRST))
    secrets = every_secret(house.core, house.alice)
    rotate(house.restart(BOTH))
    draft = KeyDraft("Fresh", "openai_compatible", SECRET, ADDRESS)
    if house.has_file:
        assert_all_open(running, secrets)
        fresh = running.keys.add(house.alice, draft)
        assert running.keys.get(house.alice, fresh.id).sealed_with == 2
    else:
        # A setting is read once. Who lacks the new key writes nothing that needs the old one.
        assert running.keys.test(house.alice, secrets.keys[0].id).code == "secret_lost"
        assert not running.master_keys.is_rotating()
        with pytest.raises(MasterKeyWrong, match="Start Zoark again with every master key"):
            running.keys.add(house.alice, draft)
        assert house.rows()[1] == 0
    running.close()


def test_a_secret_that_is_replaced_between_reading_and_writing_stays_replaced(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = every_secret(house.core, house.alice, 3)
    core = house.restart(BOTH)
    swap = resealing.swap
    missed = []

    def interrupted(connection: object, column: SealedColumn, row: object, fresh: bytes) -> bool:
        if column.table.name == "keys" and not missed:
            # As another process would have it between our read and our write.
            key = replace(core.keys.get(house.alice, secrets.keys[0].id), secret_version=2)
            sealed = core.keys._vault.seal("zk-Replaced-0123456789", **binding.context(key))
            values = {"secret_sealed": sealed, "secret_version": 2}
            connection.execute(  # type: ignore[attr-defined]
                update(keys_table).where(keys_table.c.id == secrets.keys[0].id).values(values)
            )
            missed.append(swap(connection, column, row, fresh))  # type: ignore[arg-type]
            return missed[0]
        return swap(connection, column, row, fresh)  # type: ignore[arg-type]

    monkeypatch.setattr(resealing, "swap", interrupted)
    rotate(core)
    assert missed == [False]
    opened = core.keys.open(house.alice, secrets.keys[0].id).endpoint.secret
    assert opened is not None
    assert opened.get_secret_value() == "zk-Replaced-0123456789"
    assert house.rows()[1] == 0


def test_secrets_that_are_replaced_all_the_time_are_never_lost(house: House) -> None:
    secrets = every_secret(house.core, house.alice, 200)
    core = house.restart(BOTH)
    written: dict[str, str] = {}

    def replace_on_and_on() -> None:
        for round_ in range(30):
            key = secrets.keys[round_ % 3]
            secret = f"zk-Round-{round_:04}-0123456789"
            core.keys.replace_secret(house.alice, key.id, secret)
            written[key.id] = secret

    writer = threading.Thread(target=replace_on_and_on)
    writer.start()
    rotate(core)
    writer.join()
    assert house.rows()[1] == 0
    assert len(written) == 3
    for key_id, secret in written.items():
        opened = core.keys.open(house.alice, key_id).endpoint.secret
        assert opened is not None
        assert opened.get_secret_value() == secret


def test_a_damaged_value_does_not_hold_the_others_up(house: House) -> None:
    secrets = every_secret(house.core, house.alice, 2)
    core = house.restart(BOTH)
    broken = secrets.keys[0].id
    with core.db.transaction() as connection:
        sealed = connection.execute(
            select(keys_table.c.secret_sealed).where(keys_table.c.id == broken)
        ).scalar_one()
        change = {"secret_sealed": sealed[:-1] + bytes([sealed[-1] ^ 1])}
        connection.execute(update(keys_table).where(keys_table.c.id == broken).values(change))
    rotate(core)
    assert house.rows()[1] == 1
    with pytest.raises(Conflict, match="1 secret is still sealed with master key 1"):
        core.master_keys.remove_by_command(1)
    core.keys.replace_secret(house.alice, broken, "zk-Again-0123456789")
    assert house.rows()[1] == 0


def test_who_had_the_old_key_cannot_rewrite_the_log(house: House) -> None:
    every_secret(house.core, house.alice)
    rotate(house.restart(BOTH))
    core = house.core
    core.accounts.start_session(house.alice, "agent")
    assert core.audit.verify().problem is None
    stolen, previous = FIRST.derive("audit"), ""
    with core.db.transaction() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("ALTER TABLE audit_log DISABLE TRIGGER USER")
        else:
            connection.exec_driver_sql("DROP TRIGGER audit_log_no_update")
        _, first_after = repository.segments(connection)
        for entry, _, _ in list(repository.all_entries(connection))[: first_after[0] - 1]:
            forged = replace(entry, address="203.0.113.66") if entry.seq == 1 else entry
            mac = mac_of(stolen, forged, previous)
            values = {"address": forged.address, "previous": previous, "mac": mac}
            connection.execute(update(audit_log).where(audit_log.c.seq == entry.seq).values(values))
            previous = mac
    assert core.audit.verify().broken_at == first_after[0]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_the_worker_carries_a_rotation_on_while_runs_go_on(database_url: str, tmp_path: Path) -> None:
    """With SQLite and its key file the walk of two departments does the same, by the button."""
    plain = load_settings(DATABASE_URL=database_url, ZOARK_DATA_DIR=tmp_path, ZOARK_MASTER_KEYS="")
    build_core(with_ring(plain, FIRST)).close()
    with desk(database_url, tmp_path, SECRET, ZOARK_MASTER_KEYS=BOTH.render()) as at:
        worker = at.worker()
        runs = [at.start_graph({"a": "fake-1@latency=300", "b": "fake-1"}, [("a", "b")]) for _ in range(3)]
        at.core.master_keys.begin_by_command()
        runs += [at.start("fake-1") for _ in range(3)]
        ended = [at.ended(run) for run in runs]
        wait_until(lambda: not at.core.master_keys.overview().is_rotating, 120, "the end of the rotation")
        assert {run.status for run in ended} == {"succeeded"}
        assert at.ended(at.start("fake-1")).status == "succeeded"
        assert {record.key for record in at.fake.chats} == {SECRET}
        assert {key.number: key.rows for key in at.core.master_keys.overview().keys}[1] == 0
        assert worker.stop() == 0
        assert_says_no_secret(worker.output, load_ring(at.settings))
