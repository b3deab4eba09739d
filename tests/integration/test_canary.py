"""No secret comes to rest anywhere: after good and bad runs of a real worker, every table, every file and every
line of output is searched for the key, the master key and the password."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import create_engine, inspect, text

from core.runs.models import Run
from core.runs.queue import system_database_url
from core.webhooks.models import EVENTS, WebhookDraft
from core.webhooks.signing import PREFIX
from tests.fakes import breakdowns, openai_wire
from tests.fakes.behaviour import Options
from tests.fakes.http import Reply
from tests.support.worker import PASSWORD, Desk, desk, wait_until

# Nothing but its value says that this is a key: the shapes that the redactor knows do not help here.
CANARY = "zk7Qx9canaryW2m4Vb8tRp3Lk6Yd1Hs5"
MASK = "[secret]"
ECHO = f"Your key is {CANARY}, I mean ({CANARY}).\nWell."


@dataclass(frozen=True)
class Needle:
    """A secret in every form in which it could lie around."""

    name: str
    forms: tuple[bytes, ...]

    @classmethod
    def of(cls, name: str, secret: bytes) -> Needle:
        return cls(name, (secret, base64.b64encode(secret).rstrip(b"="), secret.hex().encode()))

    def is_in(self, hay: bytes) -> bool:
        return any(form in hay for form in self.forms)


@dataclass(frozen=True)
class Day:
    """What Alice did in a day with one worker, and what it left behind."""

    at: Desk
    good: Run
    echoed: Run
    failed: dict[str, Run]
    with_tool: Run
    folder: Path
    output: bytes
    of_webhook: tuple[SecretStr, ...]

    def runs(self) -> list[Run]:
        return [self.good, self.echoed, self.with_tool, *self.failed.values()]

    def needles(self) -> list[Needle]:
        (master,) = self.at.core.ring.masters.values()
        return [
            Needle.of("the key", CANARY.encode()),
            Needle.of("the master key", master),
            Needle.of("the password", PASSWORD.encode()),
            *(Needle.of("a webhook's", one.get_secret_value()[len(PREFIX) :].encode()) for one in self.of_webhook),
        ]


def echoing_refusal(self: object, fault: str, model: str, key: str) -> tuple[int, dict[str, Any]]:
    """Refuse as careless gateways do: with the whole key in the message."""
    status = {"401": 401, "403": 403, "500": 500}[fault]
    message = f"No access with {key}; the header was 'Authorization: Bearer {key}'."
    return status, {"error": {"message": message, "type": "error", "code": f"refused_{key}"}}


async def echoing_breakdown(fault: str, reply: Reply, options: Options) -> None:
    """An error page that repeats the request."""
    await reply.send(200, f"<html>Bad gateway for {CANARY}</html>".encode(), "text/html")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def day(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    folder = tmp_path_factory.mktemp(request.param)
    name = "sqlite_templates" if request.param == "sqlite" else "postgres_templates"
    with (
        pytest.MonkeyPatch.context() as patch,
        request.getfixturevalue(name).fresh(folder) as url,
        desk(url, folder, CANARY, ZOARK_ADMIN_PASSWORD=PASSWORD) as at,
    ):
        patch.setattr(openai_wire.OpenAIWire, "refusal", echoing_refusal)
        patch.setattr("tests.fakes.exchange.break_down", echoing_breakdown)
        assert breakdowns.break_down is not echoing_breakdown
        yield a_day(at, folder)


def a_day(at: Desk, folder: Path) -> Day:
    # It is called, signed, and answers with an error.
    hook = at.core.webhooks.add(at.alice, WebhookDraft("Hook", f"http://127.0.0.1:{at.fake.port}/hook", EVENTS))
    fresh = at.core.webhooks.rotate_secret(at.alice, hook.webhook.id)
    worker = at.worker()
    options = at.fake.options
    at.core.keys.test(at.alice, at.key.id)
    good = at.ended(at.start("fake-1", "Look at MARK-1."))

    # The model repeats the key in pieces of three letters; it takes longer than text is kept back for.
    options.text, options.chunks, options.gap = ECHO, 40, 30
    echoed = at.ended(at.start("fake-1"))
    options.text, options.chunks, options.gap = "", 5, 0

    # The model hands the key to a tool, which fails and quotes it.
    options.tool, options.toolname = 2, "current_date"
    options.args = json.dumps({"time_zone": CANARY})
    with_tool = at.ended(at.start("fake-1", tools=("current_date",)))
    options.tool, options.toolname, options.args = 0, "", ""

    faults = ("401", "403", "500", "badjson")
    failed = {fault: at.start(f"fake-1@fault={fault}") for fault in faults}
    failed = {fault: at.ended(run) for fault, run in failed.items()}
    at.core.keys.test(at.alice, at.key.id)
    log = at.core.webhook_deliveries
    wait_until(lambda: log.list(at.alice, hook.webhook.id).items[-1].attempts, 30, "the first delivery")
    assert worker.stop() == 0
    secrets = (hook.secret, fresh.secret)
    return Day(at, good, echoed, failed, with_tool, folder, worker.output.encode(), secrets)


def cells(url: str) -> Iterator[tuple[str, bytes]]:
    """Give every cell of every table as it is stored, with where it is."""
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            inspector = inspect(connection)
            for schema in inspector.get_schema_names():
                if schema in ("information_schema", "pg_catalog"):
                    continue
                for table in inspector.get_table_names(schema):
                    for row in connection.execute(text(f'SELECT * FROM "{schema}"."{table}"')).mappings():
                        yield from ((f"{schema}.{table}.{name}", as_bytes(row[name])) for name in row)
    finally:
        engine.dispose()


def as_bytes(value: object) -> bytes:
    if isinstance(value, bytes | memoryview):
        return bytes(value)
    return (json.dumps(value) if isinstance(value, dict | list) else str(value)).encode()


def test_the_day_went_as_planned(day: Day) -> None:
    assert day.good.status == day.echoed.status == day.with_tool.status == "succeeded"
    codes = {fault: run.error.code for fault, run in day.failed.items() if run.error}
    assert codes == {
        "401": "bad_key",
        "403": "key_forbidden",
        "500": "provider_error",
        "badjson": "bad_response",
    }
    assert {record.key for record in day.at.fake.chats} == {CANARY}
    tools = [event.data for event in day.at.events(day.with_tool) if event.kind == "tool_finished"]
    assert [data["ok"] for data in tools] == [False, False]


def test_no_table_has_a_secret(day: Day) -> None:
    urls = {day.at.settings.database, system_database_url(day.at.settings)}
    found = [(where, cell) for url in urls for where, cell in cells(url)]
    tables = {where.rpartition(".")[0] for where, _ in found}
    assert any(table.endswith("run_events") for table in tables)
    assert any(table.endswith("workflow_status") for table in tables)
    assert any(table.endswith("webhook_deliveries") for table in tables)
    assert any(table.endswith("operation_outputs") for table in tables)
    for needle in day.needles():
        assert [where for where, cell in found if needle.is_in(cell)] == [], needle.name


def test_no_file_has_a_secret(day: Day) -> None:
    files = [path for path in day.folder.rglob("*") if path.is_file() and path.name != "master.keys"]
    assert files
    for needle in day.needles():
        assert [path for path in files if needle.is_in(path.read_bytes())] == [], needle.name


def test_the_worker_says_no_secret(day: Day) -> None:
    assert b"ready" in day.output
    for needle in day.needles():
        assert not needle.is_in(day.output), needle.name


def test_no_event_or_answer_has_a_secret(day: Day) -> None:
    for run in day.runs():
        told = json.dumps([dict(event.data) for event in day.at.events(run)]) + repr(run)
        assert CANARY not in told


def test_a_key_that_the_model_repeats_is_masked_even_across_pieces(day: Day) -> None:
    assert day.echoed.output is not None
    masked = ECHO.replace(CANARY, MASK)
    assert day.echoed.output == masked
    pieces = [event.data["text"] for event in day.at.events(day.echoed) if event.kind == "model_text"]
    assert "".join(pieces) == masked
    assert len(pieces) > 1, "it was shown while it arrived"
    (finished,) = [event.data for event in day.at.events(day.echoed) if event.kind == "node_finished"]
    assert finished["output"] == masked


def test_a_key_that_the_model_hands_to_a_tool_is_masked(day: Day) -> None:
    events = day.at.events(day.with_tool)
    arguments = [event.data["arguments"] for event in events if event.kind == "tool_started"]
    assert arguments == [{"time_zone": MASK}] * 2
    results = [event.data["result"] for event in events if event.kind == "tool_finished"]
    assert all(MASK in result for result in results)


def test_a_failure_keeps_its_own_sentence(day: Day) -> None:
    """What the provider wrote is not shown: it may quote anything."""
    for run in day.failed.values():
        assert run.error is not None
        assert "No access with" not in run.error.message
