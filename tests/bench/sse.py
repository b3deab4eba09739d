"""What 200 people who listen to one run cost the web process, while the run tells something ten times a second."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

import psutil

from core.bootstrap import Core, build_core
from core.config import load_settings
from core.runs.models import Run
from tests.support.app_server import AppServer
from tests.support.listening import a_person, a_run, access_token, events_of

LISTENERS = 200
PER_SECOND, SECONDS = 10, 20
AIM_PERCENT = 15.0


def measure() -> tuple[float, float]:
    """Return how much of a core the web process used, in percent: while everybody waits, and with events."""
    with tempfile.TemporaryDirectory(prefix="zoark-bench-") as folder:
        settings = {"ZOARK_WORKER": "external", "ZOARK_API_REQUESTS_PER_MINUTE": "1000000"}
        with AppServer(Path(folder), **settings) as app:
            core = build_core(load_settings(ZOARK_DATA_DIR=app.data_dir))
            try:
                return asyncio.run(_with_listeners(app, core))
            finally:
                core.close()


async def _with_listeners(app: AppServer, core: Core) -> tuple[float, float]:
    alice = a_person(core, "alice")
    run, token = a_run(core, alice), access_token(core, alice)
    ready = asyncio.Semaphore(0)
    listeners = [asyncio.create_task(_listen(app.port, run, token, ready)) for _ in range(LISTENERS)]
    for _ in listeners:
        await ready.acquire()
    assert app.process is not None
    web = psutil.Process(app.process.pid)
    waiting = await _percent(web, asyncio.sleep(SECONDS / 2))
    busy = await _percent(web, asyncio.to_thread(_tell, core, run))
    core.journal.succeed(run.id, "Done.")
    expected = list(range(1, PER_SECOND * SECONDS + 4))
    for found in await asyncio.gather(*listeners):
        assert found == expected, f"{len(found)} events instead of {len(expected)}"
    return waiting, busy


async def _percent(process: psutil.Process, meanwhile: object) -> float:
    began, before = time.perf_counter(), process.cpu_times()
    await meanwhile  # type: ignore[misc]
    after = process.cpu_times()
    used = after.user + after.system - before.user - before.system
    return 100 * used / (time.perf_counter() - began)


def _tell(core: Core, run: Run) -> None:
    began = time.perf_counter()
    for number in range(PER_SECOND * SECONDS):
        time.sleep(max(0.0, began + number / PER_SECOND - time.perf_counter()))
        core.journal.event(
            run.id, "model_text", "agent", {"call_id": "call_1", "text": "Dear customer, thank you "}
        )


async def _listen(port: int, run: Run, token: str, ready: asyncio.Semaphore) -> list[int]:
    """Return the numbers of the events that were heard; a plain socket, to leave the machine to the server."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    lines = (
        f"GET {events_of(run)} HTTP/1.1",
        "Host: 127.0.0.1",
        f"Authorization: Bearer {token}",
        "Accept: text/event-stream",
    )
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    found = []
    async for line in reader:
        if line.startswith(b"id: "):
            found.append(int(line[4:]))
            if len(found) == 2:  # what has happened until now
                ready.release()
        if line == b"event: end\n":
            break
    writer.close()
    return found


def main() -> None:
    """Print both figures."""
    waiting, busy = measure()
    print(f"{LISTENERS} listeners, % of a core: {waiting:.1f} while nothing happens", flush=True)
    print(
        f"{LISTENERS} listeners, {PER_SECOND} events/s, % of a core: {busy:.1f}   aim ≤ {AIM_PERCENT:g}"
        f"   (every event heard once by each)",
        flush=True,
    )


if __name__ == "__main__":
    main()
