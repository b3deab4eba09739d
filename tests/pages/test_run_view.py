"""The page of a workflow's run: how each step stands, what it waits for, what came out, and who may do what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from app import navigation
from core.accounts.models import User
from core.approvals.models import Approver, Request
from core.bootstrap import Core
from core.errors import Unreachable
from core.keys.models import Key
from core.runs.models import Run
from core.runs.nodes.models import NODE
from tests.pages.conftest import Visit

Visitor = Callable[..., Visit]
REFUSED = ["This run does not exist, or it is not yours."]


def graph(alice: User) -> dict[str, Any]:
    """Return input → template → approval → output."""
    fields = [{"name": "topic", "type": "text"}]
    approver = {"kind": "person", "id": alice.id}
    ask = {"title": "Send it?", "message": "", "show": ["letter"], "approver": approver, "on_expiry": "reject"}
    result = {"name": "letter", "format": "text", "value": "{{letter}}"}
    return {
        "nodes": [
            {"id": "begin", "kind": "input", "label": "Question", "fields": fields},
            {"id": "letter", "kind": "template", "label": "Letter", "text": "About {{topic}}"},
            {"id": "check", "kind": "approval", "label": "Check", **ask},
            {"id": "end", "kind": "output", "label": "End", **result},
        ],
        "edges": [
            {"source": "begin", "target": "letter"},
            {"source": "letter", "target": "check"},
            {"source": "check", "target": "end", "when": "approved"},
        ],
    }


class Worker:
    """Writes what a worker writes of a run."""

    def __init__(self, core: Core, run: Run) -> None:
        self.core, self.run = core, run
        core.journal.begin(run.id)

    def done(self, node_id: str, output: Any, branch: str = "") -> None:
        self.core.journal.nodes.start(self.run, node_id)
        self.core.journal.nodes.finish(self.run, node_id, NODE, output, branch)

    def to_the_letter(self) -> None:
        self.done("begin", {"topic": "rain"})
        self.done("letter", "About **rain**, see [this](http://evil.example)")

    def asks(self, alice: User) -> None:
        self.core.journal.nodes.start(self.run, "check")
        self.core.approvals.ask(self.run, "check", Request("Send it?", Approver("person", alice.id)))
        self.core.journal.nodes.wait(self.run, "check")


@pytest.fixture
def run(page_core: Core, alice: User) -> Run:
    made = page_core.workflows.create(alice, "Letters", "hr", graph=graph(alice))
    page_core.workflows.publish(alice, made.id)
    return page_core.runs.start_workflow_run(alice, made.id, {"topic": "rain"})


@pytest.fixture
def worker(page_core: Core, run: Run) -> Worker:
    return Worker(page_core, run)


def step_labels(page: Visit, run: Run) -> list[str]:
    return list(page.app.selectbox(key=f"run_step_{run.id}_0").options)


def test_alice_sees_how_each_step_stands(visit: Visitor, alice: User, run: Run, worker: Worker) -> None:
    worker.to_the_letter()
    worker.asks(alice)
    page = visit(alice).open(navigation.RUN, id=run.id)
    assert not page.app.exception
    wanted = ["Question · Succeeded", "Letter · Succeeded", "Check · Waiting", "End · Pending"]
    assert step_labels(page, run) == wanted
    assert page.app.selectbox(key=f"run_step_{run.id}_0").value == "check"
    assert any("waits until you have decided" in markdown.value for markdown in page.app.markdown)
    assert any(caption.startswith("Version 1 · Started by you") for caption in page.captions)
    assert "Open the workflow" in page.links
    assert page.press("run_ask_check").title == "Send it?"


def test_the_list_of_steps_follows_the_run_under_another_key_until_alice_picks_one(
    visit: Visitor, alice: User, run: Run, worker: Worker
) -> None:
    page = visit(alice).open(navigation.RUN, id=run.id)
    # The browser may still send the value of the list that was drawn before: it must not count as picked.
    assert page.app.selectbox(key=f"run_step_{run.id}_0").value == "begin"
    worker.to_the_letter()
    worker.asks(alice)
    page.rerun()
    assert page.app.selectbox(key=f"run_step_{run.id}_1").value == "check"
    page.fill(**{f"run_step_{run.id}_1": "letter"}).rerun().rerun()
    assert page.app.selectbox(key=f"run_step_{run.id}_1").value == "letter"


def test_alice_reads_what_a_step_gave_and_nothing_in_it_is_live(
    visit: Visitor, alice: User, run: Run, worker: Worker
) -> None:
    worker.to_the_letter()
    page = visit(alice).open(navigation.RUN, id=run.id)
    page.fill(**{f"run_step_{run.id}_0": "letter"}).rerun()
    assert "About **rain**, see this (`http://evil.example`)" in [markdown.value for markdown in page.app.markdown]
    page.fill(run_view="Trace").rerun()
    assert [status.label for status in page.app.status] == ["1. Question", "2. Letter"]
    page.fill(run_view="Input").rerun()
    assert "**topic**" in page.captions


def test_results_stand_under_their_names_and_files_are_downloaded(
    visit: Visitor, page_core: Core, alice: User, run: Run, worker: Worker
) -> None:
    worker.to_the_letter()
    given = {"name": "list.html", "media_type": "text/plain", "text": "<script>alert(1)</script>"}
    page_core.journal.succeed(run.id, "x", {"rows": [{"a": 1, "b": "x"}], "paper": given})
    page = visit(alice).open(navigation.RUN, id=run.id)
    assert not page.app.exception
    assert {"**rows**", "**paper**"} <= set(page.captions)
    assert len(page.app.dataframe) == 1
    assert "<script>alert(1)</script>" in [text.value for text in page.app.text]
    assert "run_cancel" not in [button.key for button in page.app.button]


def test_alice_resumes_a_run_that_failed(
    visit: Visitor, page_core: Core, alice: User, run: Run, worker: Worker
) -> None:
    worker.done("begin", {"topic": "rain"})
    page_core.journal.nodes.start(run, "letter")
    page_core.journal.nodes.fail(run, "letter", NODE, Unreachable())
    page_core.journal.fail(run.id, Unreachable())
    page = visit(alice).open(navigation.RUN, id=run.id)
    assert page.app.selectbox(key=f"run_step_{run.id}_0").value == "letter"
    assert "Code: `unreachable`" in page.captions
    page.press("run_resume")
    assert page_core.runs.get(alice, run.id).status == "queued"
    assert "Queued" in page.text


def test_alice_runs_again_from_a_step(
    visit: Visitor, page_core: Core, alice: User, run: Run, worker: Worker
) -> None:
    worker.to_the_letter()
    page_core.runs.cancel(alice, run.id)
    page_core.journal.cancelled(run.id)
    page = visit(alice).open(navigation.RUN, id=run.id)
    page.fill(**{f"run_step_{run.id}_0": "letter"}).rerun().press("run_again_from")
    (again, _) = page_core.runs.list(alice)
    assert again.origin_run_id == run.id
    assert "The run it took results from" in page.links


def test_alice_says_what_happened(visit: Visitor, page_core: Core, alice: User, run: Run, worker: Worker) -> None:
    worker.done("begin", {"topic": "rain"})
    page_core.journal.nodes.start(run, "letter")
    page_core.journal.nodes.doubt(run, "letter")
    page = visit(alice).open(navigation.RUN, id=run.id)
    assert any("may have acted outside" in warning.value for warning in page.app.warning)
    page.fill(**{f"run_doubt_letter_{NODE}_result": "sent"}).press(f"run_doubt_letter_{NODE}_yes")
    (letter,) = [one for one in page_core.runs.node_states(alice, run.id) if one.node_id == "letter"]
    assert (letter.status, letter.output) == ("succeeded", "sent")


def test_charlie_looks_at_a_shared_run_and_can_do_nothing_to_it(
    visit: Visitor, page_core: Core, alice: User, charlie: User, run: Run, worker: Worker
) -> None:
    worker.to_the_letter()
    worker.asks(alice)
    assert visit(charlie).open(navigation.RUN, id=run.id).errors == REFUSED
    page = visit(alice).open(navigation.RUN, id=run.id).press("run_share_on")
    assert any(f"/run?id={run.id}" in code.value for code in page.app.code)
    seen = visit(charlie).open(navigation.RUN, id=run.id)
    assert not seen.app.exception
    assert "Check · Waiting" in step_labels(seen, run)
    assert [button.key for button in seen.app.button if (button.key or "").startswith("run_")] == []
    assert "Open the workflow" not in seen.links
    assert "Letters" not in visit(charlie).open(navigation.RUNS).text
    page.press("run_share_off")
    assert visit(charlie).open(navigation.RUN, id=run.id).errors == REFUSED


def test_the_timeline_is_drawn(visit: Visitor, alice: User, run: Run, worker: Worker) -> None:
    page = visit(alice).open(navigation.RUN, id=run.id).fill(run_view="Timeline").rerun()
    assert "Nothing has begun yet." in page.captions
    worker.to_the_letter()
    page.rerun()
    assert len(page.app.get("plotly_chart")) == 1
    assert not page.app.exception


def test_alice_compares_two_runs_of_a_workflow(
    visit: Visitor, page_core: Core, alice: User, charlie: User, run: Run, worker: Worker
) -> None:
    worker.to_the_letter()
    page_core.journal.succeed(run.id, "rain", {"letter": "About rain"})
    assert run.workflow_id is not None
    other = page_core.runs.start_workflow_run(alice, run.workflow_id, {"topic": "sun"})
    Worker(page_core, other)
    page_core.journal.succeed(other.id, "sun", {"letter": "About sun"})
    page = visit(alice).open(navigation.RUN, id=run.id).press("run_compare_go")
    assert page.title == "Compare two runs"
    assert not page.app.exception
    assert [code.value for code in page.app.code] == ["⋯\n-About sun\n+About rain"]
    assert len(page.app.dataframe) == 1
    refused = visit(charlie).open(navigation.COMPARE, a=run.id, b=other.id)
    assert refused.errors == REFUSED
    assert "rain" not in refused.text


def test_runs_are_filtered_by_their_workflow(
    visit: Visitor, page_core: Core, alice: User, run: Run, key: Key
) -> None:
    fields = {"name": "Clerk", "department": "hr", "role": "r", "goal": "g", "model": "fake-1", "key_id": key.id}
    page_core.runs.start_agent_run(alice, page_core.agents.create(alice, fields).id, "of the clerk")
    page = visit(alice).open(navigation.RUNS)
    assert {"Version 1 · rain", "of the clerk"} <= set(page.captions)
    page.fill(runs_workflow=run.workflow_id).rerun()
    assert "Version 1 · rain" in page.captions
    assert "of the clerk" not in page.captions
