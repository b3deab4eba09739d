"""The programs that we give to people, run as they stand: against the real app, its worker and a fake model."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.ui.snippets import INPUT, Snippet, snippets
from tests.conftest import PASSWORD
from tests.fakes.model_server import FakeModelServer
from tests.support.app_server import ROOT, AppServer

MODEL, SECRET = "fake-1", "zk-walk-key-0123456789abcdef"
WALK = ROOT / "docs" / "api-walk.sh"


@pytest.fixture(scope="module")
def models() -> Iterator[FakeModelServer]:
    with FakeModelServer() as server:
        yield server


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, models: FakeModelServer) -> Iterator[AppServer]:
    settings = {"ZOARK_REGISTRATION": "open", "ZOARK_ENDPOINT_ALLOWLIST": f"127.0.0.1:{models.port}"}
    with AppServer(tmp_path_factory.mktemp("app"), **settings) as server:
        yield server


def output_of(command: list[str], **variables: str) -> str:
    done = subprocess.run(
        command, env={**os.environ, **variables}, capture_output=True, text=True, timeout=150, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_thirty_lines_of_curl_go_from_nothing_to_what_a_run_cost(app: AppServer, models: FakeModelServer) -> None:
    assert len(WALK.read_text("utf-8").splitlines()) <= 30
    told = {"MODEL_URL": models.openai_url, "MODEL_SECRET": SECRET, "MODEL": MODEL, "PASSWORD": PASSWORD}
    output = output_of(["sh", str(WALK), app.url, "ann@example.com"], **told)

    parts = dict(part.split("\n", 1) for part in output.split("== ")[1:])
    assert json.loads(parts["register, and log in"])["email"] == "ann@example.com"
    assert re.fullmatch(r"key_\w+", parts["add a key"].strip())
    assert re.fullmatch(r"agent_\w+", parts["create an agent"].strip())
    events = re.findall(r"^event: (\w+)$", parts["run it, and follow its events"], re.MULTILINE)
    assert (events[0], events[-1]) == ("run_queued", "end")
    run, usage = parts["read the result, and what it cost"].replace("}{", "}\n{").splitlines()
    assert json.loads(run)["status"] == "succeeded"
    assert json.loads(run)["cost_micros"] == 360
    assert json.loads(usage)["items"] == [
        {
            "group": MODEL,
            "label": None,
            "calls": 1,
            "input_tokens": 100,
            "output_tokens": 20,
            "cost_micros": 360,
            "unpriced_calls": 0,
        }
    ]
    assert SECRET not in output
    assert PASSWORD not in output


def test_the_programs_of_the_page_run_as_they_are_copied(
    app: AppServer, models: FakeModelServer, tmp_path: Path
) -> None:
    person = {"email": "bea@example.com", "name": "Bea", "password": PASSWORD}
    with httpx.Client(base_url=f"{app.url}/api/v1", timeout=30) as zoark:
        zoark.post("/auth/register", json=person).raise_for_status()
        login = zoark.post("/auth/login", json={"email": person["email"], "password": PASSWORD}).json()
        zoark.headers["Authorization"] = f"Bearer {login['access_token']}"
        key = {"name": "Fake", "kind": "llm", "provider": "openai_compatible", "secret": SECRET}
        made = zoark.post("/api-keys", json={**key, "base_url": models.openai_url}).raise_for_status()
        agent = {
            "name": "Clerk",
            "department": "support",
            "role": "Clerk",
            "goal": "Name the team.",
            "model": MODEL,
        }
        made = zoark.post("/custom-agents", json={**agent, "api_key_id": made.json()["id"]}).raise_for_status()
        programs = {one.name: one for one in snippets(app.url, made.json()["id"])}

    token = {"ZOARK_TOKEN": login["access_token"]}
    before = models.totals().calls
    for name, command in commands(tmp_path).items():
        output = output_of([*command, written(tmp_path, programs[name])], **token)
        assert "succeeded" in output, name
    assert models.totals().calls - before == len(commands(tmp_path))
    assert json.loads(programs["MCP"].text)["mcpServers"]["zoark"]["url"] == f"{app.url}/api/v1/mcp"
    assert all(INPUT in one.text for one in programs.values() if one.language != "json")


def commands(folder: Path) -> dict[str, list[str]]:
    """Return what runs each program here; Node need not be there."""
    found = {"curl": ["bash", "-eu"], "Python": [sys.executable]}
    if node := shutil.which("node"):
        found["JavaScript"] = [node]
    return found


def written(folder: Path, program: Snippet) -> str:
    path = folder / {"bash": "agent.sh", "python": "agent.py", "javascript": "agent.mjs"}[program.language]
    path.write_text(program.text, "utf-8")
    return str(path)
