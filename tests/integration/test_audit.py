"""The audit log: one unbroken chain, written with the action or not at all."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from core import clock
from core.__main__ import main
from core.accounts.models import User
from core.audit import repository
from core.audit.origin import set_doer, set_origin
from core.bootstrap import Core
from core.db import Connection, Database
from core.db.tables import audit_head, audit_log
from core.errors import Conflict, Forbidden, SignInRefused
from tests.conftest import PASSWORD, Cast


@pytest.fixture
def admin(core: Core) -> User:
    return core.accounts.create_user("root@example.com", "Root", PASSWORD, "admin")


def count(core: Core) -> int:
    with core.db.read() as connection:
        return connection.execute(select(func.count()).select_from(audit_log)).scalar_one()


def found(core: Core, admin: User, words: str = "", action: str = "") -> list[tuple[str, str, str]]:
    since, until = clock.now() - timedelta(days=1), clock.now() + timedelta(seconds=1)
    entries = core.audit.search(admin, since, until, words, action)
    return [(entry.action, entry.actor_email, entry.result) for entry in entries]


def forge(core: Core, statement: Callable[[Connection], object]) -> None:
    """Change the log as somebody who owns the database can: without its triggers."""
    with core.db.transaction() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("ALTER TABLE audit_log DISABLE TRIGGER USER"))
        else:
            for name in ("no_update", "no_delete", "no_replace"):
                connection.execute(text(f"DROP TRIGGER audit_log_{name}"))
        statement(connection)


def test_the_log_is_read_page_by_page(core: Core, cast: Cast, admin: User) -> None:
    span = clock.now() - timedelta(days=1), clock.now() + timedelta(seconds=1)
    whole = core.audit.search(admin, *span)
    first = core.audit.search(admin, *span, limit=3)
    assert [*first, *core.audit.search(admin, *span, before=first[-1].seq)] == whole
    assert len(whole) > 3
    (registered,) = core.audit.search(admin, *span, "bob@", limit=2)
    assert core.audit.search(admin, *span, "bob@", before=registered.seq) == []


def test_signing_in_and_out_is_written_with_the_address(core: Core, cast: Cast, admin: User) -> None:
    set_origin("203.0.113.7", "agent")
    token = core.accounts.start_session(core.accounts.authenticate("alice@example.com", PASSWORD), "agent")
    core.accounts.end_session(token)
    core.accounts.end_session(token)
    with pytest.raises(SignInRefused):
        core.accounts.authenticate("alice@example.com", "wrong")
    with pytest.raises(SignInRefused):
        core.accounts.authenticate("nobody@example.com", "wrong")
    assert found(core, admin, "203.0.113.7") == [
        ("sign_in.refused", "nobody@example.com", "sign_in_refused"),
        ("sign_in.refused", "alice@example.com", "sign_in_refused"),
        ("sign_out", "alice@example.com", "ok"),
        ("sign_in.succeeded", "alice@example.com", "ok"),
    ]
    assert len(found(core, admin, action="user.registered")) == 4
    assert "sign_out" in core.audit.actions(admin)
    assert core.audit.verify().broken_at is None


@pytest.mark.parametrize("address", ["a\x00@example.com", "\ud800@example.com", "x" * 100_000, "%_\\"])
def test_what_a_stranger_types_does_not_break_the_chain(core: Core, admin: User, address: str) -> None:
    set_origin("1.2.3.4\x00", "\ud800")
    with pytest.raises(SignInRefused):
        core.accounts.authenticate(address, PASSWORD)
    check = core.audit.verify()
    assert (check.entries, check.broken_at) == (count(core), None)
    assert found(core, admin, "%_\\") == (
        [("sign_in.refused", "%_\\", "sign_in_refused")] if "%" in address else []
    )


def test_only_administrators_read_it(core: Core, cast: Cast) -> None:
    at = clock.now()
    for read in (core.audit.search, core.audit.export):
        with pytest.raises(Forbidden):
            read(cast.charlie, at, at)
    for ask in (core.audit.actions, core.audit.check):
        with pytest.raises(Forbidden):
            ask(cast.charlie)


def test_a_failed_action_leaves_no_entry(core: Core, cast: Cast, admin: User) -> None:
    before = count(core)
    failing: list[Callable[[], object]] = [
        lambda: core.people.set_role(admin, admin.id, "member"),
        lambda: core.people.suspend(admin, admin.id),
        lambda: core.departments.add(admin, "Sales"),
        lambda: core.accounts.register("alice@example.com", "Other", PASSWORD),
    ]
    for fail in failing:
        with pytest.raises(Conflict):
            fail()
    assert count(core) == before


def test_an_action_whose_entry_cannot_be_written_does_not_happen(
    core: Core, cast: Cast, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = core.accounts.start_session(cast.alice, "agent")
    before = core.people.list(admin), core.departments.all()

    def fail(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(repository, "append", fail)
    acts: list[Callable[[], object]] = [
        lambda: core.people.set_role(admin, cast.alice.id, "admin"),
        lambda: core.people.suspend(admin, cast.alice.id),
        lambda: core.sessions.end_others(cast.alice, None),
        lambda: core.accounts.end_session(token),
        lambda: core.accounts.start_session(cast.bob, "agent"),
        lambda: core.departments.add(admin, "Legal"),
        lambda: core.departments.delete(admin, "hr"),
        lambda: core.accounts.register("dora@example.com", "Dora", PASSWORD),
    ]
    for act in acts:
        with pytest.raises(OSError, match="full"):
            act()
    assert (core.people.list(admin), core.departments.all()) == before
    assert core.accounts.session_user(token) == cast.alice
    assert core.sessions.list(cast.bob) == []


def test_entries_of_many_at_once_form_one_chain(core: Core, cast: Cast) -> None:
    before = count(core)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: core.accounts.start_session(cast.alice, "agent"), range(40)))
    check = core.audit.verify()
    assert (check.entries, check.broken_at) == (before + 40, None)


@pytest.mark.parametrize(
    ("forgery", "broken_at"),
    [
        (lambda c: c.execute(update(audit_log).where(audit_log.c.seq == 2).values(result="other")), 2),
        (lambda c: c.execute(update(audit_log).where(audit_log.c.seq == 2).values(detail={"role": "admin"})), 2),
        (lambda c: c.execute(delete(audit_log).where(audit_log.c.seq == 2)), 3),
        (lambda c: c.execute(update(audit_log).where(audit_log.c.seq == 4).values(seq=5)), 5),
        (lambda c: _insert_copy(c, 4, 5), 5),
    ],
    ids=["changed", "detail changed", "removed", "renumbered", "inserted"],
)
def test_a_changed_removed_or_inserted_entry_is_found(
    core: Core, cast: Cast, admin: User, forgery: Callable[[Connection], object], broken_at: int
) -> None:
    assert (core.audit.verify().entries, core.audit.verify().broken_at) == (4, None)
    forge(core, forgery)
    assert core.audit.verify().broken_at == broken_at


def _insert_copy(connection: Connection, seq: int, copy: int) -> None:
    row = connection.execute(select(audit_log).where(audit_log.c.seq == seq)).one()
    connection.execute(insert(audit_log).values({**row._mapping, "seq": copy}))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_log SET result = 'ok' WHERE seq = 1",
        "DELETE FROM audit_log WHERE seq = 1",
        "DELETE FROM audit_log",
        "INSERT OR REPLACE INTO audit_log SELECT * FROM audit_log WHERE seq = 1",
        "TRUNCATE audit_log",
    ],
)
def test_the_database_itself_refuses_to_change_an_entry(core: Core, cast: Cast, statement: str) -> None:
    if ("OR REPLACE" in statement) != core.db.is_sqlite and ("TRUNCATE" in statement or "REPLACE" in statement):
        statement = "DELETE FROM audit_log"  # the other database's own way
    with pytest.raises(DBAPIError, match="append-only"), core.db.transaction() as connection:
        connection.execute(text(statement))
    assert core.audit.verify().broken_at is None


def test_the_command_says_whether_the_log_is_whole(
    core: Core, cast: Cast, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("core.commands.build_core", lambda: core)
    assert main(["audit", "verify"]) == 0
    assert capsys.readouterr().out == "The audit log is whole: 3 entries.\n"
    forge(core, lambda c: c.execute(delete(audit_log).where(audit_log.c.seq == 2)))
    assert main(["audit", "verify"]) == 1
    assert "broken at entry 3" in capsys.readouterr().out
    assert main(["audit-verify"]) == 64
    assert "python -m core audit verify [<seq>] [<mac>]" in capsys.readouterr().err


def test_the_command_looks_for_an_end_that_the_log_stream_once_heard_of(
    core: Core, cast: Cast, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever puts back an old database, seal and all, is found by what is kept elsewhere."""
    monkeypatch.setattr("core.commands.build_core", lambda: core)
    old = seal_row(core)
    core.accounts.start_session(cast.alice, "agent")
    told = core.audit.head()
    assert (told.seq, len(told.mac)) == (4, 64)
    heard = ["audit", "verify", str(told.seq), told.mac]
    core.accounts.start_session(cast.bob, "agent")
    assert main(heard) == 0
    forge(core, lambda c: c.execute(delete(audit_log).where(audit_log.c.seq > 3)))
    put_seal(core, **old)
    assert main(["audit", "verify"]) == 0  # by itself the database cannot know
    assert main(heard) == 1
    assert "The audit log was cut: entry 4 and those after it were removed." in capsys.readouterr().out
    core.accounts.start_session(cast.charlie, "agent")
    assert main(["audit", "verify"]) == 0
    assert main(heard) == 1
    for wrong in (["4"], ["four", told.mac], ["-1", told.mac]):
        assert main(["audit", "verify", *wrong]) == 2
    assert "Give number and MAC of an entry, or neither." in capsys.readouterr().err


