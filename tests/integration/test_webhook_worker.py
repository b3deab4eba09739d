"""A real worker that is killed while a receiver thinks: the delivery goes out again, under its id."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from threading import Event as Signal

from sqlalchemy import select, update

from core import clock
from core.bootstrap import build_core
from core.config import load_settings
from core.db.tables import webhook_deliveries
from core.security.sealing import KeyRing
from core.webhooks.models import WebhookDraft
from tests.conftest import PASSWORD
from tests.support.databases import SqliteTemplates
from tests.support.receiver import Answer, is_signed, receiver
from tests.support.worker import Worker, wait_until


def test_a_delivery_survives_kill_9_between_claim_and_answer(
    sqlite_templates: SqliteTemplates, tmp_path: Path
) -> None:
    held = Signal()
    with receiver() as far, sqlite_templates.fresh(tmp_path) as url:
        chosen = {
            "ZOARK_DATA_DIR": tmp_path,
            "ZOARK_REGISTRATION": "open",
            "ZOARK_ENDPOINT_ALLOWLIST": f"127.0.0.1:{far.port}",
            "ZOARK_MASTER_KEYS": KeyRing.generate().render(),
        }
        settings = load_settings(DATABASE_URL=url, **chosen)
        core = build_core(settings)
        alice = core.accounts.register("alice@example.com", "Alice", PASSWORD)
        hook = core.webhooks.add(alice, WebhookDraft("Hook", far.url, ("run.failed",)))
        far.answers = [Answer(200, hold=held)]
        sent = core.webhook_deliveries.test(alice, hook.webhook.id)
        with Worker(settings) as worker:
            wait_until(lambda: far.received, 200, "the first attempt")
            worker.kill()
        with core.db.transaction() as connection:
            row = connection.execute(select(webhook_deliveries)).one()
            assert (row.status, row.attempts) == ("sending", 1)
            # The minute passes after which a claim counts as lost.
            connection.execute(update(webhook_deliveries).values(claimed_at=clock.now() - timedelta(minutes=2)))
        assert core.work_is_waiting()
        with Worker(settings) as worker:
            wait_until(
                lambda: core.webhook_deliveries.get(alice, hook.webhook.id, sent.id).status == "delivered",
                200,
                "the second attempt",
            )
            assert worker.stop() == 0
        core.close()
        held.set()
    first, second = far.received
    assert (first.id, first.body) == (second.id, second.body) == (sent.id, sent.body.encode())
    assert all(is_signed(one, hook.secret.get_secret_value(), clock.now().timestamp()) for one in far.received)
