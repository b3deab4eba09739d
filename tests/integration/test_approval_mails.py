"""Those who may decide are written to, once and once again; whoever asked hears what became of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.approvals.letters import plain, quoted
from core.approvals.models import MAX_TOLD, Approver, Editable, Request
from core.bootstrap import Core
from core.config import Settings
from core.runs import repository
from core.security.redact import register_secret
from tests.conftest import Cast
from tests.support.asking import NODE, a_waiting_run, ask, person
from tests.support.mailbox import MemoryTransport, with_mail
from tests.support.stopped_clock import StoppedClock


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return with_mail(settings)


def mails(core: Core, post: MemoryTransport) -> list[tuple[str, str, str]]:
    """Return recipient, subject and text of what has gone out since the last time."""
    while core.outbox.deliver_next():
        pass
    sent, post.sent = post.sent, []
    return [(mail.recipient, mail.subject, mail.body.get_secret_value()) for mail in sent]


@pytest.fixture
def post(core: Core, cast: Cast) -> MemoryTransport:
    core.mail.transport = MemoryTransport()
    mails(core, core.mail.transport)
    return core.mail.transport


def test_bob_who_is_asked_reads_what_about_until_when_and_where(
    core: Core, cast: Cast, post: MemoryTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    StoppedClock(monkeypatch)
    shown = {"vendor": "ACME", "lines": ["a", "b"]}
    asked = ask(
        core,
        cast.alice,
        person(cast.bob),
        message="Over the limit.\nPlease check.",
        show=shown,
        edit=Editable("amount", 7),
        expires_hours=24,
    )
    ((recipient, subject, text),) = mails(core, post)
    assert (recipient, subject) == ("bob@example.com", "Approval: Pay invoice 7?")
    assert "A run of “Invoices”, which Alice started, waits for your decision: Pay invoice 7?" in text
    assert "    Over the limit.\n    Please check." in text
    assert 'vendor:\n    ACME\n\nlines:\n    [\n      "a",\n      "b"\n    ]\n\namount:\n    7\n' in text
    assert "Cost of the run so far: $0.00. What may follow: about $0.00." in text
    assert asked.expires_at is not None
    assert f"until {asked.expires_at:%Y-%m-%d at %H:%M} UTC" in text
    assert f"\nhttps://zoark.example.com/approval?id={asked.id}\n" in text


def test_asking_again_writes_no_second_mail(core: Core, cast: Cast, post: MemoryTransport) -> None:
    run = a_waiting_run(core, cast.alice)
    for _ in range(3):
        core.approvals.ask(run, NODE, Request("Go on?", person(cast.bob)))
    assert [recipient for recipient, _, _ in mails(core, post)] == ["bob@example.com"]


def test_a_department_is_written_to_but_not_its_viewers_nor_who_started_it(
    core: Core, cast: Cast, post: MemoryTransport
) -> None:
    root = core.accounts.create_user("root@example.com", "Root", "correct horse battery staple", "admin")
    for user in (cast.alice, cast.bob, cast.charlie):
        core.people.set_department(root, user.id, "finance")
    core.people.set_role(root, cast.charlie.id, "viewer")
    mails(core, post)
    ask(core, cast.alice, Approver("department", "finance"), is_other_person=True)
    assert [recipient for recipient, _, _ in mails(core, post)] == ["bob@example.com"]
    ask(core, cast.alice, Approver("department", "finance"))
    assert [recipient for recipient, _, _ in mails(core, post)] == ["alice@example.com", "bob@example.com"]


def test_of_a_large_role_so_many_are_written_to(core: Core, cast: Cast, post: MemoryTransport) -> None:
    for number in range(MAX_TOLD):
        core.accounts.create_user(f"m{number}@example.com", "M", "correct horse battery staple", "member")
    mails(core, post)
    ask(core, cast.alice, Approver("role", "member"))
    assert len(mails(core, post)) == MAX_TOLD


def test_bob_is_reminded_once(
    core: Core, cast: Cast, post: MemoryTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    time = StoppedClock(monkeypatch)
    asked = ask(core, cast.alice, person(cast.bob), remind_hours=4)
    mails(core, post)
    time.advance(seconds=4 * 3600 - 1)
    assert core.approvals.sweep() == 0
    time.advance(seconds=1)
    assert core.approvals.next_due_at() == time()
    assert (core.approvals.sweep(), core.approvals.sweep()) == (1, 0)
    ((recipient, subject, _),) = mails(core, post)
    assert (recipient, subject) == ("bob@example.com", "Reminder: Pay invoice 7?")
    assert core.approvals.get(cast.bob, asked.id).is_open
    assert core.approvals.next_due_at() is None


def test_who_has_decided_is_not_reminded(
    core: Core, cast: Cast, post: MemoryTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    time = StoppedClock(monkeypatch)
    asked = ask(core, cast.alice, person(cast.bob), remind_hours=4)
    core.approvals.decide(cast.bob, asked.id, "approve")
    mails(core, post)
    time.advance(seconds=5 * 3600)
    assert core.approvals.sweep() == 0
    assert mails(core, post) == []


def test_alice_hears_what_bob_decided(core: Core, cast: Cast, post: MemoryTransport) -> None:
    asked = ask(core, cast.alice, person(cast.bob), edit=Editable("amount", 7))
    mails(core, post)
    core.approvals.decide(cast.bob, asked.id, "approve", "Less is enough.", 6)
    ((recipient, subject, text),) = mails(core, post)
    assert (recipient, subject) == ("alice@example.com", "Approved: Pay invoice 7?")
    assert "Bob approved this with an edited value." in text
    assert "    Less is enough.\n" in text


def test_alice_hears_that_nobody_decided_and_nothing_of_her_own_decision(
    core: Core, cast: Cast, post: MemoryTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    time = StoppedClock(monkeypatch)
    ask(core, cast.alice, person(cast.bob), expires_hours=1)
    own = ask(core, cast.alice, person(cast.alice))
    core.approvals.decide(cast.alice, own.id, "reject")
    mails(core, post)
    time.advance(seconds=3600)
    core.approvals.sweep()
    ((recipient, subject, text),) = mails(core, post)
    assert (recipient, subject) == ("alice@example.com", "Expired: Pay invoice 7?")
    assert "Nobody decided in time" in text


def test_what_a_model_says_forges_neither_subject_nor_link_nor_secret(
    core: Core, cast: Cast, post: MemoryTransport
) -> None:
    register_secret("zk-Secret-0123456789")
    evil = "<b>x</b>\r\nBcc: eve@example.com\x00\u202e https://evil.example/a www.evil.example zk-Secret-0123456789"
    ask(
        core,
        cast.alice,
        person(cast.bob),
        title=evil,
        message=evil + "\n-- \nZoark",
        show={evil: {evil: evil}, "long": "y" * 90_000, "more": "z" * 90_000, "most": "q" * 90_000},
    )
    ((recipient, subject, text),) = mails(core, post)
    assert recipient == "bob@example.com"
    assert "\n" not in subject
    assert "\r" not in subject
    for word in ("https://evil", "www.evil", "zk-Secret", "\x00", "\u202e"):
        assert word not in subject + text
    assert text.count("https://") == 1
    assert len(text) < 8_000
    assert "\n-- \nZoark\n" not in text.removesuffix("-- \nZoark, the AI-agent desk of your company\n")


def test_nothing_is_written_where_mail_is_not_set_up(
    core: Core, cast: Cast, post: MemoryTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core.mail, "transport", None)
    asked = ask(core, cast.alice, person(cast.bob))
    assert core.approvals.decide(cast.bob, asked.id, "approve").status == "approved"


def test_a_run_that_goes_on_writes_again(core: Core, cast: Cast, post: MemoryTransport) -> None:
    run = a_waiting_run(core, cast.alice)
    asked = core.approvals.ask(run, NODE, Request("Go on?", person(cast.bob)))
    core.journal.cancelled(run.id)
    mails(core, post)
    again = replace(a_waiting_run(core, cast.alice), id=run.id)
    with core.db.transaction() as connection:
        repository.change_status(connection, run.id, ("cancelled",), status="running")
    assert core.approvals.ask(again, NODE, Request("Go on?", person(cast.bob))).id == asked.id
    assert [recipient for recipient, _, _ in mails(core, post)] == ["bob@example.com"]


def test_text_is_cut_and_set_in() -> None:
    assert plain("  a\n b\tc ", 10) == "a b c"
    assert plain("abcdef", 4) == "abc…"
    assert quoted("a\r\nb", 10) == "    a\n    b"
    assert quoted(" \n ", 10) == ""