def seal_row(core: Core) -> dict[str, object]:
    with core.db.read() as connection:
        return dict(connection.execute(select(audit_head)).mappings().one())


def put_seal(core: Core, **values: object) -> None:
    with core.db.transaction() as connection:
        connection.execute(update(audit_head).values(**values))


def cut(core: Core, after: int) -> None:
    forge(core, lambda c: c.execute(delete(audit_log).where(audit_log.c.seq > after)))


@pytest.mark.parametrize("left", [0, 1, 3])
def test_entries_that_were_cut_off_the_end_are_missed(core: Core, cast: Cast, admin: User, left: int) -> None:
    assert core.audit.check(admin).problem is None
    cut(core, left)
    check = core.audit.verify()
    assert (check.entries, check.broken_at, check.problem) == (left, left + 1, "cut")
    assert check.sentence == f"The audit log was cut: entry {left + 1} and those after it were removed."


def test_new_entries_do_not_grow_over_a_cut(core: Core, cast: Cast, admin: User) -> None:
    cut(core, 2)
    for grown in range(1, 5):
        core.accounts.start_session(cast.alice, "agent")
        check = core.audit.verify()
        assert check.problem == "cut"
        assert check.entries == min(2 + grown, 4)


@pytest.mark.parametrize(
    "forgery",
    [
        lambda core: put_seal(core, seal="0" * 64),
        lambda core: put_seal(core, seq=2),
        lambda core: _delete_seal(core),
        lambda core: _forge_end(core),
    ],
    ids=["seal changed", "number changed", "removed", "cut and written for what is left"],
)
def test_without_the_master_key_nobody_writes_the_seal(
    core: Core, cast: Cast, admin: User, forgery: Callable[[Core], object]
) -> None:
    forgery(core)
    assert core.audit.verify().problem == "unsealed"
    assert core.audit.verify().sentence.startswith("The seal of the newest entry is missing or forged")
    core.accounts.start_session(cast.alice, "agent")  # goes on, and seals nothing over
    assert core.audit.verify().problem == "unsealed"


