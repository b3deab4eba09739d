"""Audit and Workers: what administrators look at."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import pytest
from sqlalchemy import delete, text

from app import navigation
from app.ui import audit_export
from core import clock
from core.accounts.models import User
from core.audit.origin import note_doer, set_doer, set_origin
from core.bootstrap import Core
from core.db.tables import audit_log
from core.errors import Forbidden, StepUpRequired
from core.runs.models import Run, WorkerInfo
from tests.conftest import PASSWORD
from tests.pages.conftest import Visit
from tests.pages.test_two_factor import let_proofs_age

Visitor = Callable[..., Visit]


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


def test_the_log_is_verified_on_a_press(visit: Visitor, page_core: Core, root: User) -> None:
    page = visit(root).open(navigation.AUDIT).press("audit_verify")
    assert [success.value for success in page.app.success] == ["The audit log is whole: 2 entries."]
    with page_core.db.transaction() as connection:
        connection.execute(text("DROP TRIGGER audit_log_no_delete"))
        connection.execute(delete(audit_log).where(audit_log.c.seq == 2))
    page.press("audit_verify")
    assert page.errors == [
        "The audit log was cut: entry 2 and those after it were removed. "
        "Compare it with a backup and the log stream."
    ]


def test_who_acted_in_whose_name_is_shown(visit: Visitor, page_core: Core, root: User) -> None:
    set_doer("worker", "run_42")
    page_core.departments.add(root, "Legal")
    set_origin("", "")
    page = visit(root).open(navigation.AUDIT).fill(audit_search="run_42").rerun()
    shown = [column(page, name)[0] for name in ("Person", "On behalf of", "Action", "Request")]
    assert shown == ["worker", "root@example.com", "department.added", "run_42"]


def test_without_routes_the_export_is_a_download_after_a_proof(
    visit: Visitor, page_core: Core, root: User, alice: User
) -> None:
    page = visit(root).open(navigation.AUDIT).fill(audit_search="alice").rerun()
    let_proofs_age(page_core)
    page.press("audit_export")
    assert "Download" not in page.text
    page.fill(audit_export_step_up_secret=PASSWORD)
    page.press_in_dialog("audit_export", "audit_export_step_up_confirm")
    assert page.errors == []
    assert "Download" in page.text
    filters = audit_export.Filters(7, "alice", "")
    rows = list(csv.DictReader(io.StringIO(audit_export._file(page.token, filters))))
    assert {row["actor_email"] for row in rows} == {"alice@example.com"}
    let_proofs_age(page_core)
    with pytest.raises(StepUpRequired):
        audit_export._file(page.token, filters)
    with pytest.raises(Forbidden):
        audit_export._file(page_core.accounts.start_session(alice, "agent"), filters)


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


def test_what_a_token_did_names_the_token_and_its_owner(
    visit: Visitor, page_core: Core, root: User, alice: User
) -> None:
    token = page_core.tokens.create(alice, "Nightly", ["account:write"], 7).token
    note_doer(token.doer)
    page_core.tokens.revoke(alice, token.id)
    page = visit(root).open(navigation.AUDIT)
    page.fill(audit_search="Nightly").rerun()
    row = column(page, "Action").index("token.revoked")
    assert column(page, "Person")[row] == f"API token Nightly ({token.id})"
    assert column(page, "On behalf of")[row] == alice.email
