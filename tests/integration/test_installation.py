"""A database opens only with the master keys it was made with, and a lost key is never papered over."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import select

from core.bootstrap import KEY_FILE, Core, build_core, load_ring
from core.config import ROOT, Settings, load_settings
from core.db import Database
from core.db.installation import open_installation
from core.db.tables import installation
from core.errors import MasterKeyWrong, SettingsWrong
from core.keys.models import KeyDraft
from core.security.sealing import KeyRing
from tests.conftest import PASSWORD

OTHER = KeyRing({1: b"x" * 32})
SECOND = KeyRing({2: b"y" * 32})


def _with_keys(settings: Settings, ring: str) -> Settings:
    return Settings.model_validate({**settings.model_dump(by_alias=True), "ZOARK_MASTER_KEYS": ring})


def _refused(settings: Settings) -> str:
    with pytest.raises(MasterKeyWrong) as caught:
        build_core(settings)
    assert "\n" not in caught.value.sentence
    for number in (OTHER, SECOND):
        assert number.render().partition(":")[2] not in caught.value.sentence
    return caught.value.sentence


def test_an_operator_with_another_master_key_is_told(core: Core, settings: Settings) -> None:
    sentence = _refused(_with_keys(settings, OTHER.render()))
    assert sentence.startswith("Master key 1 is another one: this database was made with a different key.")


def test_an_operator_adding_a_key_must_keep_both_from_then_on(core: Core, settings: Settings) -> None:
    first = settings.master_keys.get_secret_value()
    both = build_core(_with_keys(settings, f"{SECOND.render()},{first}"))
    both.keys.add(
        both.accounts.register("alice@example.com", "Alice", PASSWORD), KeyDraft("Key", "openai", "zk-Secret-0123")
    )
    both.close()
    assert _refused(_with_keys(settings, first)).startswith("Master key 2 is missing")
    assert _refused(_with_keys(settings, SECOND.render())).startswith("Master key 1 is missing")
    build_core(_with_keys(settings, f"{first},{SECOND.render()}")).close()


def test_a_key_that_nothing_is_sealed_with_is_not_missed(core: Core, settings: Settings) -> None:
    first = settings.master_keys.get_secret_value()
    build_core(_with_keys(settings, f"{first},{SECOND.render()}")).close()
    again = build_core(_with_keys(settings, first))
    assert list(again.ring.masters) == [1]
    again.close()


def test_an_installation_keeps_its_name_and_stores_no_key(core: Core, settings: Settings) -> None:
    with core.db.read() as connection:
        before = connection.execute(select(installation)).one()
    build_core(settings).close()
    with core.db.read() as connection:
        assert connection.execute(select(installation)).one() == before
    assert settings.master_keys.get_secret_value().partition(":")[2] not in str(before)


def test_an_operator_who_has_not_migrated_is_told_how(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path / 'empty.db'}")
    with pytest.raises(SettingsWrong, match="python -m core migrate"):
        open_installation(db, OTHER)
    db.dispose()


@pytest.mark.parametrize("place", ["127.0.0.1:1/none", "127.0.0.1:port/none"])
def test_an_operator_with_an_unusable_database_address_is_told(tmp_path: Path, place: str) -> None:
    url = f"postgresql://nobody:secret-word@{place}"
    settings = load_settings(DATABASE_URL=url, ZOARK_DATA_DIR=tmp_path, ZOARK_MASTER_KEYS=OTHER.render())
    with pytest.raises(SettingsWrong) as caught:
        build_core(settings)
    assert "DATABASE_URL" in caught.value.sentence
    assert "secret-word" not in caught.value.sentence


def test_postgresql_asks_for_a_master_key(tmp_path: Path) -> None:
    settings = load_settings(DATABASE_URL="postgresql://h/d", ZOARK_DATA_DIR=tmp_path)
    with pytest.raises(MasterKeyWrong, match="ZOARK_MASTER_KEYS is missing: PostgreSQL needs it"):
        load_ring(settings)
    assert not (tmp_path / KEY_FILE).exists()


def test_a_fresh_data_dir_gets_a_key_that_only_its_owner_can_read(tmp_path: Path) -> None:
    settings = load_settings(ZOARK_DATA_DIR=tmp_path / "data")
    ring = load_ring(settings)
    path = tmp_path / "data" / KEY_FILE
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text() == ring.render() + "\n"
    assert load_ring(settings).masters == ring.masters


@pytest.mark.parametrize("left", [None, ""], ids=["no file", "empty file"])
def test_a_lost_key_file_is_not_replaced_beside_an_existing_database(tmp_path: Path, left: str | None) -> None:
    (tmp_path / "zoark.db").write_bytes(b"SQLite format 3\x00")
    if left is not None:
        (tmp_path / KEY_FILE).write_text(left)
    with pytest.raises(MasterKeyWrong, match="Put the file back"):
        load_ring(load_settings(ZOARK_DATA_DIR=tmp_path))
    assert not (tmp_path / KEY_FILE).exists() or (tmp_path / KEY_FILE).read_text() == ""


@pytest.mark.parametrize("content", [b"1:short\n", b"\xff\xfe\n", b"  \n"])
def test_a_damaged_key_file_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    (tmp_path / KEY_FILE).write_bytes(content)
    with pytest.raises(MasterKeyWrong):
        load_ring(load_settings(ZOARK_DATA_DIR=tmp_path))
    assert (tmp_path / KEY_FILE).read_bytes() == content


MAKER = """
import sys
from pathlib import Path
from core.bootstrap import load_ring
from core.config import load_settings
print("ready", flush=True)
for line in sys.stdin:
    data_dir = Path(line.strip())
    ring = load_ring(load_settings(ZOARK_DATA_DIR=data_dir))
    (data_dir / "zoark.db").write_text("made after the key, as a start does")
    print(ring.render(), flush=True)
"""


def test_two_processes_making_the_key_at_once_read_the_same(tmp_path: Path) -> None:
    makers = [
        subprocess.Popen(
            [sys.executable, "-c", MAKER], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    try:
        streams = [(maker.stdin, maker.stdout) for maker in makers if maker.stdin and maker.stdout]
        assert [stdout.readline() for _, stdout in streams] == ["ready\n"] * 2
        for round_ in range(100):
            for stdin, _ in streams:
                stdin.write(f"{tmp_path / str(round_)}\n")
            for stdin, _ in streams:
                stdin.flush()
            first, second = (stdout.readline() for _, stdout in streams)
            assert first == second != ""
    finally:
        for maker in makers:
            maker.kill()
            maker.wait()
