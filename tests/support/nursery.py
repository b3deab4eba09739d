"""Workers that start in a moment: one process imports what is slow, and forks each that is asked for.

``python -m tests.support.nursery`` is that process. A worker can be told to kill itself -9 at a named place, and
knows kinds of nodes that are made for tests: see ``odd_kinds``.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from core.config import ROOT, Settings, load_settings
from tests.support.odd_kinds import add_odd_kinds
from tests.support.worker import READY_SECONDS, environment_of, is_alive, wait_until


class Fledgling:
    """One forked process."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    @property
    def is_running(self) -> bool:
        return is_alive(self.pid)

    def kill(self) -> None:
        """Kill -9, and wait for its end."""
        if self.is_running:
            with suppress(ProcessLookupError):  # it may have ended by itself in this moment
                os.kill(self.pid, signal.SIGKILL)
        self.wait(60)

    def wait(self, seconds: float) -> None:
        """Wait for its end; raises TimeoutError."""
        wait_until(lambda: not self.is_running, seconds, f"the end of {self.pid}")


class Nursery:
    """Forks workers for one set of settings; what still lives is killed with the ``with`` block."""

    def __init__(self, settings: Settings) -> None:
        self._environment = environment_of(settings)
        self._folder = settings.data_dir
        self._process: subprocess.Popen[str] | None = None
        self.fledglings: list[Fledgling] = []

    def worker(self, grace_seconds: float | None = None) -> Fledgling:
        """Start a worker, in which nodes that do not stop are left behind after a time of its own if told."""
        return self._fork({"who": "worker", "grace_seconds": grace_seconds})

    def starter(self, **arguments: Any) -> Fledgling:
        """Start a process that starts a graph run with these arguments."""
        return self._fork({"who": "starter", "start": arguments})

    def arm(self, who: str, point: str) -> None:
        """Let the next process of those that reaches a place kill itself there."""
        (self._folder / f"crash.{who}").write_text(point)

    def has_struck(self, who: str) -> bool:
        """Whether that has happened."""
        return not (self._folder / f"crash.{who}").exists()

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.nursery"],
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for fledgling in self.fledglings:
            fledgling.kill()
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(READY_SECONDS)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _fork(self, wanted: dict[str, Any]) -> Fledgling:
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(wanted) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line.startswith("forked "), line
        fledgling = Fledgling(int(line.split()[1]))
        self.fledglings.append(fledgling)
        return fledgling


def _nurse() -> None:
    from core.engine.startup import prepare_process

    settings = load_settings()
    prepare_process(settings.data_dir)
    import core.engine.crew
    import core.llm.providers.openai_compatible
    import core.worker.process  # noqa: F401

    add_odd_kinds()
    assert threading.active_count() == 1  # a thread would not be there after a fork
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.close(0)
            sys.stdout = sys.stderr
            _live(settings, json.loads(line))
        print("forked", pid, flush=True)


def _live(settings: Settings, wanted: dict[str, Any]) -> None:
    from core.bootstrap import build_core
    from core.engine import control, crash_points
    from core.worker.process import WorkerProcess

    armed = settings.data_dir / f"crash.{wanted['who']}"

    def listen(point: str) -> None:
        with suppress(FileNotFoundError):
            if armed.read_text() == point:
                armed.unlink()
                os.kill(os.getpid(), signal.SIGKILL)

    code = 1
    try:
        crash_points.listen(listen)
        control.GRACE_SECONDS = wanted.get("grace_seconds") or control.GRACE_SECONDS
        core = build_core(settings)
        if start := wanted.get("start"):
            actor = core.accounts.user(start.pop("actor_id"))
            assert actor is not None
            core.runs.start_graph_run(actor, **start)
            code = 0
        else:
            code = WorkerProcess(core, is_embedded=False).serve(threading.Event())
    finally:
        os._exit(code)


if __name__ == "__main__":
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    _nurse()
