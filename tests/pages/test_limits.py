"""Limits: set by administrators and owners of keys, seen by everybody they hold for."""

from __future__ import annotations

from collections.abc import Callable

from app import navigation
from core.accounts.models import User
from core.bootstrap import Core
from core.keys.models import Key
from core.quotas.models import EVERY, Allowance, QuotaLine
from core.runs.models import Run
from tests.pages.conftest import Visit
from tests.pages.test_step_up import asks, confirm
from tests.pages.test_two_factor import let_proofs_age
from tests.support.stub_queue import a_worker

Visitor = Callable[..., Visit]


def lines(core: Core, actor: User) -> list[tuple[str, Allowance]]:
    return [(line.subject.name, line.quota.allowance) for line in core.quotas.list(actor) if line.subject]


def subject_of(core: Core, actor: User, name: str) -> object:
    return next(subject for subject in core.quotas.subjects(actor) if subject.name == name)


def only(core: Core, actor: User) -> QuotaLine:
    (line,) = core.quotas.list(actor)
    return line


def test_an_administrator_sets_changes_and_removes_a_limit(visit: Visitor, page_core: Core, root: User) -> None:
    page = visit(root).open(navigation.LIMITS)
    assert "Nothing is limited" in page.text
    page.press("limits_first").fill(
        limits_subject=subject_of(page_core, root, "Every person"), limits_requests_new=60, limits_runs_new=3
    )
    page.press_in_dialog("limits_first", "limits_add")
    assert lines(page_core, root) == [("Every person", Allowance(60, None, 3))]
    page.rerun()
    assert "60 requests a minute · 3 runs at once" in [markdown.value for markdown in page.app.markdown]
    quota_id = only(page_core, root).quota.id
    edit = f"limits_edit_{quota_id}"
    page.press(edit).fill(**{f"limits_runs_{quota_id}": None, f"limits_tokens_{quota_id}": 1})
    page.press_in_dialog(edit, "limits_save")
    assert lines(page_core, root) == [("Every person", Allowance(60, 1, None))]
    page.press(f"limits_remove_{quota_id}").press_in_dialog(f"limits_remove_{quota_id}", "limits_remove_yes")
    assert page_core.quotas.list(root) == []


def test_what_is_missing_gets_one_sentence(visit: Visitor, page_core: Core, root: User) -> None:
    page = visit(root).open(navigation.LIMITS).press("limits_first")
    page.press_in_dialog("limits_first", "limits_add")
    assert page.errors == ["Choose whom the limit is for."]
    page.fill(limits_subject=subject_of(page_core, root, "Every key")).press_in_dialog("limits_first", "limits_add")
    assert page.errors == ["Enter at least one limit, or remove the rule."]
    assert page_core.quotas.list(root) == []


def test_alice_limits_her_key_and_sees_what_holds_for_her(
    visit: Visitor, page_core: Core, root: User, alice: User, key: Key
) -> None:
    page_core.quotas.put(root, "person", EVERY, Allowance(concurrent_runs=2))
    page = visit(alice).open(navigation.LIMITS)
    assert "Every person" in page.text
    assert page.buttons.count("Edit") == page.buttons.count("Remove") == 0
    page.press("limits_new").fill(limits_subject=subject_of(page_core, alice, "Fake"), limits_tokens_new=5_000)
    page.press_in_dialog("limits_new", "limits_add")
    assert lines(page_core, alice)[1] == ("Fake", Allowance(tokens_per_minute=5_000))
    assert visit(alice).open(navigation.LIMITS).buttons.count("Edit") == 1


def test_charlie_without_a_key_can_set_nothing(visit: Visitor, charlie: User) -> None:
    page = visit(charlie).open(navigation.LIMITS)
    assert "No limit is set that holds for you" in page.text
    assert "New limit" not in page.buttons


def test_an_old_proof_is_asked_for_before_a_limit_is_removed(visit: Visitor, page_core: Core, root: User) -> None:
    quota = page_core.quotas.put(root, "person", EVERY, Allowance(concurrent_runs=2))
    remove = f"limits_remove_{quota.id}"
    page = visit(root).open(navigation.LIMITS).press(remove)
    let_proofs_age(page_core)
    page.press_in_dialog(remove, "limits_remove_yes")
    assert asks(page)
    assert only(page_core, root).quota == quota
    confirm(page, "limits_remove", remove)
    assert page_core.quotas.list(root) == []


def test_a_queued_run_says_what_it_waits_for(
    visit: Visitor, page_core: Core, root: User, alice: User, run: Run
) -> None:
    a_worker(page_core, slots=1)
    page_core.runs.dispatch.begin_next()
    assert run.agent_id is not None
    second = page_core.runs.start_agent_run(alice, run.agent_id, "Another one.")
    third = page_core.runs.start_agent_run(alice, run.agent_id, "And another one.")

    def said(of: Run) -> list[str]:
        return [info.value for info in visit(alice).open(navigation.RUN, id=of.id).app.info]

    assert said(run) == said(second) == ["Waiting for a free worker."]
    assert said(third) == ["One run is ahead of yours."]
    page_core.quotas.put(root, "person", alice.id, Allowance(concurrent_runs=1))
    assert said(second) == ["1 of your runs is working; the limit is 1."]


def test_the_trace_says_what_a_call_waits_for(visit: Visitor, page_core: Core, alice: User, run: Run) -> None:
    page_core.journal.begin(run.id)
    page_core.journal.event(run.id, "node_started", "agent", {})
    limit = {"limit": "this key's limit of 60 requests a minute", "wait_seconds": 12.5}
    page_core.journal.event(run.id, "model_call_waiting", "agent", limit)

    def shown() -> str:
        page = visit(alice).open(navigation.RUN, id=run.id)
        return next(item.value for item in page.app.markdown if "limit" in item.value)

    assert shown() == ":material/info: **Waiting: this key's limit of 60 requests a minute**"
    page_core.journal.event(run.id, "model_call_started", "agent", {"call_id": "call_1", "model": "fake-1"})
    assert shown() == ":material/info: **Waited: this key's limit of 60 requests a minute**"
