"""No secret comes to rest anywhere: a key of every kind is added, tested and used, and every server repeats it.

What is left behind is searched for the keys, the master key and the password: see ``WAYS_OUT``. A new kind of key
is in by itself, as soon as ``tests.support.key_stage`` has a fake of what it leads to.
"""

from __future__ import annotations

import base64
import io
import json
import logging
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, redirect_stderr, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import create_engine, inspect, text

from app.http.statement_print import as_html
from core import clock, months
from core.accounts.models import User
from core.errors import CoreError
from core.keys.kind import Kind
from core.keys.model_kind import ModelKind
from core.keys.models import Key, KeyDraft, KeyTest
from core.keys.registry import all_kinds
from core.llm.registry import all_providers
from core.logs import get_logger
from core.runs.models import Run
from core.runs.queue import system_database_url
from core.webhooks.models import EVENTS, WebhookDraft
from core.webhooks.signing import PREFIX
from tests.fakes import breakdowns
from tests.fakes.behaviour import Options
from tests.fakes.http import Reply
from tests.fakes.wire import find_wires
from tests.support.key_stage import PATHS, Stage, stage_of
from tests.support.worker import PASSWORD, Desk, desk, wait_until

# Nothing but its value says that this is a key: the shapes that the redactor knows do not help here.
CANARY = "zk7Qx9canaryW2m4Vb8tRp3Lk6Yd1Hs5"
MASK = "[secret]"
ECHO = "Your key is {key}, I mean ({key}).\nWell."

KINDS = [kind for kind in all_kinds().values() if kind.asks_secret]
SERVICES = [kind.name for kind in KINDS if not isinstance(kind, ModelKind)]


def canary_of(kind: Kind) -> str:
    """Return the secret of a kind, as unlike the others as two keys are."""
    mixed = base64.b32encode(kind.name.encode()).decode().strip("=").swapcase()
    return f"zk{len(mixed)}Kd{mixed}W2m4{mixed[::-1]}Vb8t"


@dataclass(frozen=True)
class Needle:
    """A secret in every form in which it could lie around."""

    name: str
    forms: tuple[bytes, ...]

    @classmethod
    def of(cls, name: str, secret: bytes) -> Needle:
        # In base64 it looks different at each of three places in what is encoded.
        shifted = ((skip, base64.b64encode(b" " * place + secret)) for place, skip in ((0, 0), (1, 2), (2, 3)))
        encoded = [whole.rstrip(b"=")[skip:-1] for skip, whole in shifted]
        return cls(name, (secret, secret.hex().encode(), *encoded))

    def is_in(self, hay: bytes) -> bool:
        return any(form in hay for form in self.forms)


@dataclass(frozen=True)
class Overheard:
    """A noun of the core: what its methods return and raise is written down."""

    noun: Any
    said: list[str]

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*given: Any) -> Any:
            try:
                value = getattr(self.noun, name)(*given)
            except CoreError as error:
                told = "".join(traceback.format_exception(error))
                self.said.append(f"{told} {error!r} {error} {error.sentence} {vars(error)}")
                raise
            self.said.append(f"{value!r} {value}")
            return value

        return call


@dataclass
class OfKind:
    """What became of the key of one kind."""

    kind: Kind
    key: Key
    tested: list[KeyTest] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)


