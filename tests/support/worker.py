"""Real worker processes for tests, and the desk in front of them: a core, a person with a key, a fake model."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pydantic import SecretStr
from sqlalchemy import update

from core import clock
from core.accounts.models import User
from core.bootstrap import Core, build_core
from core.config import ROOT, Settings, load_settings
from core.db.tables import workers
from core.keys.models import Key, KeyDraft
from core.runs.models import Run, RunEvent
from core.security.sealing import KeyRing
from tests.fakes.model_server import FakeModelServer

READY_SECONDS = 180.0
STOP_SECONDS = 60.0
PASSWORD = "correct horse battery staple"


def environment_of(settings: Settings) -> dict[str, str]:
    """Return this process's environment with ``settings`` laid over: what a worker is started with."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("ZOARK_") and name != "DATABASE_URL"
    }
    given = {}
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        plain = value.get_secret_value() if isinstance(value, SecretStr) else value
        given[str(field.alias)] = "" if plain is None else str(plain)
    return {**inherited, **given}


def wait_until(found: Callable[[], Any], seconds: float, what: str) -> Any:
    """Return what ``found`` returns once that is true; raises TimeoutError."""
    give_up_at = time.monotonic() + seconds
    while True:
        if result := found():
            return result
        if time.monotonic() > give_up_at:
            raise TimeoutError(f"not within {seconds} s: {what}")
        time.sleep(0.05)


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that waits to be reaped does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