def _delete_seal(core: Core) -> None:
    with core.db.transaction() as connection:
        connection.execute(delete(audit_head))


def _forge_end(core: Core) -> None:
    cut(core, 2)
    with core.db.read() as connection:
        mac = connection.execute(select(audit_log.c.mac).where(audit_log.c.seq == 2)).scalar_one()
    put_seal(core, seq=2, mac=mac)


def test_a_seal_of_before_is_no_licence_to_cut_later(core: Core, cast: Cast, admin: User) -> None:
    old = seal_row(core)
    core.accounts.start_session(cast.alice, "agent")
    put_seal(core, **old)
    assert core.audit.verify().problem == "unsealed"


def test_a_log_from_before_seals_is_adopted_once(core: Core, cast: Cast, admin: User) -> None:
    _delete_seal(core)
    core.audit.adopt()
    assert core.audit.verify().problem is None
    cut(core, 2)
    core.audit.adopt()
    assert core.audit.verify().problem == "cut"


def test_the_entry_says_who_acted_in_whose_name(core: Core, cast: Cast, admin: User) -> None:
    set_doer("worker", "run_42")
    core.departments.add(admin, "Legal")
    since, until = clock.now() - timedelta(hours=1), clock.now() + timedelta(seconds=1)
    (entry,) = core.audit.search(admin, since, until, action="department.added")
    assert (entry.actor_id, entry.actor_email, entry.on_behalf_of) == (admin.id, "worker", "root@example.com")
    assert entry.request_id == "run_42"
    assert [e.seq for e in core.audit.search(admin, since, until, "run_42")] == [entry.seq]
    assert [e.seq for e in core.audit.search(admin, since, until, "root@", "department.added")] == [entry.seq]
    assert core.audit.verify().problem is None
    forge(core, lambda c: c.execute(update(audit_log).where(audit_log.c.seq == entry.seq).values(on_behalf_of="")))
    assert core.audit.verify().broken_at == entry.seq


