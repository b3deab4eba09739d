"""Approvals: who is asked sees what it is about and decides; who asked sees what became of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from app import navigation
from core.accounts.models import User
from core.approvals.models import Approval, Approver, Editable
from core.bootstrap import Core
from tests.conftest import PASSWORD
from tests.pages.conftest import Visit
from tests.support.asking import ask, person
from tests.support.stopped_clock import StoppedClock

Visitor = Callable[..., Visit]
Asking = Callable[..., Approval]


@pytest.fixture
def bob(page_core: Core) -> User:
    return page_core.accounts.create_user("bob@example.com", "Bob", PASSWORD, "member")


@pytest.fixture
def asking(page_core: Core, alice: User, bob: User) -> Asking:
    """Have a run of Alice's ask Bob."""
    return lambda **fields: ask(page_core, alice, **{"approver": person(bob), **fields})


def opened(visit: Visitor, user: User, approval: Approval) -> Visit:
    return visit(user).open(navigation.APPROVAL, id=approval.id)


def test_bob_reads_what_is_asked_and_approves(
    page_core: Core, visit: Visitor, alice: User, bob: User, asking: Asking
) -> None:
    asked = asking(message="Over the **limit**.", show={"vendor": "ACME"}, expires_hours=48.5)
    page = opened(visit, bob, asked)
    assert page.title == "Pay invoice 7?"
    origin = "Invoices · started by Alice · asked just now · 2 days left, until "
    assert any(caption.startswith(origin) for caption in page.captions)
    assert {"Over the **limit**.", "ACME"} <= {markdown.value for markdown in page.app.markdown}
    assert page.metrics == {"Cost so far": "$0", "May follow": "$0"}
    page.fill(**{f"approval_comment_{asked.id}": "Fine."}).press("approval_approve")
    assert not page.app.exception
    assert page.toasts == ["Approved. The run goes on."]
    assert [found.value for found in page.app.success] == ["You approved this just now."]
    assert "approval_approve" not in [button.key for button in page.app.button]
    assert page_core.approvals.get(alice, asked.id).comment == "Fine."
    assert "Open the run" not in page.links
    theirs = opened(visit, alice, asked)
    assert [found.value for found in theirs.app.success] == ["Bob approved this just now."]
    assert "Fine." in theirs.text
    assert "Open the run" in theirs.links


def test_bob_rejects(page_core: Core, visit: Visitor, bob: User, asking: Asking) -> None:
    asked = asking()
    page = opened(visit, bob, asked).press("approval_reject")
    assert page.errors == ["You rejected this just now."]
    assert page_core.approvals.get(bob, asked.id).status == "rejected"


@pytest.mark.parametrize(
    ("value", "typed", "result"),
    [
        ("ACME", "Acme Ltd", "Acme Ltd"),
        ("line\nline", "one line", "one line"),
        (5000, 4800, 4800),
        (12.125, 12.5, 12.5),
        (True, False, False),
        ([1, 2], "[1, 2, 3]", [1, 2, 3]),
        ({"a": {"b": 1}}, '{"a": {"b": 2}}', {"a": {"b": 2}}),
        ({"name": "a.csv", "media_type": "text/csv", "text": "a"}, "b", "b"),
        (2**60, str(2**60 + 1), 2**60 + 1),
        (None, "now something", "now something"),
    ],
)
def test_bob_edits_a_value_by_its_type(
    page_core: Core, visit: Visitor, bob: User, asking: Asking, value: Any, typed: Any, result: Any
) -> None:
    asked = asking(edit=Editable("total", value))
    page = opened(visit, bob, asked)
    page.fill(**{f"approval_value_{asked.id}": typed}).press("approval_approve")
    assert not page.errors
    decided = page_core.approvals.get(bob, asked.id)
    made = {**value, "text": result} if isinstance(value, dict) and "text" in value else result
    assert decided.value == made
    assert [found.value for found in page.app.success] == ["You approved this with an edited value just now."]
    assert not page.app.exception


@pytest.mark.parametrize("value", ["2026-11-30", 1.5, {"to": "Ann", "sum": 9}, [{"a": 1}], "", None])
def test_a_value_that_nobody_touches_is_not_edited(
    page_core: Core, visit: Visitor, bob: User, asking: Asking, value: Any
) -> None:
    asked = asking(edit=Editable("total", value))
    page = opened(visit, bob, asked).press("approval_approve")
    assert [found.value for found in page.app.success] == ["You approved this just now."]
    decided = page_core.approvals.get(bob, asked.id)
    assert (decided.value, decided.result) == (None, value)


def test_bob_edits_the_fields_of_an_object(page_core: Core, visit: Visitor, bob: User, asking: Asking) -> None:
    asked = asking(edit=Editable("invoice", {"to": "Ann", "sum": 9}))
    page = opened(visit, bob, asked).fill(**{f"approval_value_{asked.id}_sum": 8}).press("approval_approve")
    assert not page.errors
    assert page_core.approvals.get(bob, asked.id).result == {"to": "Ann", "sum": 8}


def test_bob_who_types_what_is_no_such_value_reads_why(visit: Visitor, bob: User, asking: Asking) -> None:
    asked = asking(edit=Editable("items", [1]))
    page = opened(visit, bob, asked)
    page.fill(**{f"approval_value_{asked.id}": "[1"}).press("approval_approve")
    assert page.errors == ["Enter a list, such as \\[1, 2\\]."]
    assert "Approve" in page.buttons


