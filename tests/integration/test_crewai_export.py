"""An exported project runs under plain CrewAI, which knows nothing of us, against the fake model server."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from core.accounts.models import User
from core.bootstrap import Core
from core.engine.startup import SWITCHES
from core.keys.models import KeyDraft
from core.workflows.interchange.models import Choices
from tests.fakes.model_server import FakeModelServer

SECRET = "zk-Secret-0123456789"
BOTH = "import month_end_crew.main as one, led_crew.main as two; one.run(); two.run()"


def _export(
    core: Core, alice: User, name: str, nodes: list[dict[str, object]], edges: list[str], to: Path
) -> bytes:
    graph = {"nodes": nodes, "edges": [{"source": edge[0], "target": edge[1]} for edge in edges]}
    made = core.workflows.create(alice, name, "hr", "", graph)
    exported = core.interchange.export(alice, made.id, "crewai")
    assert exported.name == f"{name.lower().replace(' ', '-')}.zip"
    with zipfile.ZipFile(BytesIO(exported.content)) as archive:
        archive.extractall(to)
    return exported.content


@pytest.mark.timeout(240)
def test_an_exported_project_runs_under_plain_crewai_and_comes_back(
    core: Core, alice: User, fake: FakeModelServer, tmp_path: Path
) -> None:
    key = core.keys.add(alice, KeyDraft("Mine", "openai_compatible", SECRET, fake.openai_url))
    fields = {"department": "hr", "goal": "Be quick {really}", "key_id": key.id, "model": "fake-1"}
    clerk = core.agents.create(alice, {"name": "Clerk", "role": "MARK-clerk", **fields}).id
    boss = core.agents.create(
        alice, {"name": "Boss", "role": "MARK-boss", **fields, "expected_output": "A word."}
    ).id
    nodes: list[dict[str, object]] = [
        {"id": "i", "kind": "input", "fields": [{"name": "topic", "type": "text"}]},
        {"id": "a", "kind": "agent", "agent_id": clerk, "task": "MARK-first about {{topic}} in {json}"},
        {"id": "b", "kind": "agent", "agent_id": boss, "task": "MARK-second {{a}}"},
        {"id": "o", "kind": "output", "name": "result", "format": "text", "value": "{{b}}"},
    ]
    first = _export(core, alice, "Month end", nodes, ["ia", "ab", "bo"], tmp_path)
    led = {"id": "c", "kind": "crew", "process": "hierarchical", "manager_id": boss, "agent_ids": [clerk]}
    _export(core, alice, "Led", [{**led, "task": "MARK-led"}], [], tmp_path)
    assert SECRET.encode() not in b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())

    environment = {
        **SWITCHES,
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "TMPDIR": str(tmp_path),
        "CREWAI_STORAGE_DIR": str(tmp_path),
        "PYTHONPATH": str(tmp_path / "src"),
        "OPENAI_API_KEY": "zk-plain-0123456789",
        "OPENAI_API_BASE": fake.openai_url,
    }
    command = [sys.executable, "-c", BOTH, "topic=MARK-topic"]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    answers = [line for line in done.stdout.splitlines() if line.startswith("Fake answer")]
    assert ["MARK-second" in answers[0], "MARK-led" in answers[-1]] == [True, True], done.stdout
    asked = fake.chats
    assert {chat.key for chat in asked} == {"zk-plain-0123456789"}
    assert {"MARK-clerk", "MARK-first", "MARK-topic"} <= set(asked[0].markers)
    # The second task has the answer to the first one.
    assert {"MARK-boss", "MARK-second", "MARK-first"} <= set(asked[1].markers)
    assert "MARK-boss" in asked[2].markers

    plan = core.interchange.plan_import(alice, first)
    assert (plan.bundle.name, plan.bundle.notes) == ("Month end", ())
    assert plan.agents == {"clerk": clerk, "boss": boss}
    made = core.interchange.apply_import(
        alice, plan, Choices(department="hr", agents={"clerk": clerk, "boss": boss})
    )
    assert [
        (node.get("agent_id"), node.get("task")) for node in made.graph["nodes"] if node["kind"] == "agent"
    ] == [
        (clerk, "MARK-first about {{topic}} in {json}"),
        (boss, "MARK-second {{a}}"),
    ]
    assert core.workflows.problems(alice, made.graph) == ()
