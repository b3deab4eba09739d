"""A zip file of a stranger is looked at before it is unpacked, and unpacked only as far as it is needed."""

from __future__ import annotations

import io
import stat
import zipfile
from collections.abc import Callable

import pytest

from core.workflows.failures import ImportRefused
from core.workflows.interchange.archive import MAX_ENTRIES, MAX_FILE_BYTES, pack, unpack
from core.workflows.interchange.crewai_import import files_of_zip


def zipped(fill: Callable[[zipfile.ZipFile], None]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        fill(archive)
    return target.getvalue()


def named(*names: str) -> bytes:
    def fill(archive: zipfile.ZipFile) -> None:
        for name in names:
            archive.writestr(name, "a: {}")

    return zipped(fill)


def link() -> bytes:
    entry = zipfile.ZipInfo("agents.yaml")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return zipped(lambda archive: archive.writestr(entry, "/etc/passwd"))


def encrypted() -> bytes:
    data = bytearray(named("agents.yaml"))
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + at] |= 1
    return bytes(data)


def bomb(size: int) -> bytes:
    return zipped(lambda archive: archive.writestr("agents.yaml", b" " * size))


def lying() -> bytes:
    """Says that it unpacks to ten bytes, and unpacks to many more."""
    data = bytearray(bomb(MAX_FILE_BYTES * 3))
    for mark, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        place = data.index(mark) + at
        data[place : place + 4] = (10).to_bytes(4, "little")
    return bytes(data)


def broken() -> bytes:
    data = named("agents.yaml")
    return data[:20] + b"\x00" * 20 + data[40:]


HOSTILE: dict[str, tuple[bytes, str]] = {
    "a path upwards": (named("../agents.yaml"), "leads out"),
    "a path upwards inside": (named("a/../../agents.yaml"), "leads out"),
    "a path from the root": (named("/etc/agents.yaml"), "leads out"),
    "a path of Windows": (named("C:/agents.yaml"), "leads out"),
    "a link": (link(), "symbolic link"),
    "encrypted": (encrypted(), "encrypted"),
    "a bomb": (bomb(30_000_000), "too large when it is unpacked"),
    "a small bomb": (bomb(MAX_FILE_BYTES + 1), "agents.yaml in the zip file is too large"),
    "a lying bomb": (lying(), "broken"),
    "many files": (named(*(f"f{number}" for number in range(MAX_ENTRIES + 1))), "more than 500 files"),
    "too large": (b"PK\x03\x04" + b"x" * 2_000_001, "larger than 2 MB"),
    "no zip": (b"PK\x03\x04" + b"x" * 100, "broken"),
    "cut off": (named("agents.yaml")[:-10], "broken"),
    "broken": (broken(), "broken"),
}  # fmt: skip


@pytest.mark.timeout(20)
@pytest.mark.parametrize(("data", "words"), HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_zip_file_is_refused_with_a_sentence(data: bytes, words: str) -> None:
    with pytest.raises(ImportRefused, match=words):
        unpack(data, lambda path: True)


def test_two_files_of_one_path_are_refused() -> None:
    with pytest.warns(UserWarning, match="Duplicate"):
        data = named("agents.yaml", "agents.yaml")
    with pytest.raises(ImportRefused, match="one path"):
        unpack(data, lambda path: True)


def test_only_what_is_wanted_is_unpacked() -> None:
    def fill(archive: zipfile.ZipFile) -> None:
        archive.writestr("knowledge/large.txt", b" " * 10_000_000)
        archive.writestr("config/agents.yaml", "a: {}")

    assert unpack(zipped(fill), lambda path: path.suffix == ".yaml") == {"config/agents.yaml": b"a: {}"}


def test_the_project_nearest_to_the_top_is_read() -> None:
    files = {
        "x/src/letters_crew/config/agents.yaml": "near",
        "x/src/letters_crew/config/tasks.yaml": "tasks",
        "x/src/letters_crew/crew.py": "crew",
        "x/old/src/deep/crew/config/agents.yaml": "far",
    }
    assert files_of_zip(pack(files)) == {
        "agents.yaml": b"near", "tasks.yaml": b"tasks", "crew.py": b"crew", "name": b"letters_crew",
    }  # fmt: skip
    assert "name" not in files_of_zip(pack({"agents.yaml": "a", "tasks.yaml": "b"}))