@pytest.mark.parametrize(
    "value",
    [
        "# text",
        '{"a": [1]}',
        5.25,
        False,
        None,
        [],
        ["a", "b"],
        [{"a": 1}, {"b": None}],
        {"a": "x", "b": None, "c": True},
        {"a": {"b": [1]}},
        {"name": "<b>.html", "media_type": "text/html", "text": "<script>alert(1)</script>" * 400},
        [[1], [2]],
    ],
)
def test_every_kind_of_value_is_shown(visit: Visitor, bob: User, asking: Asking, value: Any) -> None:
    page = opened(visit, bob, asking(show={"it": value}))
    assert not page.app.exception
    assert "**it**" in page.captions


def test_what_a_model_wrote_is_harmless(visit: Visitor, bob: User, asking: Asking) -> None:
    evil = "![x](http://evil.example/x.png) [y](http://evil.example) <script>x</script>"
    page = opened(visit, bob, asking(title=evil, message=evil, show={evil: evil, "row": {evil: evil}}))
    for element in (*page.app.markdown, *page.app.caption, *page.app.title):
        assert "](http" not in element.value
        assert "\\<script" in element.value or "<script" not in element.value


def test_alice_who_asked_reads_for_whom_it_waits(visit: Visitor, alice: User, asking: Asking) -> None:
    page = opened(visit, alice, asking())
    assert [found.value for found in page.app.info] == ["It waits for Bob."]
    assert "Approve" not in page.buttons
    own = asking(approver=Approver("role", "member"), is_other_person=True)
    told = opened(visit, alice, own).app.info[0].value
    assert told == "You started this run, so somebody else decides: Members."


def test_a_stranger_reads_nothing(visit: Visitor, charlie: User, asking: Asking) -> None:
    page = opened(visit, charlie, asking(message="Very secret."))
    assert page.errors == ["This approval does not exist, or it is not yours."]
    assert "secret" not in page.text
    listed = visit(charlie).open(navigation.APPROVALS)
    assert "Pay invoice" not in listed.text
    assert "No approvals yet" in listed.text


def test_an_approval_whose_time_is_over_says_so_before_the_worker_does(
    page_core: Core, visit: Visitor, bob: User, asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = asking(expires_hours=0.1)
    page = opened(visit, bob, asked)
    time = StoppedClock(monkeypatch)
    time.advance(seconds=361)
    page.press("approval_approve")
    assert "Nobody decided in time." in page.app.info[0].value
    assert page_core.approvals.get(bob, asked.id).is_open
    assert "Approve" not in page.buttons


def test_bob_who_comes_second_reads_who_was_first(
    page_core: Core, visit: Visitor, bob: User, charlie: User, asking: Asking
) -> None:
    asked = asking(approver=Approver("role", "member"))
    page = opened(visit, bob, asked)
    page_core.approvals.decide(charlie, asked.id, "reject", "Too dear.")
    page.press("approval_approve")
    assert page.errors == ["Charlie rejected this just now."]
    assert "Too dear." in page.text


def test_a_closed_approval_says_that_the_run_ended(
    page_core: Core, visit: Visitor, alice: User, bob: User, asking: Asking
) -> None:
    asked = asking(edit=Editable("total", 7))
    page_core.runs.cancel(alice, asked.run_id)
    page = opened(visit, bob, asked)
    assert "The run ended before anybody decided." in page.app.info[0].value
    assert "Closed" in page.text


def test_the_lists_tell_waiting_decided_and_asked_apart(
    page_core: Core, visit: Visitor, alice: User, bob: User, asking: Asking
) -> None:
    waiting, decided = asking(title="Waiting one", expires_hours=5.5), asking(title="Decided one")
    page_core.approvals.decide(bob, decided.id, "approve")
    page = visit(bob).open(navigation.APPROVALS)
    assert "**Waiting one**" in page.links
    assert "**Decided one**" not in page.links
    assert "Invoices · Alice asks you" in page.captions
    assert "just now · 5 h left" in page.captions
    page.fill(approvals_view="Decided").rerun()
    assert "**Decided one**" in page.links
    assert "**Waiting one**" not in page.links
    page.fill(approvals_view="Asked by me").rerun()
    assert "None of your runs has asked anybody yet." in page.captions
    theirs = visit(alice).open(navigation.APPROVALS)
    assert "Nothing waits for you." in theirs.captions
    theirs.fill(approvals_view="Asked by me").rerun()
    assert {"**Waiting one**", "**Decided one**"} <= set(theirs.links)
    assert "Invoices · You ask Bob" in theirs.captions
    assert waiting.id in theirs.text


def test_home_and_the_sidebar_count_what_waits(visit: Visitor, bob: User, charlie: User, asking: Asking) -> None:
    first = asking(title="Only one")
    page = visit(bob).open(navigation.HOME)
    assert "**One approval waits for you**" in page.text
    assert "Only one · Invoices" in page.captions
    assert page.press("home_decide").title == first.title
    asking()
    page = visit(bob).open(navigation.HOME)
    assert "**2 approvals wait for you**" in page.text
    assert page.press("home_decide").title == "Approvals"
    assert "wait for you" not in visit(charlie).open(navigation.HOME).text
