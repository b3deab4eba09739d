"""The real app as a person starts it: ``streamlit run app/main.py`` on a free port with its own data dir."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil

ROOT = Path(__file__).resolve().parents[2]
ADMIN_EMAIL = "admin@zoark.example"
ADMIN_PASSWORD = "correct horse battery staple"


_kept: list[socket.socket] = []


def free_port() -> int:
    """Return a port that a server may bind when it comes to it.

    Until then, and to the end of this process, nobody else is given it who asks for port 0: it stays bound,
    and does not listen. Servers bind with ``SO_REUSEADDR``, and so are not in the way of each other.
    """
    probe = socket.socket()
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    probe.bind(("127.0.0.1", 0))
    _kept.append(probe)
    return int(probe.getsockname()[1])


class AppServer:
    """One web process, with its worker and model server as its children."""

    def __init__(self, data_dir: Path, **settings: str) -> None:
        self.data_dir = data_dir
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = data_dir / "server.log"
        self._settings = {
            "ZOARK_DATA_DIR": str(data_dir),
            "ZOARK_ADMIN_EMAIL": ADMIN_EMAIL,
            "ZOARK_ADMIN_PASSWORD": ADMIN_PASSWORD,
            **settings,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> AppServer:
        command = [sys.executable, "-m", "streamlit", "run", "app/main.py"]
        return self.start_with([*command, "--server.port", str(self.port), "--server.address", "127.0.0.1"])

    def start_with(self, command: list[str], health: str = "/healthz") -> AppServer:
        """Start ``command`` with this server's settings and wait until it answers."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**os.environ, **self._settings},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        end = time.monotonic() + 150
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise RuntimeError(self.log.read_text())
            try:
                if httpx.get(f"{self.url}{health}", timeout=10).status_code == 200:
                    return self
            except httpx.HTTPError:
                time.sleep(0.1)
        raise TimeoutError(self.log.read_text())

    def family(self) -> list[psutil.Process]:
        """Return the process and everything it has started."""
        assert self.process is not None
        parent = psutil.Process(self.process.pid)
        return [parent, *parent.children(recursive=True)]

    def stop(self) -> None:
        """End it as a platform does: SIGTERM, then SIGKILL."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it as bad luck does."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(60)

    def __enter__(self) -> AppServer:
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *_: object) -> None:
        self.stop()