@dataclass
class Day:
    """What Alice and the administrator did in a day with one worker, and what it left behind."""

    at: Desk
    root: User
    folder: Path
    stages: Mapping[str, Stage]
    said: list[str] = field(default_factory=list)
    log: io.StringIO = field(default_factory=io.StringIO)
    output: bytes = b""
    of_webhook: tuple[SecretStr, ...] = ()
    kinds: dict[str, OfKind] = field(default_factory=dict)

    good: Run = field(init=False)
    echoed: Run = field(init=False)
    with_tool: Run = field(init=False)
    failed: dict[str, Run] = field(init=False)

    def hear(self, noun: object) -> Any:
        return Overheard(noun, self.said)

    def runs(self) -> list[Run]:
        return [self.good, self.echoed, self.with_tool, *self.failed.values()]

    def needles(self) -> list[Needle]:
        (master,) = self.at.core.ring.masters.values()
        return [
            Needle.of("the key", CANARY.encode()),
            Needle.of("the master key", master),
            Needle.of("the password", PASSWORD.encode()),
            *(Needle.of(f"the key of {kind.label}", canary_of(kind).encode()) for kind in KINDS),
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
    log = io.StringIO()
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        stages = {
            kind.name: stack.enter_context(stage_of(kind, canary_of(kind)))
            for kind in KINDS
            if kind.name in SERVICES
        }
        url = stack.enter_context(request.getfixturevalue(name).fresh(folder))
        stack.enter_context(redirect_stderr(log))
        fixed = {"ZOARK_ADMIN_PASSWORD": PASSWORD, "ZOARK_BASE_URL": "https://zoark.example.com"}
        at = stack.enter_context(
            desk(url, folder, CANARY, allow=[stage.host for stage in stages.values()], **fixed)
        )
        for wire in find_wires():
            patch.setattr(type(wire), "refusal", echoing_refusal)
        patch.setattr("tests.fakes.exchange.break_down", echoing_breakdown)
        assert breakdowns.break_down is not echoing_breakdown
        # Providers with an address of their own are led to the fake, as no form can.
        for provider in all_providers().values():
            if provider.default_base_url.startswith("https://"):
                patch.setattr(type(provider), "default_base_url", model_url(at, provider.name))
        root = at.core.accounts.create_user("root@example.com", "Root", PASSWORD, "admin")
        made = Day(at, root.proven(clock.now()), folder, stages, log=log)
        keys_of_every_kind(made)
        a_day(made)
        yield made


def model_url(at: Desk, name: str) -> str:
    return at.fake.base_url + PATHS.get(name, "/v1")


# --- the day ----------------------------------------------------------------------------------------


def keys_of_every_kind(day: Day) -> None:
    """Add, test and use a key of every kind; then every server refuses and repeats what it was given."""
    at, root, keys, mail = day.at, day.root, day.hear(day.at.core.keys), day.hear(day.at.core.mail)
    # The mail server first: what comes after is told by mail.
    for kind in sorted(KINDS, key=lambda kind: kind.name != "smtp"):
        stage = day.stages.get(kind.name) or Stage(kind, "", model_url(at, kind.name))
        day.kinds[kind.name] = made = OfKind(kind, keys.add(root, stage.draft(canary_of(kind), kind.label)))
        made.tested.append(keys.test(root, made.key.id))
        if kind.name == "smtp":
            mail.choose_key(root, made.key.id)
    send_all(day)

    at.fake.options.fault = "403"
    for made in day.kinds.values():
        key_id = made.key.id
        if made.kind.family == "email":
            mail.choose_key(root, key_id)  # while it still works
        if made.kind.name in day.stages:
            day.stages[made.kind.name].is_careless = True
        if made.kind.family == "email":
            mail_id = mail.send_test(root)
            send_all(day)
            mail.get(root, mail_id)
        made.tested.append(keys.test(root, key_id))
        with suppress(CoreError):
            keys.models(root, key_id)
        with suppress(CoreError):
            keys.add(root, wrongly_filled(day, made))
        if made.kind.family == "service":
            with keys.open_service(root, key_id) as client:
                answer = client.get(made.key.settings["test_url"])
                day.said.append(f"{client!r} {answer!r} {answer.headers} {answer.text} {answer.body!r}")
        keys.get(root, key_id)
        day.hear(at.core.key_health).get(root, key_id)
        log_carelessly(canary_of(made.kind))
    at.fake.options.fault = ""
    day.stages["smtp"].is_careless = False
    keys.test(root, day.kinds["smtp"].key.id)
    mail.choose_key(root, day.kinds["smtp"].key.id)
    mail.retry_waiting(root)
    send_all(day)


def wrongly_filled(day: Day, made: OfKind) -> KeyDraft:
    """Return a draft with the secret in every field that is there, as happens with the clipboard."""
    secret = canary_of(made.kind)
    return KeyDraft(
        f"{made.kind.label} 2",
        made.kind.name,
        f"{secret} {secret}\n",
        f"https://{secret}@models.example.com/v1?key={secret}",
        settings={name.name: f"/me?key={secret}" for name in made.kind.fields},
    )


def send_all(day: Day) -> None:
    with suppress(CoreError):
        while day.at.core.outbox.deliver_next():
            pass


def log_carelessly(secret: str) -> None:
    """Do what no code of ours should: the line is cut all the same."""
    logging.getLogger("some.library").warning("sent with %s", secret)
    try:
        raise ValueError(f"refused: {secret}")
    except ValueError:
        get_logger("canary").exception("canary", header=f"Bearer {secret}")


def a_day(day: Day) -> None:
    at = day.at
    # It is called, signed, and answers with an error.
    hook = at.core.webhooks.add(at.alice, WebhookDraft("Hook", f"http://127.0.0.1:{at.fake.port}/hook", EVENTS))
    fresh = at.core.webhooks.rotate_secret(at.alice, hook.webhook.id)
    day.of_webhook = (hook.secret, fresh.secret)
    worker = at.worker()
    options = at.fake.options
    at.core.keys.test(at.alice, at.key.id)

    # Each kind of model once with an answer that repeats the key, once with a refusal that does.
    of_models = [made for made in day.kinds.values() if isinstance(made.kind, ModelKind)]
    agents = {made.key.id: an_agent(day, made) for made in of_models}
    for options.text, options.fault in ((ECHO, ""), ("", "403")):
        started = [(made, at.core.runs.start_agent_run(day.root, agents[made.key.id], "x")) for made in of_models]
        for made, run in started:
            made.runs.append(ended(day, run))
    options.text = options.fault = ""

    day.good = at.ended(at.start("fake-1", "Look at MARK-1."))

    # The model repeats the key in pieces of three letters; it takes longer than text is kept back for.
    options.text, options.chunks, options.gap = ECHO, 40, 30
    day.echoed = at.ended(at.start("fake-1"))
    options.text, options.chunks, options.gap = "", 5, 0

    # The model hands the key to a tool, which fails and quotes it.
    options.tool, options.toolname = 2, "current_date"
    options.args = json.dumps({"time_zone": CANARY})
    day.with_tool = at.ended(at.start("fake-1", tools=("current_date",)))
    options.tool, options.toolname, options.args = 0, "", ""

    faults = ("401", "403", "500", "badjson")
    failed = {fault: at.start(f"fake-1@fault={fault}") for fault in faults}
    day.failed = {fault: at.ended(run) for fault, run in failed.items()}
    at.core.keys.test(at.alice, at.key.id)
    log = at.core.webhook_deliveries
    wait_until(lambda: log.list(at.alice, hook.webhook.id).items[-1].attempts, 120, "the first delivery")
    assert worker.stop() == 0
    day.output = worker.output.encode()


def an_agent(day: Day, made: OfKind) -> str:
    fields = {"name": made.kind.label, "department": "hr", "role": "r", "goal": "g", "model": "fake-1"}
    return str(day.hear(day.at.core.agents).create(day.root, {**fields, "key_id": made.key.id}).id)


def ended(day: Day, run: Run) -> Run:
    runs = day.hear(day.at.core.runs)
    wait_until(lambda: not day.at.core.runs.get(day.root, run.id).is_active, 120, f"the end of {run.id}")
    found: Run = runs.get(day.root, run.id)
    return found


# --- the ways out -----------------------------------------------------------------------------------

Told = Iterator[tuple[str, bytes]]


def cells(url: str) -> Told:
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


def tables(day: Day) -> Told:
    """Our own, and those of the queue."""
    urls = {day.at.settings.database, system_database_url(day.at.settings)}
    found = [(where, cell) for url in urls for where, cell in cells(url)]
    names = {where.rpartition(".")[0].rpartition(".")[2] for where, _ in found}
    assert names >= {"keys", "run_events", "mail_outbox", "audit_log", "workflow_status", "operation_outputs"}
    yield from found


def files(day: Day) -> Told:
    for path in day.folder.rglob("*"):
        if path.is_file() and path.name != "master.keys":
            yield str(path), path.read_bytes()


def logs(day: Day) -> Told:
    written = day.log.getvalue()
    assert written.count(f"sent with {MASK}") == written.count(f"refused: {MASK}") == len(KINDS)
    yield "the log", written.encode()
    assert b"ready" in day.output
    yield "the worker's output", day.output


def traces(day: Day) -> Told:
    owned = [(day.at.alice, run) for run in day.runs()]
    owned += [(day.root, run) for made in day.kinds.values() for run in made.runs]
    for owner, run in owned:
        events = day.at.core.runs.events(owner, run.id)
        assert events
        yield run.id, json.dumps([dict(event.data) for event in events]).encode()
        yield run.id, f"{run!r} {events!r} {day.at.core.runs.model_calls(owner, run.id)!r}".encode()


def values_and_errors(day: Day) -> Told:
    assert len(day.said) > 5 * len(KINDS)
    assert any("Traceback" in said for said in day.said)
    yield from ((said[:60], said.encode()) for said in day.said)


def audit(day: Day) -> Told:
    begin, end = day.root.created_at - timedelta(days=1), clock.now() + timedelta(days=1)
    entries = day.at.core.audit.search(day.root, begin, end)
    assert {"key.added", "mail.tested"} <= {entry.action for entry in entries}
    yield "search", repr(entries).encode()
    yield "export", "".join(day.at.core.audit.export(day.root, begin, end)).encode()


def statements(day: Day) -> Told:
    named: set[str] = set()
    # The day was made a little while ago: that may have been last month.
    for month in sorted({months.month_of(day.root.created_at), months.month_of(clock.now())}):
        statement = day.at.core.statements.get(day.root, month)
        named |= {use.provider for use in statement.uses}
        yield "value", repr(statement).encode()
        yield "file", day.at.core.statements.export(day.root, month).encode()
        yield "print", as_html(statement, "Zoark").encode()
    assert named >= {made.key.provider for made in day.kinds.values() if made.runs}


def mails(day: Day) -> Told:
    mailbox = day.stages["smtp"].mailbox
    assert mailbox is not None
    subjects = [str(mail["Subject"]) for mail in mailbox.mails]
    assert len(subjects) >= len(KINDS), "each new key was told of"
    yield from ((str(mail["Subject"]), bytes(mail)) for mail in mailbox.mails)
    for stage in day.stages.values():
        if stage.kind.family == "email" and stage.api is not None:
            yield from ((stage.kind.label, asked.body) for asked in stage.api.asked)
    for group in ("waiting", "failed", "sent"):
        yield group, repr(day.at.core.mail.list(day.root, group)).encode()


WAYS_OUT: list[Callable[[Day], Told]] = [
    tables,
    files,
    logs,
    traces,
    values_and_errors,
    audit,
    statements,
    mails,
]


def test_the_only_kind_without_a_canary_has_no_secret() -> None:
    assert [kind.name for kind in all_kinds().values() if kind not in KINDS] == ["local"]
    canaries = [canary_of(kind) for kind in KINDS]
    assert len(set(canaries)) == len(KINDS)


@pytest.mark.parametrize("way", WAYS_OUT, ids=lambda way: way.__name__)
def test_no_way_out_has_a_secret(day: Day, way: Callable[[Day], Told]) -> None:
    told = list(way(day))
    assert told
    assert [(needle.name, where) for needle in day.needles() for where, hay in told if needle.is_in(hay)] == []


def test_every_kind_was_told_its_secret_back(day: Day) -> None:
    sent = {record.key for record in day.at.fake.requests}
    for made in day.kinds.values():
        first, second = made.tested
        assert (first.ok, second.ok) == (True, False), made.kind.name
        if isinstance(made.kind, ModelKind):
            assert canary_of(made.kind) in sent, made.kind.name
            assert [run.status for run in made.runs] == ["succeeded", "failed"], made.runs
            assert made.runs[0].output == ECHO.replace("{key}", MASK), made.kind.name
            assert (made.runs[1].error.code if made.runs[1].error else "") == "key_forbidden"
        else:
            assert canary_of(made.kind) in day.stages[made.kind.name].heard(), made.kind.name


def test_the_day_went_as_planned(day: Day) -> None:
    assert day.good.status == day.echoed.status == day.with_tool.status == "succeeded"
    codes = {fault: run.error.code for fault, run in day.failed.items() if run.error}
    assert codes == {
        "401": "bad_key",
        "403": "key_forbidden",
        "500": "provider_error",
        "badjson": "bad_response",
    }
    tools = [event.data for event in day.at.events(day.with_tool) if event.kind == "tool_finished"]
    assert [data["ok"] for data in tools] == [False, False]


def test_a_key_that_the_model_repeats_is_masked_even_across_pieces(day: Day) -> None:
    assert day.echoed.output is not None
    masked = ECHO.replace("{key}", MASK)
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
