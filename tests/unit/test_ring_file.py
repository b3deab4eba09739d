"""The file of the master keys is changed whole or not at all, and read again while it is in use."""

from __future__ import annotations

import os
import pickle
import threading
from pathlib import Path

import pytest

from core.errors import MasterKeyWrong
from core.security import ring_file
from core.security.ring_file import RingFile, make_ring_file, write_ring
from core.security.sealing import KeyRing

FIRST = KeyRing({1: b"1" * 32})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "master.keys"
    write_ring(made, FIRST)
    return made


def test_a_new_key_stands_in_front_and_only_the_owner_can_read_it(path: Path) -> None:
    path.chmod(0o644)
    ring = RingFile(path).add(2, FIRST)
    assert list(ring.masters) == [2, 1]
    assert ring.masters[1] == FIRST.masters[1]
    assert path.stat().st_mode & 0o777 == 0o600
    assert KeyRing.parse(path.read_text().strip()) == ring
    assert {left.name for left in path.parent.iterdir()} == {"master.keys", "master.keys.lock"}


def test_who_adds_to_a_ring_that_has_changed_gets_that_ring(path: Path) -> None:
    one, other = RingFile(path), RingFile(path)
    assert one.add(2, FIRST) == other.add(2, FIRST)
    assert list(other.current().masters) == [2, 1]


def test_a_reader_takes_up_what_another_process_writes(path: Path) -> None:
    reader, writer = RingFile(path), RingFile(path)
    ring = writer.add(2, FIRST)
    assert reader.current() == ring
    writer.remove(1)
    assert list(reader.current().masters) == [2]


def test_readers_never_see_half_a_file(path: Path) -> None:
    reader, writer = RingFile(path), RingFile(path)
    seen: list[KeyRing] = []
    end = threading.Event()

    def read() -> None:
        while not end.is_set():
            seen.append(KeyRing.parse(path.read_text().strip()))
            reader.current()

    thread = threading.Thread(target=read)
    thread.start()
    for number in range(2, 30):
        writer.add(number, writer.current())
    end.set()
    thread.join()
    assert {len(ring.masters) for ring in seen} <= set(range(1, 30))
    assert reader.current() == writer.current()


@pytest.mark.parametrize(
    "content", [None, "", "1:short", KeyRing({1: b"x" * 32}).render()], ids=["gone", "empty", "damaged", "another"]
)
def test_a_process_goes_on_with_what_it_has_when_the_file_goes_wrong(path: Path, content: str | None) -> None:
    reader = RingFile(path)
    path.unlink()
    if content is not None:
        path.write_text(content)
    assert reader.current() == FIRST
    write_ring(path, FIRST.with_new(2))
    assert list(reader.current().masters) == [2, 1]


def test_a_write_that_fails_leaves_the_file_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    before = path.read_text()
    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(MasterKeyWrong, match="No space left on device") as caught:
        RingFile(path).add(2, FIRST)
    assert path.read_text() == before
    assert FIRST.render().partition(":")[2] not in caught.value.sentence
    monkeypatch.undo()
    assert list(RingFile(path).add(2, FIRST).masters) == [2, 1], "what was left behind is no obstacle"


def test_a_file_of_another_user_stays_theirs(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[tuple[int, int]] = []
    monkeypatch.setattr(ring_file.os, "geteuid", lambda: path.stat().st_uid + 1)
    monkeypatch.setattr(ring_file.os, "fchown", lambda _, user, group: given.append((user, group)))
    RingFile(path).add(2, FIRST)
    assert given == [(path.stat().st_uid, path.stat().st_gid)]


def test_a_ring_is_made_once_and_never_pickled(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "master.keys"
    make_ring_file(path)
    before = path.read_text()
    make_ring_file(path)
    assert path.read_text() == before
    with pytest.raises(TypeError, match="never pickled"):
        pickle.dumps(RingFile(path))
