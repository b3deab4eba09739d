"""Runs that are shared by their link: everybody here may look then, and nobody else may touch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from core import clock
from core.accounts.models import User
from core.bootstrap import Core
from core.errors import NotFound
from core.llm.pricing import Tokens
from core.runs import repository
from core.runs.models import Parent, Run, RunFilter
from core.runs.nodes.models import NODE
from tests.support.asking import a_waiting_run
from tests.support.booked_calls import BOUND, PRICE, Books

READING: dict[str, Callable[[Core, User, str], Any]] = {
    "get": lambda core, actor, run_id: core.runs.get(actor, run_id),
    "events": lambda core, actor, run_id: core.runs.events(actor, run_id),
    "graph": lambda core, actor, run_id: core.runs.graph(actor, run_id),
    "lineage": lambda core, actor, run_id: core.runs.lineage(actor, run_id),
    "model_calls": lambda core, actor, run_id: core.runs.model_calls(actor, run_id),
    "node_states": lambda core, actor, run_id: core.runs.node_states(actor, run_id),
    "node_totals": lambda core, actor, run_id: core.runs.node_totals(actor, run_id),
    "place": lambda core, actor, run_id: core.runs.place(actor, run_id),
}
CHANGING: dict[str, Callable[[Core, User, str], Any]] = {
    "cancel": lambda core, actor, run_id: core.runs.cancel(actor, run_id),
    "resume": lambda core, actor, run_id: core.runs.resume(actor, run_id),
    "retry": lambda core, actor, run_id: core.runs.retry(actor, run_id),
    "run_again_from": lambda core, actor, run_id: core.runs.run_again_from(actor, run_id, "approval"),
    "settle_doubt": lambda core, actor, run_id: core.runs.settle_doubt(actor, run_id, "approval", NODE, True),
    "share": lambda core, actor, run_id: core.runs.share(actor, run_id),
    "unshare": lambda core, actor, run_id: core.runs.unshare(actor, run_id),
}


@pytest.fixture
def run(core: Core, alice: User) -> Run:
    return a_waiting_run(core, alice)


def a_run_inside(core: Core, run: Run, node_id: str) -> Run:
    """Add a run that a node has started."""
    child = replace(
        run, id=clock.new_id("run"), status="queued", parent=Parent(run.id, node_id, NODE), title="Inner"
    )
    with core.db.transaction() as connection:
        repository.insert_run(connection, child, {"nodes": [], "edges": []})
    return child


@pytest.mark.parametrize("look", READING.values(), ids=READING)
def test_charlie_looks_at_a_run_while_it_is_shared(
    core: Core, alice: User, charlie: User, run: Run, look: Callable[[Core, User, str], Any]
) -> None:
    with pytest.raises(NotFound):
        look(core, charlie, run.id)
    core.runs.share(alice, run.id)
    assert look(core, charlie, run.id) == look(core, alice, run.id)
    core.runs.unshare(alice, run.id)
    with pytest.raises(NotFound):
        look(core, charlie, run.id)


@pytest.mark.parametrize("change", CHANGING.values(), ids=CHANGING)
def test_charlie_changes_nothing_of_a_shared_run(
    core: Core, alice: User, charlie: User, run: Run, change: Callable[[Core, User, str], Any]
) -> None:
    shared = core.runs.share(alice, run.id)
    with pytest.raises(NotFound):
        change(core, charlie, run.id)
    assert core.runs.get(alice, run.id) == shared


def test_a_shared_run_is_in_nobody_elses_list(core: Core, alice: User, charlie: User, run: Run) -> None:
    core.runs.share(alice, run.id)
    assert core.runs.list(charlie) == []
    assert core.runs.page(charlie, RunFilter()).items == ()


def test_sharing_is_in_the_audit_log_once(core: Core, alice: User, root: User, run: Run) -> None:
    first = core.runs.share(alice, run.id)
    assert core.runs.share(alice, run.id).shared_at == first.shared_at
    core.runs.unshare(alice, run.id)
    core.runs.unshare(alice, run.id)
    written = [entry.action for entry in core.audit.search(root, run.created_at, clock.now())]
    assert sorted(action for action in written if "shared" in action) == ["run.shared", "run.unshared"]


def test_relations_show_only_runs_that_the_reader_may_see(core: Core, alice: User, charlie: User, run: Run) -> None:
    child = a_run_inside(core, run, "approval")
    core.runs.share(alice, run.id)
    assert [one.id for one in core.runs.lineage(alice, run.id).children] == [child.id]
    assert core.runs.lineage(charlie, run.id).children == ()
    core.runs.share(alice, child.id)
    assert [one.id for one in core.runs.lineage(charlie, run.id).children] == [child.id]
    above = core.runs.lineage(charlie, child.id).parent
    assert above is not None
    assert above.id == run.id
    core.runs.unshare(alice, run.id)
    assert core.runs.lineage(charlie, child.id).parent is None


def test_a_node_has_used_what_the_runs_inside_it_used(core: Core, alice: User, run: Run) -> None:
    child = a_run_inside(core, run, "inner")
    books = Books(core, alice)
    for run_id, node_id, micros in ((run.id, "judge", 30), (run.id, "judge", 5), (child.id, "agent", 7)):
        origin = replace(books.origin, run_id=run_id, node_id=node_id)
        core.usage.settle(core.usage.open_call(origin, BOUND, PRICE), origin, Tokens(micros, 1), 1)
    totals = core.runs.node_totals(alice, run.id)
    assert {node: (one.calls, one.cost_micros) for node, one in totals.items()} == {
        "judge": (2, 35),
        "inner": (1, 7),
    }
