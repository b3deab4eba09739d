"""Kill -9 at each named place, on both databases: nothing is lost, repeated or paid twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, get_args

import pytest

from core.engine.crash_points import Point
from core.runs.models import Run
from core.runs.nodes.models import NODE
from tests.support.nursery import Fledgling, Nursery
from tests.support.odd_kinds import noted, odd_kinds
from tests.support.worker import Desk, desk, wait_until

SECRET = "zk-crash-key-0123456789abcdef"
FINAL = {"run_succeeded", "run_failed", "run_cancelled"}
CALL_MICROS = 360
# Also reached by who starts a run.
OF_STARTERS = ("run row written", "run let begin", "segment enqueued")
OF_WORKERS = tuple(point for point in get_args(Point) if point != "run row written")


class Site:
    """Alice's desk with one worker, which is started again when it has died."""

    def __init__(self, at: Desk, nursery: Nursery) -> None:
        self.at = at
        self.nursery = nursery
        self._worker: Fledgling | None = None
        self.first, self.last = at.agent("fake-1"), at.agent("fake-2")
        fields = [{"name": "input", "type": "text"}]
        nodes = [{"id": "begin", "kind": "input", "fields": fields}, {"id": "deep", "kind": "mark"}]
        graph = {"nodes": nodes, "edges": [{"source": "begin", "target": "deep"}]}
        made = at.core.workflows.create(at.alice, "Inside", "hr", graph=graph)
        at.core.workflows.publish(at.alice, made.id)
        self.workflow_id = made.id

    def worker(self) -> Fledgling:
        if self._worker is None or not self._worker.is_running:
            self.at.forget_heartbeats()
            self._worker = self.nursery.worker()
        return self._worker

    def story(self, name: str) -> dict[str, Any]:
        """Return the arguments of a run that passes every place; its name is in what the model is asked."""
        nodes = {
            "first": {"kind": "agent", "agent_id": self.first, "task": f"Do MARK-first-{name}."},
            "fork": {"kind": "mark", "ways": ["yes", "no"], "way": "yes"},
            "never": {"kind": "mark"},
            "act": {"kind": "act"},
            "each": {"kind": "rounds", "count": 3, "parallel": 2},
            "inner": {"kind": "inner", "workflow_id": self.workflow_id},
            "pause": {"kind": "pause", "seconds": 0.1},
            "last": {"kind": "agent", "agent_id": self.last, "task": f"Do MARK-last-{name}."},
        }
        way = ("first", "fork", "act", "each", "inner", "pause", "last")
        edges = [{"source": one, "target": next_one} for one, next_one in pairwise(way)]
        edges[1]["when"] = "yes"
        edges.append({"source": "fork", "target": "never", "when": "no"})
        graph = {"nodes": [{"id": one, **config} for one, config in nodes.items()], "edges": edges}
        return {"title": name, "graph": graph, "inputs": {"input": "x"}}

    def runs(self, name: str) -> list[Run]:
        """Return the run of a story and, after it, the one inside."""
        found = self.at.core.runs.list(self.at.alice, limit=200)
        tops = [run for run in found if run.title == name]
        ids = {run.id for run in tops}
        return tops + [run for run in found if run.parent is not None and run.parent.run_id in ids]

    def finished(self, name: str) -> Counter[str]:
        """Return how often each node that has finished was begun so far."""
        done = {
            f"{run.id}:{state.node_id}:{state.item}"
            for run in self.runs(name)
            for state in self.at.core.runs.node_states(self.at.alice, run.id)
            if state.status == "succeeded"
        }
        begun = self.begun(name)
        return Counter({key: begun[key] for key in done})

    def begun(self, name: str) -> Counter[str]:
        folder = self.at.settings.data_dir
        found = noted(folder, "marks") + noted(folder, "acts")
        for run in self.runs(name)[:1]:
            for node_id in ("first", "last"):
                asked = sum(f"MARK-{node_id}-{name}." in record.body for record in self.at.fake.chats)
                found[f"{run.id}:{node_id}:{NODE}"] = asked
        return found


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp(request.param)
    name = "sqlite_templates" if request.param == "sqlite" else "postgres_templates"
    with (
        odd_kinds(),
        request.getfixturevalue(name).fresh(folder) as url,
        desk(url, folder, SECRET) as at,
        Nursery(at.settings) as nursery,
    ):
        yield Site(at, nursery)


@pytest.mark.parametrize("point", OF_WORKERS)
def test_a_worker_that_dies_here_loses_and_repeats_nothing(site: Site, point: str) -> None:
    name = point.replace(" ", "-")
    worker = site.worker()
    site.nursery.arm("worker", point)
    site.at.core.runs.start_graph_run(site.at.alice, **site.story(name))
    worker.wait(200)
    assert site.nursery.has_struck("worker")
    finished = site.finished(name)
    site.worker()
    _assert_ends_well(site, name, finished)


@pytest.mark.parametrize("point", OF_STARTERS)
def test_a_run_outlives_who_started_it(site: Site, point: str) -> None:
    name = f"starter-{point.replace(' ', '-')}"
    # Its places are still known: whoever starts a run lets it begin.
    site.worker().kill()
    site.nursery.arm("starter", point)
    site.nursery.starter(actor_id=site.at.alice.id, **site.story(name)).wait(200)
    assert site.nursery.has_struck("starter")
    site.worker()
    _assert_ends_well(site, name, Counter())


def _assert_ends_well(site: Site, name: str, finished: Counter[str]) -> None:
    at = site.at
    (top,) = wait_until(lambda: site.runs(name)[:1], 200, "the run")
    wait_until(lambda: _is_over(site, top), 200, f"the end of {name}")
    run, inner = site.runs(name)
    assert (run.status, inner.status) == ("succeeded", "succeeded")
    for one in (run, inner):
        events = at.events(one)
        assert [event.kind for event in events if event.kind in FINAL] == ["run_succeeded"]
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
    begun = site.begun(name)
    assert {key: begun[key] for key in finished} == dict(finished)
    states = at.core.runs.node_states(at.alice, run.id)
    assert Counter(state.status for state in states) == {"succeeded": 7 + 3, "skipped": 1}
    assert begun[f"{run.id}:act:{NODE}"] == 1
    _assert_paid_once(site, name, run)


def _is_over(site: Site, run: Run) -> bool:
    """Whether a run has ended; what is in doubt is settled as a person would who looks outside."""
    for state in site.at.core.runs.node_states(site.at.alice, run.id):
        if state.status == "in_doubt":
            has_acted = noted(site.at.settings.data_dir, "acts")[f"{run.id}:act:{NODE}"] > 0
            site.at.core.runs.settle_doubt(site.at.alice, run.id, "act", NODE, has_acted, "seen")
    return not site.at.get(run).is_active


def _assert_paid_once(site: Site, name: str, run: Run) -> None:
    """Each request is in the books once, answered or cut off at its bound; nothing stays open.

    Only the step that was under way is asked again.
    """
    calls = site.at.core.runs.model_calls(site.at.alice, run.id)
    assert {call.status for call in calls} <= {"answered", "interrupted"}
    answered = [call for call in calls if call.status == "answered"]
    assert {call.node_id for call in answered} == {"first", "last"}
    assert {call.cost_micros for call in answered} == {CALL_MICROS}
    asked = [record for record in site.at.fake.chats if f"-{name}." in record.body]
    assert 2 <= len(asked) <= len(calls) <= 3
