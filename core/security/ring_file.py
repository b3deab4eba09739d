"""The master keys in a file of the data dir, mode 0600: made at the first start, changed while others read it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from core.errors import MasterKeyWrong
from core.logs import get_logger
from core.security.sealing import KeyRing

MODE = 0o600

log = get_logger(__name__)


class RingFile:
    """A ring that is read again when its file has changed, so that running processes take up a new key.

    A file that is gone, unreadable or another one does not change what a process has: it goes on with the keys it
    knows, and says so in the log.
    """

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises:
            MasterKeyWrong: it cannot be read.
        """
        self.path = path
        self._seen = _stamp(path)
        self._ring = _read(path)

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled, as a ring does."""
        raise TypeError("a key ring is never pickled")

    def current(self) -> KeyRing:
        """Return the keys of the file."""
        seen = _stamp(self.path)
        if seen != self._seen:
            self._take_up(seen)
        return self._ring

    def add(self, key_id: int, before: KeyRing) -> KeyRing:
        """Put a new random key in front; a ring that somebody has changed since ``before`` is left as it is.

        Raises:
            MasterKeyWrong: the file cannot be written.
        """
        return self._change(lambda ring: ring.with_new(key_id) if ring == before else ring)

    def remove(self, key_id: int) -> KeyRing:
        """Delete a key for good.

        Raises:
            MasterKeyWrong: the file cannot be written.
        """
        return self._change(lambda ring: ring.without(key_id))

    def _change(self, change: Callable[[KeyRing], KeyRing]) -> KeyRing:
        with _one_at_a_time(self.path):
            before = _read(self.path)
            after = change(before)
            if after != before:
                write_ring(self.path, after)
        return self.current()

    def _take_up(self, seen: tuple[int, ...]) -> None:
        try:
            fresh = _read(self.path)
        except MasterKeyWrong as error:
            log.error("the file of the master keys cannot be read, so the known ones stay", reason=error.sentence)
        else:
            known = self._ring.masters
            if any(known.get(number, key) != key for number, key in fresh.masters.items()):
                log.error("the file of the master keys has another key of the same number; it is not used")
            else:
                self._ring = fresh
        self._seen = seen


def make_ring_file(path: Path) -> None:
    """Write a ring with one new key; of two processes that try at once, one wins and both read its key."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, MODE), "r+", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if not file.read().strip():
            file.write(KeyRing.generate().render() + "\n")
            file.flush()
            os.fsync(file.fileno())


def write_ring(path: Path, ring: KeyRing) -> None:
    """Put a ring into the file, whole or not at all, whatever ends the process meanwhile.

    Raises:
        MasterKeyWrong: the file cannot be written, or would not belong to whom it belongs now.
    """
    fresh = path.with_name(path.name + ".new")
    try:
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE), "w", encoding="ascii") as file:
            owner = (path if path.exists() else path.parent).stat()
            if (os.geteuid(), os.getegid()) != (owner.st_uid, owner.st_gid):
                os.fchown(file.fileno(), owner.st_uid, owner.st_gid)  # a command as root, Zoark as somebody else
            file.write(ring.render() + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, path)
        _sync_folder(path.parent)
    except OSError as error:
        raise MasterKeyWrong(
            f"{path} cannot be written ({error.strerror}). Run this as the user that owns it, on the same machine."
        ) from None


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _one_at_a_time(path: Path) -> Iterator[None]:
    try:
        lock = path.with_name(path.name + ".lock").open("w")
    except OSError as error:
        raise MasterKeyWrong(f"{path.parent} cannot be written to ({error.strerror}).") from None
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _stamp(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_mtime_ns, found.st_ino, found.st_size


def _read(path: Path) -> KeyRing:
    try:
        text = path.read_text("ascii", "replace").strip()
    except OSError as error:
        raise MasterKeyWrong(f"The master key is missing: {path} cannot be read ({error.strerror}).") from None
    return KeyRing.parse(text)
