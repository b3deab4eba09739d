"""Workers that are killed, get stuck or lose their database: others take over, and nothing is repeated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

import psycopg
import pytest
from sqlalchemy.engine import make_url

from core.runs.models import Run
from tests.support.nursery import Nursery
from tests.support.odd_kinds import noted, odd_kinds
from tests.support.worker import Desk, desk, wait_until

SECRET = "zk-dying-key-0123456789abcdef"
on_postgresql = pytest.mark.parametrize("site", ["postgresql"], indirect=True)
on_sqlite = pytest.mark.parametrize("site", ["sqlite"], indirect=True)


class Site:
    """Alice's desk and workers with two places each."""

    def __init__(self, at: Desk, nursery: Nursery) -> None:
        self.at = at
        self.nursery = nursery

    def start(self, **nodes: dict[str, object]) -> Run:
        """Start nodes that follow each other."""
        names = list(nodes)
        edges = [{"source": one, "target": other} for one, other in pairwise(names)]
        graph = {"nodes": [{"id": name, **config} for name, config in nodes.items()], "edges": edges}
        return self.at.core.runs.start_graph_run(self.at.alice, "Walk", graph, {"input": "x"})

    def noted(self, name: str) -> Counter[str]:
        return noted(self.at.settings.data_dir, name)


@contextmanager
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, kind: str) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp(kind)
    name = "sqlite_templates" if kind == "sqlite" else "postgres_templates"
    with (
        odd_kinds(),
        request.getfixturevalue(name).fresh(folder) as url,
        desk(url, folder, SECRET, ZOARK_WORKER_THREADS=2) as at,
        Nursery(at.settings) as nursery,
    ):
        yield Site(at, nursery)


@pytest.fixture
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with made(request, tmp_path_factory, request.param) as found:
        yield found


@on_postgresql
def test_three_workers_share_the_work_and_two_take_over_from_the_third(site: Site) -> None:
    workers = [site.nursery.worker() for _ in range(3)]
    wait_until(lambda: len(site.at.core.runs.workers()) == 3, 150, "all to be there")
    runs = [site.start(a={"kind": "mark", "seconds": 2}, b={"kind": "mark", "seconds": 0.5}) for _ in range(18)]
    wait_until(lambda: set(site.noted("pids")) == {str(worker.pid) for worker in workers}, 150, "all to work")
    workers[0].kill()
    finished = [
        f"{run.id}:{state.node_id}:{state.item}"
        for run in runs
        for state in site.at.core.runs.node_states(site.at.alice, run.id)
        if state.status == "succeeded"
    ]
    assert {site.at.ended(run, 150).status for run in runs} == {"succeeded"}
    marks = site.noted("marks")
    assert {marks[key] for key in finished} <= {1}
    # Two runs were at work there, in one step each.
    assert sum(marks.values()) <= 2 * len(runs) + 2
    assert len(marks) == 2 * len(runs)


@on_sqlite
def test_a_worker_with_a_node_that_hears_nothing_makes_room_for_another(site: Site) -> None:
    worker = site.nursery.worker(grace_seconds=1.0)
    stuck = site.start(spin={"kind": "spin"}, after={"kind": "mark"})
    other = site.start(a={"kind": "mark"}, b={"kind": "mark", "seconds": 4}, c={"kind": "mark"})
    wait_until(lambda: site.noted("marks")[f"{stuck.id}:spin:-1"], 150, "the node to begin")
    wait_until(lambda: site.noted("marks")[f"{other.id}:b:-1"], 150, "the other to work")
    assert site.at.core.runs.cancel(site.at.alice, stuck.id).is_stopping
    assert site.at.ended(stuck, 90).status == "cancelled"
    worker.wait(150)
    # It let the other run end before it went, and takes nothing more.
    assert site.at.get(other).status == "succeeded"
    third = site.start(a={"kind": "mark"})
    site.nursery.worker()
    assert site.at.ended(third, 150).status == "succeeded"
    assert set(site.noted("marks").values()) == {1}
    assert site.noted("marks")[f"{stuck.id}:after:-1"] == 0


@on_postgresql
def test_a_worker_that_loses_its_connections_pays_for_nothing_twice(site: Site) -> None:
    site.nursery.worker()
    run = site.at.start_graph({"a": "fake-1@latency=2000", "b": "fake-1"}, [("a", "b")])
    site.at.is_asked("MARK-a", seconds=150)
    url = make_url(site.at.settings.database).set(drivername="postgresql")
    with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    wait_until(lambda: not site.at.get(run).is_active, 150, "the end of the run")
    assert site.at.get(run).status == "succeeded"
    assert len(site.at.fake.chats) == 2
