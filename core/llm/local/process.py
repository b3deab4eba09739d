"""One child process that serves the model, from its start to its end."""

from __future__ import annotations

import contextlib
import json
import selectors
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path

from core import clock
from core.config import environment_where
from core.errors import LocalModelUnavailable
from core.logs import get_logger

log = get_logger(__name__)

_HOST = "127.0.0.1"
_REPOSITORY = Path(__file__).resolve().parents[3]
_LEAVE_SECONDS = 3.0


@dataclass(frozen=True)
class Endpoint:
    """Where the running model answers, in OpenAI's protocol.

    Attributes:
        base_url: with ``/v1``, as OpenAI clients want it.
        host: a loopback address.
        port: chosen anew at every start.
        api_key: chosen anew at every start; worthless elsewhere, still not for logs.
    """

    base_url: str
    host: str
    port: int
    api_key: str = field(repr=False)


class ModelProcess:
    """A server that is ready when its constructor returns, and that ends with this process."""

    def __init__(self, weights: Path, *, context_tokens: int, threads: int, start_seconds: float) -> None:
        """Start it and wait until it answers.

        Args:
            weights: the GGUF file.
            context_tokens: prompt and answer together.
            threads: how many it computes with.
            start_seconds: the longest to wait.

        Raises:
            LocalModelUnavailable: it did not start; the log has its last words.
        """
        self._last_line = ""
        self._spawned = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        command = [sys.executable, "-P", "-m", "core.llm.local.serve", "--model", str(weights.resolve())]
        command += ["--context", str(context_tokens), "--threads", str(threads)]
        self._keeper = threading.Thread(target=self._keep, args=(command,), name="local-model", daemon=True)
        self._keeper.start()
        self._spawned.wait()
        api_key = clock.new_token()
        port = self._hand_over(api_key, start_seconds)
        self.endpoint = Endpoint(base_url=f"http://{_HOST}:{port}/v1", host=_HOST, port=port, api_key=api_key)

    @property
    def pid(self) -> int | None:
        """The child's process id, or None when it could not be started."""
        return self._process.pid if self._process else None

    def is_alive(self) -> bool:
        """Tell whether the child still runs."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """End the child and wait for its end; harmless when it has ended."""
        process = self._process
        if process is None:
            return
        _close_stdin(process)
        try:
            process.wait(_LEAVE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._keeper.join(_LEAVE_SECONDS)
        if process.stdout:
            process.stdout.close()

    def _keep(self, command: list[str]) -> None:
        """Start the child and read its log until it ends, in one thread that lives as long as the child.

        The child asks the kernel to be killed when its parent dies, and the kernel means the thread that
        started it: had a run's own thread started it, the model would die with that run.
        """
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own Python, our own module
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                close_fds=True,
                env=_environment(),
                start_new_session=True,
            )
        except OSError as error:
            self._last_line = str(error)
            return
        finally:
            self._spawned.set()
        errors = self._process.stderr
        if errors is None:
            return
        with errors:
            for line in errors:
                text = line.decode("utf-8", "replace").strip()
                if text:
                    self._last_line = text
                    log.debug("local model server", said=text)

    def _hand_over(self, api_key: str, start_seconds: float) -> int:
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise self._failed("its server could not be started.")
        try:
            process.stdin.write(f"{api_key}\n".encode())
            process.stdin.flush()
            with selectors.DefaultSelector() as selector:
                selector.register(process.stdout, selectors.EVENT_READ)
                if not selector.select(start_seconds):
                    raise self._failed(f"its server was not ready within {start_seconds:.0f} s.")
            return int(json.loads(process.stdout.readline())["port"])
        except (OSError, ValueError, LookupError) as error:
            raise self._failed("its server did not start.") from error
        except BaseException:
            self.stop()
            raise

    def _failed(self, reason: str) -> LocalModelUnavailable:
        self.stop()
        code = self._process.returncode if self._process else None
        log.error("the local model server did not start", exit_code=code, said=self._last_line)
        return LocalModelUnavailable(reason)


def _close_stdin(process: subprocess.Popen[bytes]) -> None:
    if process.stdin:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()


def _environment() -> dict[str, str]:
    # Not ours: the master keys and the database's address are in there.
    kept = environment_where(("PATH", "HOME", "LANG").__contains__)
    return kept | {"PYTHONPATH": str(_REPOSITORY)}