class Worker:
    """``python -m core.worker`` in a process of its own. Leaving the ``with`` block kills what still lives."""

    def __init__(self, settings: Settings, *, embedded: bool = False) -> None:
        """Prepare; the process starts with the ``with`` block."""
        self._environment = environment_of(settings)
        self._arguments = ["--embedded"] if embedded else []
        self._process: subprocess.Popen[str] | None = None
        self._lines: list[str] = []
        self._ready: queue.Queue[bool] = queue.Queue()
        self._readers: list[threading.Thread] = []

    def start(self) -> Self:
        """Start without waiting."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "core.worker", *self._arguments],
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
        for stream in (self._process.stdout, self._process.stderr):
            reader = threading.Thread(target=self._read, args=(stream,), daemon=True)
            reader.start()
            self._readers.append(reader)
        return self

    def wait_until_ready(self) -> Self:
        """Wait for the line that says so; raises AssertionError when the process ends first."""
        if not self._ready.get(timeout=READY_SECONDS):
            raise AssertionError(f"the worker ended before it was ready:\n{self.output}")
        return self

    @property
    def pid(self) -> int:
        """The process id."""
        return self._started.pid

    @property
    def is_running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def output(self) -> str:
        """Everything it wrote so far, stdout and stderr."""
        return "".join(self._lines)

    def kill(self) -> None:
        """Kill -9."""
        self._started.kill()
        self.wait(STOP_SECONDS)

    def stop(self) -> int:
        """End it as an operator does (SIGTERM); return the exit code."""
        self._started.terminate()
        return self.wait(STOP_SECONDS)

    def close_stdin(self) -> None:
        """Do what the end of a parent does."""
        assert self._started.stdin is not None
        self._started.stdin.close()

    def wait(self, seconds: float) -> int:
        """Return the exit code; raises TimeoutExpired."""
        code = self._started.wait(seconds)
        for reader in self._readers:
            reader.join(5)
        return code

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.is_running:
            self.kill()
        for stream in (self._started.stdin, self._started.stdout, self._started.stderr):
            if stream is not None:
                stream.close()

    @property
    def _started(self) -> subprocess.Popen[str]:
        assert self._process is not None, "not started"
        return self._process

    def _read(self, stream: Any) -> None:
        for line in stream:
            self._lines.append(line)
            if line.strip() == "ready":
                self._ready.put(True)
        self._ready.put(False)


class Desk:
    """Alice with a key for the fake model, in front of one database and its workers."""

    def __init__(self, settings: Settings, fake: FakeModelServer, secret: str) -> None:
        """Register Alice and store her key."""
        self.settings = settings
        self.fake = fake
        self.core: Core = build_core(settings)
        self.alice: User = self.core.accounts.register("alice@example.com", "Alice", PASSWORD)
        # $2 and $8 per million tokens: one call of the fake (100 in, 20 out) costs 360 micro-dollars.
        draft = KeyDraft("fake", "openai_compatible", secret, fake.openai_url, 2_000_000, 8_000_000)
        self.key: Key = self.core.keys.add(self.alice, draft)
        self._worker: Worker | None = None

    def worker(self) -> Worker:
        """Return the shared worker, started when there is none."""
        if self._worker is None or not self._worker.is_running:
            self._forget_worker()
            self._worker = Worker(self.settings).start()
            self._worker.wait_until_ready()
        return self._worker

    def forget_heartbeats(self) -> None:
        """Let 20 s pass for the dead: another worker on PostgreSQL waits that long before it takes over."""
        with self.core.db.transaction() as connection:
            connection.execute(update(workers).values(heartbeat_at=clock.now() - timedelta(minutes=1)))

    def stop_worker(self) -> None:
        """Stop the shared worker if there is one."""
        if self._worker is not None and self._worker.is_running:
            self._worker.stop()
        self._forget_worker()

    def close(self) -> None:
        """Kill the shared worker and close connections."""
        self._forget_worker()
        self.core.close()

    def _forget_worker(self) -> None:
        if self._worker is not None:
            self._worker.__exit__(None, None, None)
        self._worker = None

    def start(self, model: str = "fake-1", text: str = "Please look at MARK-1.", **fields: Any) -> Run:
        """Let Alice start a run of one agent."""
        return self.core.runs.start_agent_run(self.alice, self.agent(model, **fields), text)

    def start_graph(self, models: Mapping[str, str], edges: Sequence[tuple[str, str]] = ()) -> Run:
        """Let Alice start a graph: node ``a`` gets the words "Do MARK-a" and the model named for it."""
        nodes = [
            {"id": name, "kind": "agent", "agent_id": self.agent(model), "task": f"Do MARK-{name}."}
            for name, model in models.items()
        ]
        links = [{"source": source, "target": target} for source, target in edges]
        return self.core.runs.start_graph_run(
            self.alice, "Two steps", {"nodes": nodes, "edges": links}, {"input": "x"}
        )

    def agent(self, model: str, **fields: Any) -> str:
        """Make an agent and return its id."""
        given = {
            "name": "Helper",
            "department": "support",
            "role": "assistant",
            "goal": "answer",
            "key_id": self.key.id,
            "model": model,
        }
        return self.core.agents.create(self.alice, {**given, **fields}).id

    def get(self, run: Run) -> Run:
        """Return how a run is now."""
        return self.core.runs.get(self.alice, run.id)

    def events(self, run: Run) -> list[RunEvent]:
        """Return a run's events."""
        return self.core.runs.events(self.alice, run.id)

    def ended(self, run: Run, seconds: float = 120.0) -> Run:
        """Wait for the end of a run and return it."""
        wait_until(lambda: not self.get(run).is_active, seconds, f"the end of {run.id}")
        return self.get(run)

    def is_asked(self, marker: str, times: int = 1, seconds: float = 120.0) -> None:
        """Wait until the model has been asked so often about a marker."""
        self.fake.wait_until(lambda records: sum(marker in record.markers for record in records) >= times, seconds)


@contextmanager
def desk(
    database_url: str, data_dir: Path, secret: str, *, allow: Sequence[str] = (), **overrides: object
) -> Iterator[Desk]:
    """Set a desk up on a migrated database, with master keys of its own; everything ends with the block.

    ``allow`` are hosts that may be called besides the fake model.
    """
    with FakeModelServer() as fake:
        settings = load_settings(
            **{
                "DATABASE_URL": database_url,
                "ZOARK_DATA_DIR": data_dir,
                "ZOARK_REGISTRATION": "open",
                "ZOARK_ENDPOINT_ALLOWLIST": ",".join([f"127.0.0.1:{fake.port}", *allow]),
                "ZOARK_MASTER_KEYS": KeyRing.generate().render(),
                **overrides,
            }
        )
        made = Desk(settings, fake, secret)
        try:
            yield made
        finally:
            made.close()
