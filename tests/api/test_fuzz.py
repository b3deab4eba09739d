"""Random requests and sequences of them, over the whole description, as each role: no 5xx, and nothing undescribed.

``python -m tests.bench.fuzz`` tries for minutes, and other values each time. ``FUZZ_ONLY=/workflows`` keeps to some
paths.
"""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from core.bootstrap import Core
from core.runs.queue import RunQueue
from core.turns import service as turns
from tests.conftest import PASSWORD
from tests.fakes.model_server import FakeModelServer
from tests.support import fuzz
from tests.support.fuzz import Effort
from tests.support.stage import DEPARTMENT, Stage
from tests.support.stub_queue import a_worker

MINUTES = float(os.environ.get("FUZZ_MINUTES", "0"))
LONG = Effort(examples=2000, sequences=2000, boundaries=1, seconds=int(MINUTES * 30))
# The administrator gets furthest and walks everything; others meet what they may not do, which is soon seen.
SHORT = {
    "viewer": Effort(examples=1, sequences=1, share=12),
    "member": Effort(examples=1, sequences=2, share=6),
    "manager": Effort(examples=1, sequences=1, share=12),
    "admin": Effort(examples=1, sequences=2, boundaries=25),
}


def end_runs_at_once(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let runs succeed as soon as they may begin: requests wait for that."""
    monkeypatch.setattr(RunQueue, "enqueue", lambda _queue, run_id, *_: core.journal.succeed(run_id, "Done."))
    monkeypatch.setattr(turns, "WORKER_SILENT_AFTER", timedelta(days=1))
    a_worker(core, 1000)


@pytest.mark.timeout(0 if MINUTES else 1200)
@pytest.mark.parametrize("role", SHORT)
def test_no_request_whatever_gets_an_answer_that_is_not_described(
    client: TestClient, api_core: Core, fake: FakeModelServer, monkeypatch: pytest.MonkeyPatch, role: Any
) -> None:
    end_runs_at_once(api_core, monkeypatch)
    fuzz.stay_on_this_machine(monkeypatch)
    actor = api_core.accounts.create_user("actor@example.com", "Actor", PASSWORD, role)
    root = api_core.accounts.create_user("root@example.com", "Root", PASSWORD, "admin")
    api_core.people.set_department(root, actor.id, DEPARTMENT)
    placed = replace(actor, department=DEPARTMENT)
    stage = Stage(api_core, fake, placed)
    # So that lists are not empty.
    stage.run(), stage.budget(), stage.session(), stage.api_token(), stage.shared(), stage.published()
    stage.approval()
    found = fuzz.findings(api_core, client.app, placed, LONG if MINUTES else SHORT[role])
    assert not found, fuzz.told(found)


def test_an_address_with_a_line_break_is_one_of_the_api(client: TestClient) -> None:
    answer = client.get("/api/v1/no%0Asuch%0Aaddress")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
