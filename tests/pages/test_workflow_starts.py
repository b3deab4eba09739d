"""The view Starts of a workflow: schedules and triggers are made, rest, go on, and say how they do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from app import navigation
from core.accounts.models import User
from core.bootstrap import Core
from core.schedules.models import ScheduleDraft
from core.sharing.models import Grantee
from core.triggers.models import TriggerDraft
from tests.conftest import PASSWORD
from tests.pages.conftest import Visit
from tests.support.starts import published

Visitor = Callable[..., Visit]
DAILY = ScheduleDraft("Every morning", "0 9 * * *", "UTC", {"amount": 1})


@pytest.fixture
def workflow_id(page_core: Core, alice: User) -> str:
    return published(page_core, alice)


def starts(visit: Visitor, user: User, workflow_id: str) -> Visit:
    return visit(user).open(navigation.WORKFLOW, id=workflow_id, view="Starts")


def captions(page: Visit) -> str:
    return "\n".join(caption.value for caption in page.app.caption)


def test_alice_makes_a_schedule_and_sees_what_it_means(
    visit: Visitor, page_core: Core, alice: User, workflow_id: str
) -> None:
    page = starts(visit, alice, workflow_id).press("starts_new_schedule")
    page.fill(schedule_new_name="Early", schedule_new_zone="UTC", schedule_new_input_amount="5,000")
    page.press_in_dialog("starts_new_schedule", "schedule_new_save")
    (made,) = page_core.schedules.list(alice)
    assert (made.draft.name, made.draft.cron, made.draft.inputs["amount"]) == ("Early", "0 9 * * *", 5000)
    assert "At 09\\:00 (UTC)" in captions(page)


def test_a_wrong_input_is_said_in_the_dialog_and_nothing_is_made(
    visit: Visitor, page_core: Core, alice: User, workflow_id: str
) -> None:
    page = starts(visit, alice, workflow_id).press("starts_new_schedule")
    page.fill(schedule_new_name="Early", schedule_new_input_amount="many")
    page.press_in_dialog("starts_new_schedule", "schedule_new_save")
    assert page_core.schedules.list(alice) == []
    assert any("amount" in error.value for error in page.app.error)


def test_alice_lets_a_schedule_rest_and_go_on(
    visit: Visitor, page_core: Core, alice: User, workflow_id: str
) -> None:
    made = page_core.schedules.create(alice, workflow_id, DAILY)
    page = starts(visit, alice, workflow_id).press(f"schedule_pause_{made.id}")
    assert page_core.schedules.get(alice, made.id).paused_at
    page.press(f"schedule_go_on_{made.id}")
    assert page_core.schedules.get(alice, made.id).is_active


def test_alice_makes_a_trigger_and_sees_its_secret_once(
    visit: Visitor, page_core: Core, alice: User, workflow_id: str
) -> None:
    page = starts(visit, alice, workflow_id).press("starts_new_trigger")
    page.fill(trigger_new_name="Shop", trigger_new_of_amount="data.total")
    page.press_in_dialog("starts_new_trigger", "trigger_new_save")
    (made,) = page_core.triggers.list(alice)
    assert dict(made.draft.mapping) == {"amount": "data.total", "note": "note"}
    assert any(code.value.startswith("whsec_") for code in page.app.code)
    again = starts(visit, alice, workflow_id)
    assert not any("whsec_" in code.value for code in again.app.code)
    assert any(made.path in code.value for code in again.app.code)


def test_bob_who_may_run_it_sees_his_own_and_not_alices(
    visit: Visitor, page_core: Core, alice: User, workflow_id: str
) -> None:
    bob = page_core.accounts.create_user("bob@example.com", "Bob", PASSWORD, "member")
    page_core.schedules.create(alice, workflow_id, DAILY)
    page_core.triggers.create(alice, workflow_id, TriggerDraft("Alice’s hook"))
    page_core.sharing.grant(alice, "workflow", workflow_id, Grantee("person", bob.id), "run")
    page_core.schedules.create(bob, workflow_id, replace(DAILY, name="Bob’s"))
    page = starts(visit, bob, workflow_id)
    told = "\n".join(markdown.value for markdown in page.app.markdown)
    assert "Bob’s" in told
    assert "Every morning" not in told
    assert "Alice’s hook" not in told


def test_before_it_is_published_nothing_starts_it(visit: Visitor, page_core: Core, alice: User) -> None:
    made = page_core.workflows.create(alice, "New", "hr")
    page = starts(visit, alice, made.id)
    assert any("Publish the workflow first" in info.value for info in page.app.info)
