"""Audit and Workers: what administrators look at."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app import navigation
from core import clock
from core.accounts.models import User
from core.bootstrap import Core
from core.runs.models import Run, WorkerInfo
from tests.conftest import PASSWORD
from tests.pages.conftest import Visit

Visitor = Callable[..., Visit]


@pytest.fixture
def root(page_core: Core) -> User:
    return page_core.accounts.create_user("root@example.com", "Root", PASSWORD, "admin")


def column(page: Visit, name: str) -> list[str]:
    return list(page.app.dataframe[0].value[name])


def test_the_log_is_shown_searched_and_filtered(visit: Visitor, page_core: Core, root: User, alice: User) -> None:
    page_core.people.set_role(root, alice.id, "viewer")
    page = visit(root).open(navigation.AUDIT)
    assert column(page, "Action")[:2] == ["sign_in.succeeded", "user.role_changed"]
    assert "email: alice@example.com, from: member, to: viewer" in column(page, "Details")
    page.fill(audit_search="alice").rerun()
    assert set(column(page, "Person")) == {"alice@example.com"}
    page.fill(audit_search="", audit_action="user.role_changed").rerun()
    assert column(page, "Action") == ["user.role_changed"]
    assert "1 entries, newest first." in page.captions
    page.fill(audit_search="nothing like it").rerun()
    assert "No entry matches." in page.captions


def test_the_log_says_from_where(visit: Visitor, page_core: Core, root: User, alice: User) -> None:
    opener = f"people_suspend_{alice.id}"
    visit(root).open(navigation.PEOPLE).press(opener).press_in_dialog(opener, "people_suspend_yes")
    page = visit(root).open(navigation.AUDIT).fill(audit_action="user.suspended").rerun()
    assert column(page, "Address") == ["127.0.0.1"]


def test_workers_and_what_waits_are_shown(visit: Visitor, page_core: Core, root: User, run: Run) -> None:
    page = visit(root).open(navigation.WORKERS)
    assert "No worker is alive now" in [subheader.value for subheader in page.app.subheader]
    assert page.metrics == {"Worker": "None", "Queued": "1", "Running": "0", "Oldest queued": "just now"}
    at = clock.now()
    page_core.journal.worker_started(WorkerInfo("w1", "host-7", 4711, False, at, at, None))
    page_core.journal.begin(run.id)
    page.press("workers_refresh")
    assert (column(page, "Host"), column(page, "Process")) == (["host-7"], [4711])
    assert column(page, "Kind") == ["started by hand"]
    assert page.metrics == {"Worker": "1 running", "Queued": "0", "Running": "1", "Oldest queued": "–"}
