"""Events of a run as they happen, over a real server: nothing lost or twice, and no longer than somebody may."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import httpx
import pytest

from core.bootstrap import Core, build_core
from core.config import load_settings
from tests.support.app_server import AppServer
from tests.support.listening import Told, a_person, a_run, access_token, events_of, told

LISTENERS = 12


@pytest.fixture
def app(tmp_path: Path) -> Iterator[AppServer]:
    with AppServer(tmp_path, ZOARK_WORKER="external") as server:
        yield server


@pytest.fixture
def core(app: AppServer) -> Iterator[Core]:
    core = build_core(load_settings(ZOARK_DATA_DIR=app.data_dir))
    yield core
    core.close()


def listening(token: str, last: str | None = None) -> dict[str, str]:
    headers = {"Accept": "text/event-stream", "Authorization": f"Bearer {token}"}
    return headers | ({"Last-Event-ID": last} if last else {})


def listen(address: str, token: str, last: str | None, leave_after: int | None = None) -> list[Told]:
    """Listen until so many were heard, or to the end."""
    found: list[Told] = []
    with httpx.stream("GET", address, headers=listening(token, last), timeout=90) as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        for one in told(answer):
            found.append(one)
            if len(found) == leave_after:
                break
    return found


def test_a_stream_over_a_real_server(app: AppServer, core: Core) -> None:
    alice = a_person(core, "alice")
    run, token = a_run(core, alice), access_token(core, alice)
    address = events_of(run, app.url)
    heard: dict[int, list[Told]] = {}

    def twice(number: int) -> None:
        # The connection breaks after a few; EventSource comes back with the last id and the same address.
        first = listen(address, token, None, leave_after=number + 3)
        heard[number] = first + listen(f"{address}?after=1", token, first[-1].id)

    threads = [Thread(target=twice, args=(number,)) for number in range(LISTENERS)]
    for thread in threads:
        thread.start()
    for number in range(60):
        core.journal.event(run.id, "tick", "agent", {"text": f"line {number}\nother \u2028 line \U0001f600"})
    core.journal.succeed(run.id, "Done.")
    for thread in threads:
        thread.join(180)
    events = core.runs.events(alice, run.id)
    assert len(heard) == LISTENERS
    for found in heard.values():
        assert [int(one.id or 0) for one in found[:-1]] == [event.seq for event in events]
        assert [one.data["data"] for one in found[:-1]] == [event.data for event in events]
        assert [one.event for one in found[:-1]] == [event.kind for event in events]
        assert found[-1] == Told(None, "end", {"status": "succeeded"})

    # Whose session ends hears no more; this one would go on for ever.
    waiting, ended = a_run(core, alice), access_token(core, alice)
    with httpx.stream("GET", events_of(waiting, app.url), headers=listening(ended), timeout=90) as answer:
        found = told(answer)
        assert next(found).event == "run_queued"
        bearer = core.logins.bearer(ended)
        assert bearer is not None
        core.logins.logout(alice, bearer.session_id)
        assert {one.event for one in found} == {"run_started"}

    # A server that is told to stop does not wait for those who listen.
    with httpx.stream("GET", events_of(waiting, app.url), headers=listening(token), timeout=90) as answer:
        found = told(answer)
        assert next(found).event == "run_queued"
        app.stop()
        assert {one.event for one in found} <= {"run_started"}
    assert app.process is not None
    assert app.process.returncode != -9
