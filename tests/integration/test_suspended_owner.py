"""A run whose owner was suspended is not executed: it ends cancelled and says why."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import update

from core.db.tables import users
from tests.conftest import PASSWORD
from tests.support.worker import Desk, desk

SECRET = "zk-suspended-key-0123456789abcdef"
SENTENCE = "The person who started this run was suspended, so it was stopped."


@pytest.fixture
def alices(database_url: str, tmp_path: Path) -> Iterator[Desk]:
    with desk(database_url, tmp_path, SECRET) as made:
        yield made


def test_runs_of_a_suspended_person_wait_work_or_come_late_and_all_end(alices: Desk) -> None:
    core = alices.core
    root = core.accounts.create_user("root@example.com", "Root", PASSWORD, "admin")
    alices.worker()
    working = alices.start("fake-1@fault=hang", "Look at MARK-hang.")
    alices.is_asked("MARK-hang")
    core.people.suspend(root, alices.alice.id)
    assert alices.ended(working).status == "cancelled"

    # A page that was open may still write a run down: the worker has the last word.
    late = alices.start("fake-1", "Look at MARK-late.")
    ended = alices.ended(late)
    assert ended.status == "cancelled"
    assert ended.error is not None
    assert (ended.error.code, ended.error.message) == ("owner_inactive", SENTENCE)
    assert not [record for record in alices.fake.requests if "MARK-late" in record.markers]
    with core.db.transaction() as connection:
        connection.execute(update(users).where(users.c.id == alices.alice.id).values(is_active=True))
    assert alices.ended(alices.start()).status == "succeeded"
