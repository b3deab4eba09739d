"""One run through every kind of node; its worker is killed -9 at each of them, and while the run waits."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import func, select

from core.db.tables import approvals, mail_outbox
from core.engine.nodes.registry import all_kinds
from core.runs.models import Run
from tests.support.mailbox import MAIL_SETTINGS
from tests.support.nursery import Fledgling, Nursery
from tests.support.worker import Desk, desk, wait_until

SECRET = "zk-survive-key-0123456789abcdef"
CALL_MICROS = 360
MOST_DEATHS = 120
# By turns: its work is done and not remembered; it is remembered, and the next one has not begun.
POINTS = ("node done", "node finished")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def at(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("survive")
    templates = "sqlite_templates" if request.param == "sqlite" else "postgres_templates"
    with (
        request.getfixturevalue(templates).fresh(folder) as url,
        desk(url, folder, SECRET, **MAIL_SETTINGS) as made,
    ):
        yield made


def nodes_of(at: Desk) -> dict[str, dict[str, Any]]:
    """Return a node of each kind, in the order in which they run."""
    inner = {
        "begin": {"kind": "input", "fields": [{"name": "word", "type": "text"}]},
        "end": {"kind": "output", "name": "said", "value": "{{word}} inside"},
    }
    made = at.core.workflows.create(at.alice, "Inside", "hr", graph=graph_of(inner, [("begin", "end", "")]))
    at.core.workflows.publish(at.alice, made.id)
    clerk, writer = at.agent("fake-1"), at.agent("fake-2")
    return {
        "begin": {
            "kind": "input",
            "fields": [{"name": "amount", "type": "number"}, {"name": "names", "type": "list"}],
        },
        "extract": {
            "kind": "agent",
            "agent_id": clerk,
            "task": "Do MARK-extract with {{amount}}.",
            "answer": "fields",
            "answer_fields": [{"name": "total", "type": "number"}],
        },
        "is_large": {
            "kind": "condition",
            "mode": "compare",
            "left": "extract.total",
            "type": "number",
            "operator": ">",
            "right": "5,000",
        },
        "words": {"kind": "template", "text": "It is {{extract.total}}."},
        "small": {"kind": "template", "text": "It is small."},
        "both": {"kind": "join", "mode": "any"},
        "count": {"kind": "transform", "operation": "count", "source": "names"},
        "team": {
            "kind": "crew",
            "process": "sequential",
            "tasks": [{"agent_id": clerk, "task": "Do MARK-one."}, {"agent_id": writer, "task": "Do MARK-two."}],
        },
        "each": {
            "kind": "for_each",
            "items": "names",
            "parallel": 2,
            "body": {"kind": "template", "text": "Dear {{item}}"},
        },
        "mail": {
            "kind": "tool",
            "tool": "send_email",
            "arguments": {"to": at.alice.email, "subject": "Survived {{count}}", "body": "{{both}}"},
        },
        "pause": {"kind": "wait", "mode": "for", "minutes": 0.05},
        "ask": {
            "kind": "approval",
            "approver": {"kind": "person", "id": at.alice.id},
            "title": "Go on?",
            "show": ["each"],
        },
        "inside": {"kind": "workflow", "workflow_id": made.id, "inputs": {"word": "{{both}}"}},
        "end": {"kind": "output", "name": "result", "value": "{{inside}} {{count}} {{each}}"},
    }


WAYS = [
    ("begin", "extract", ""),
    ("extract", "is_large", ""),
    ("is_large", "words", "true"),
    ("is_large", "small", "false"),
    ("words", "both", ""),
    ("small", "both", ""),
    *((one, other, "") for one, other in pairwise(["both", "count", "team", "each", "mail", "pause", "ask"])),
    ("ask", "inside", "approved"),
    ("inside", "end", ""),
]


def graph_of(nodes: dict[str, dict[str, Any]], ways: list[tuple[str, str, str]]) -> dict[str, Any]:
    edges = [{"source": one, "target": other, **({"when": when} if when else {})} for one, other, when in ways]
    return {"nodes": [{"id": name, **config} for name, config in nodes.items()], "edges": edges}


def started(at: Desk, nodes: dict[str, dict[str, Any]]) -> Run:
    made = at.core.workflows.create(at.alice, "Everything", "hr", graph=graph_of(nodes, WAYS))
    at.core.workflows.publish(at.alice, made.id)
    return at.core.runs.start_workflow_run(at.alice, made.id, {"amount": "6,000", "names": '["Ann", "Ben"]'})


@pytest.mark.timeout(1800)
def test_every_kind_of_node_outlives_its_worker(at: Desk) -> None:
    at.fake.options.says = json.dumps([["MARK-extract", '{"total": "6,000"}']])
    nodes = nodes_of(at)
    assert {config["kind"] for config in nodes.values()} == set(all_kinds()), "a new kind has to survive, too"
    killed: Counter[str] = Counter()
    with Nursery(at.settings) as nursery:
        nursery.arm("worker", POINTS[0])
        worker = nursery.worker()
        run = started(at, nodes)
        strikes = 0
        while at.get(run).is_active:
            assert strikes < MOST_DEATHS
            wait_until(partial(has_news, at, run, worker), 200, "the next death, or the end")
            if not at.get(run).is_active:
                break
            if worker.is_running:
                node_id = waits_at(at, run)
                worker.kill()
                if nursery.has_struck("worker"):  # it came to its place in the same moment
                    strikes += 1
                    nursery.arm("worker", POINTS[strikes % 2])
                if node_id is not None:
                    killed[node_id] += 1
                    waited.add((run.id, node_id))
                    if node_id == "ask":
                        approve(at)
            else:
                killed.update(struck(at, run))
                strikes += 1
                nursery.arm("worker", POINTS[strikes % 2])
            at.forget_heartbeats()
            worker = nursery.worker()
    ended = at.get(run)
    assert (ended.status, ended.error) == ("succeeded", None)
    assert ended.output == 'It is 6000. inside 2 [\n  "Dear Ann",\n  "Dear Ben"\n]'
    assert set(killed) >= set(nodes) - {"small"}, (
        "each kind was killed at work, as it was remembered, or while it waited"
    )
    _assert_nothing_finished_was_repeated(at, run, nodes)


waited: set[tuple[str, str]] = set()


def has_news(at: Desk, run: Run, worker: Fledgling) -> bool:
    return not worker.is_running or not at.get(run).is_active or waits_at(at, run) is not None


def waits_at(at: Desk, run: Run) -> str | None:
    """Return the node that a run waits for, unless its worker was killed there already."""
    if at.get(run).status != "waiting":
        return None
    states = at.core.runs.node_states(at.alice, run.id)
    found = [state.node_id for state in states if state.status == "waiting"]
    return next((node_id for node_id in found if (run.id, node_id) not in waited), None)


def struck(at: Desk, run: Run) -> list[str]:
    """Return the nodes that were at work when the worker died, or had just been remembered."""
    states = at.core.runs.node_states(at.alice, run.id)
    over = [state for state in states if state.status == "succeeded" and state.ended_at is not None]
    newest = max((state.ended_at for state in over if state.ended_at is not None), default=None)
    at_work = [state.node_id for state in states if state.status == "running"]
    return at_work or [state.node_id for state in over if state.ended_at == newest]


def approve(at: Desk) -> None:
    (approval,) = at.core.approvals.list(at.alice).items
    at.core.approvals.decide(at.alice, approval.id, "approve")


def _assert_nothing_finished_was_repeated(at: Desk, run: Run, nodes: dict[str, dict[str, Any]]) -> None:
    events = at.events(run)
    for node_id in set(nodes) - {"small"}:
        kinds = [event.kind for event in events if event.node_id == node_id]
        assert kinds.count("node_finished") == 1, node_id
        assert "node_started" not in kinds[kinds.index("node_finished") :], node_id
    asked = Counter(marker for record in at.fake.chats for marker in set(record.markers))
    # Their work was done and not remembered once, so it is done again once.
    assert asked["MARK-extract"] == 2
    calls = at.core.runs.model_calls(at.alice, run.id)
    assert len(calls) == len(at.fake.chats) == at.fake.totals().calls
    assert sum(call.cost_micros or 0 for call in calls) == CALL_MICROS * len(calls)
    children = [
        one for one in at.core.runs.list(at.alice) if one.parent is not None and one.parent.run_id == run.id
    ]
    assert [child.status for child in children] == ["succeeded"]
    with at.core.db.read() as connection:
        mails = select(func.count()).select_from(mail_outbox).where(mail_outbox.c.subject == "Survived 2")
        assert connection.execute(mails).scalar_one() == 1
        asks = select(func.count()).select_from(approvals).where(approvals.c.run_id == run.id)
        assert connection.execute(asks).scalar_one() == 1
