"""Webhooks: made in a dialog that shows the secret once, followed and sent again on their page."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app import navigation
from core.accounts.models import User
from core.bootstrap import Core
from core.webhooks.models import NewWebhook, WebhookDraft
from tests.fakes.model_server import FakeModelServer
from tests.pages.conftest import Visit

Visitor = Callable[..., Visit]


@pytest.fixture
def hook(page_core: Core, alice: User, fake: FakeModelServer) -> NewWebhook:
    """One that leads to a server which answers 404."""
    url = f"http://127.0.0.1:{fake.port}/hook"
    return page_core.webhooks.add(alice, WebhookDraft("Alarms", url, ("run.failed", "key.failing")))


def test_alice_makes_one_and_sees_its_secret_once(visit: Visitor, page_core: Core, alice: User) -> None:
    page = visit(alice).open(navigation.WEBHOOKS)
    assert "No webhooks yet" in page.text
    page.press("webhooks_first").fill(webhooks_name="Alarms", webhooks_url="https://example.com/hook")
    assert "webhooks_organisation" not in [toggle.key for toggle in page.app.toggle]
    page.press_in_dialog("webhooks_first", "webhooks_add")
    (webhook,) = page_core.webhooks.list(alice)
    assert webhook.events == ("run.failed", "budget.reached", "key.failing")
    (shown,) = [code.value for code in page.app.code]
    assert shown.startswith("whsec_")
    page.rerun()
    assert ("Alarms" in page.text, shown in page.text) == (True, False)
    assert "example.com · Run failed, Budget used up, Key stopped working" in page.captions
    assert shown not in page.open(navigation.WEBHOOK, id=webhook.id).text


def test_what_is_wrong_gets_one_sentence(visit: Visitor, page_core: Core, alice: User) -> None:
    page = visit(alice).open(navigation.WEBHOOKS).press("webhooks_first")
    page.fill(webhooks_name="Alarms", webhooks_url="https://169.254.169.254/")
    page.press_in_dialog("webhooks_first", "webhooks_add")
    assert page.errors[0].startswith("This address is not allowed")
    assert page_core.webhooks.list(alice) == []


def test_a_test_is_sent_and_replayed_and_the_log_tells(
    visit: Visitor, page_core: Core, alice: User, hook: NewWebhook
) -> None:
    page = visit(alice).open(navigation.WEBHOOK, id=hook.webhook.id)
    assert "Nothing has been sent yet. Send a test to see whether it arrives." in page.captions
    page.press("webhook_test")
    page_core.webhook_courier.deliver_next()
    page.rerun()
    (delivery,) = page_core.webhook_deliveries.list(alice, hook.webhook.id).items
    assert any(caption.startswith("Answered 404") for caption in page.captions)
    assert "It answered with an error." in page.captions
    assert page.app.warning[0].value.startswith("The last deliveries did not arrive")
    assert delivery.id in page.text
    page.press(f"webhook_replay_{delivery.id}")
    assert page.toasts == ["It is on its way again."]
    page_core.webhook_courier.deliver_next()
    assert page.open(navigation.WEBHOOKS).captions[-1].startswith("Waiting")


def test_it_is_changed_rotated_turned_off_and_deleted(
    visit: Visitor, page_core: Core, alice: User, hook: NewWebhook
) -> None:
    of = hook.webhook.id
    page = visit(alice).open(navigation.WEBHOOK, id=of).press("webhook_edit")
    page.fill(**{f"webhook_name_{of}": "Renamed"}).press_in_dialog("webhook_edit", "webhook_save")
    assert page_core.webhooks.get(alice, of).name == "Renamed"
    page.rerun().press("webhook_rotate").press_in_dialog("webhook_rotate", "webhook_rotate_yes")
    fresh = [code.value for code in page.app.code if code.value.startswith("whsec_")]
    assert len(fresh) == 1
    assert fresh != [hook.secret.get_secret_value()]
    page.rerun().press("webhook_off")
    assert not page_core.webhooks.get(alice, of).is_active
    assert "webhook_test" not in [button.key for button in page.app.button]
    page.press("webhook_on")
    assert page_core.webhooks.get(alice, of).is_active
    page.press("webhook_delete").press_in_dialog("webhook_delete", "webhook_delete_yes")
    assert page_core.webhooks.list(alice) == []
    assert page.toasts == ["The webhook was deleted."]


def test_an_administrator_makes_one_for_everybodys_runs(visit: Visitor, page_core: Core, root: User) -> None:
    page = visit(root).open(navigation.WEBHOOKS).press("webhooks_first")
    page.fill(webhooks_name="All", webhooks_url="https://example.com/", webhooks_organisation=True)
    page.press_in_dialog("webhooks_first", "webhooks_add")
    (webhook,) = page_core.webhooks.list(root)
    assert webhook.is_organisation
    assert "Root vouches for it" in page.open(navigation.WEBHOOK, id=webhook.id).captions


def test_charlie_does_not_see_it(visit: Visitor, charlie: User, hook: NewWebhook) -> None:
    assert "No webhooks yet" in visit(charlie).open(navigation.WEBHOOKS).text
    page = visit(charlie).open(navigation.WEBHOOK, id=hook.webhook.id)
    assert page.errors == ["This webhook does not exist, or it is not yours."]
    assert "Alarms" not in page.text