def test_a_command_is_in_the_log_as_the_command_line(
    core: Core, admin: User, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("core.commands.build_core", lambda: core)
    monkeypatch.setattr("builtins.input", lambda _: "second@example.com")
    monkeypatch.setattr("sys.stdin", io.StringIO(PASSWORD + "\n"))
    assert main(["create-admin"]) == 0
    since, until = clock.now() - timedelta(hours=1), clock.now() + timedelta(seconds=1)
    (entry,) = core.audit.search(admin, since, until, "second@example.com")
    assert (entry.actor_email, entry.on_behalf_of) == ("command line", "second@example.com")
    assert entry.request_id.startswith("req_")


def test_the_export_is_what_the_search_finds_and_no_formula(core: Core, cast: Cast, admin: User) -> None:
    with pytest.raises(SignInRefused):
        core.accounts.authenticate("=HYPERLINK(1)", "wrong")
    core.departments.rename(admin, "hr", "=1+1")
    since, until = clock.now() - timedelta(hours=1), clock.now() + timedelta(seconds=1)
    rows = exported(core, admin, since, until)
    assert [row["action"] for row in rows[:3]] == ["audit.exported", "department.renamed", "sign_in.refused"]
    assert rows[2]["actor_email"] == "'=hyperlink(1)"
    assert rows[1]["detail"] == '{"from": "HR", "to": "=1+1"}'
    assert len(rows) == count(core)
    only = exported(core, admin, since, until, "hyperlink", "sign_in.refused")
    assert [row["seq"] for row in only] == [rows[2]["seq"]]


def exported(core: Core, admin: User, *filters: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO("".join(core.audit.export(admin, *filters)))))


def test_a_long_export_comes_in_pieces_without_gaps(
    core: Core, cast: Cast, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.audit.service.EXPORT_BATCH", 7)
    for _ in range(20):
        core.accounts.start_session(cast.alice, "agent")
    since, until = clock.now() - timedelta(hours=1), clock.now() + timedelta(seconds=1)
    pieces = list(core.audit.export(admin, since, until))
    assert len(pieces) == 1 + 4  # the heading; 25 entries by seven
    rows = list(csv.DictReader(io.StringIO("".join(pieces))))
    assert [int(row["seq"]) for row in rows] == list(range(25, 0, -1))


def test_the_search_is_for_a_time_and_an_action(core: Core, cast: Cast, admin: User) -> None:
    assert core.audit.search(admin, clock.now(), clock.now() + timedelta(days=1)) == []
    assert found(core, admin, "bob", "user.registered") == [("user.registered", "bob@example.com", "ok")]
    assert isinstance(core.db, Database)
