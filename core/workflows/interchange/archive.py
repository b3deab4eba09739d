"""Zip files: ours are the same bytes for the same content; those of others are opened with suspicion."""

from __future__ import annotations

import io
import stat
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath

from core.workflows.failures import ImportRefused
from core.workflows.interchange.formats import MAX_CHARACTERS

MAX_ARCHIVE_BYTES = 2_000_000
MAX_ENTRIES = 500
# What all entries say they unpack to; only the few that are needed are unpacked.
MAX_UNPACKED_BYTES = 20_000_000
MAX_FILE_BYTES = 4 * MAX_CHARACTERS
_MAGIC = b"PK\x03\x04"
_FIRST_DAY = (1980, 1, 1, 0, 0, 0)


def is_zip(data: bytes) -> bool:
    """Whether a file says that it is a zip file."""
    return data.startswith(_MAGIC)


def pack(files: Mapping[str, str]) -> bytes:
    """Return a zip file with these texts by their paths."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in files.items():
            entry = zipfile.ZipInfo(path, _FIRST_DAY)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, text.encode())
    return target.getvalue()


def unpack(data: bytes, is_wanted: Callable[[PurePosixPath], bool]) -> dict[str, bytes]:
    """Return the wanted files of a zip file by their paths. Nothing is written to a disk.

    Raises:
        ImportRefused: it is broken, or made to do harm: too large, with paths that lead elsewhere, with links.
    """
    if len(data) > MAX_ARCHIVE_BYTES:
        raise ImportRefused(f"the zip file is larger than {MAX_ARCHIVE_BYTES // 1_000_000} MB.")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            _check(entries)
            wanted = [entry for entry in entries if not entry.is_dir() and is_wanted(PurePosixPath(entry.filename))]
            return {entry.filename: _content(archive, entry) for entry in wanted}
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError, zlib.error):
        raise ImportRefused("the zip file is broken.") from None


def _check(entries: list[zipfile.ZipInfo]) -> None:
    if len(entries) > MAX_ENTRIES:
        raise ImportRefused(f"the zip file has more than {MAX_ENTRIES} files.")
    if sum(entry.file_size for entry in entries) > MAX_UNPACKED_BYTES:
        raise ImportRefused("the zip file becomes too large when it is unpacked.")
    seen: set[str] = set()
    for entry in entries:
        path = PurePosixPath(entry.filename)
        if path.is_absolute() or ".." in path.parts or "\\" in entry.orig_filename or ":" in entry.filename:
            raise ImportRefused("the zip file has a path that leads out of it.")
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise ImportRefused("the zip file has a symbolic link.")
        if entry.flag_bits & 1:
            raise ImportRefused("the zip file is encrypted.")
        if entry.filename in seen:
            raise ImportRefused("the zip file has two files of one path.")
        seen.add(entry.filename)


def _content(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    # What an entry says of its size may be a lie: no more than the limit is unpacked.
    with archive.open(entry) as source:
        content = source.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise ImportRefused(f"{PurePosixPath(entry.filename).name[:80]} in the zip file is too large.")
    return content
