"""Tools that act outside: to whom, with which secret, and never twice by themselves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from core.accounts.models import User
from core.bootstrap import Core
from core.config import Settings, load_settings
from core.db.tables import mail_outbox
from core.engine import crash_points
from core.errors import Invalid
from core.keys.models import Key, KeyDraft
from core.notify import tool_mail
from core.security.redact import MASK
from tests.conftest import Cast
from tests.fakes.api import Api, Asked, http_api
from tests.fakes.model_server import FakeModelServer
from tests.support.app_server import free_port
from tests.support.courses import Crash
from tests.support.mailbox import MemoryTransport
from tests.support.node_stage import NodeStage, worker_like_process
from tests.support.stopped_clock import StoppedClock

SERVICE_SECRET = "zk-service-0123456789abcdef"
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture(scope="module", autouse=True)
def prepared_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with worker_like_process(tmp_path_factory.mktemp("crewai")):
        yield


@pytest.fixture
def api() -> Iterator[Api]:
    with http_api() as made:
        yield made


@pytest.fixture
def nobody() -> str:
    """A host at which nobody listens."""
    return f"127.0.0.1:{free_port()}"


@pytest.fixture
def settings(database_url: str, tmp_path: Path, fake: FakeModelServer, api: Api, nobody: str) -> Settings:
    return load_settings(
        DATABASE_URL=database_url,
        ZOARK_DATA_DIR=tmp_path,
        ZOARK_REGISTRATION="open",
        ZOARK_ENDPOINT_ALLOWLIST=f"127.0.0.1:{fake.port},{api.host},{nobody}",
        ZOARK_MASTER_KEYS="1:" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY=",
    )


@pytest.fixture
def stage(core: Core, cast: Cast, fake: FakeModelServer) -> NodeStage:
    return NodeStage(core, cast.alice, fake)


def crash_at(point: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the process end, so to speak, when it comes to a place the next time."""

    def listen(reached: str) -> None:
        if reached == point:
            monkeypatch.setattr(crash_points, "_listener", None)
            raise Crash

    monkeypatch.setattr(crash_points, "_listener", listen)


# --- e-mail --------------------------------------------------------------------------------------

MAIL = {
    "tool": "send_email",
    "arguments": {"to": "{{to}}", "subject": "Order {{order}}", "body": "Dear {{to}},\n\nit is {{order}}."},
}


def waiting(core: Core) -> list[tuple[str, str]]:
    with core.db.read() as connection:
        rows = connection.execute(select(mail_outbox.c.recipient, mail_outbox.c.subject))
        return [(row.recipient, row.subject) for row in rows if row.subject.startswith("Order")]


def test_a_node_writes_to_a_colleague(stage: NodeStage, post: MemoryTransport) -> None:
    run, outcome = stage.run("tool", MAIL, to=" Bob@Example.com ", order=7)
    assert (outcome.status, outcome.output) == ("succeeded", "The e-mail to bob@example.com is on its way.")
    while stage.core.outbox.deliver_next():
        pass
    (mail,) = [mail for mail in post.sent if mail.subject == "Order 7"]
    assert mail.recipient == "bob@example.com"
    text = mail.body.get_secret_value()
    assert "it is 7." in text
    assert text.endswith("Written by a workflow or agent of Alice in Zoark.\n")
    assert [data["tool"] for data in stage.data(run, "tool_started")] == ["send_email"]
    (finished,) = stage.data(run, "tool_finished")
    assert (finished["ok"], finished["result"]) == (True, outcome.output)


@pytest.mark.parametrize("point", ["about to act", "acted", "act remembered", "node done"])
def test_a_worker_that_dies_while_it_writes_sends_one_mail(
    stage: NodeStage, post: MemoryTransport, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = stage.queued("tool", MAIL, to="bob@example.com", order=7)
    crash_at(point, monkeypatch)
    with pytest.raises(Crash):
        stage.execute(run)
    assert stage.execute(run).status == "succeeded"
    assert waiting(stage.core) == [("bob@example.com", "Order 7")]


@on_sqlite
@pytest.mark.parametrize(
    ("values", "code", "sentence"),
    [
        ({"to": "eve@evil.example"}, "recipient_refused", "can allow addresses at evil.example, too."),
        ({"to": "bob@example.com, eve@evil.example"}, "invalid", "not an e-mail address"),
        ({"to": "bob@example.com\nBcc: eve@evil.example"}, "invalid", "The recipient has to be one line."),
        ({"order": "7\r\nBcc: eve@evil.example"}, "invalid", "The subject has to be one line."),
        ({"order": "7\u2028Bcc: eve@evil.example"}, "invalid", "The subject has to be one line."),
        ({"order": "7" * 200}, "tool_failed", "subject: string should have at most 150 characters."),
    ],
)
def test_a_mail_to_a_stranger_or_with_headers_of_its_own_is_refused(
    stage: NodeStage, post: MemoryTransport, values: dict[str, Any], code: str, sentence: str
) -> None:
    _, outcome = stage.run("tool", MAIL, **{"to": "bob@example.com", "order": 7, **values})
    assert (outcome.status, outcome.code) == ("failed", code)
    assert outcome.message is not None
    assert sentence in outcome.message
    assert waiting(stage.core) == []


@on_sqlite
def test_an_administrator_may_allow_a_domain_and_who_was_suspended_gets_nothing(
    stage: NodeStage, post: MemoryTransport, root: User, cast: Cast
) -> None:
    stage.core.organisation.change(root, {"mail_domains": ["Partner.Example"]})
    assert stage.run("tool", MAIL, to="zoe@partner.example", order=1)[1].status == "succeeded"
    assert stage.run("tool", MAIL, to="zoe@sub.partner.example", order=2)[1].code == "recipient_refused"
    stage.core.people.suspend(root, cast.bob.id)
    assert stage.run("tool", MAIL, to="bob@example.com", order=3)[1].code == "recipient_refused"
    assert waiting(stage.core) == [("zoe@partner.example", "Order 1")]
    with pytest.raises(Invalid, match="list of domains to write to"):
        stage.core.organisation.change(root, {"mail_domains": ["not a domain"]})


@on_sqlite
def test_without_mail_nothing_is_written(stage: NodeStage) -> None:
    assert stage.run("tool", MAIL, to="bob@example.com", order=7)[1].code == "mail_not_set_up"


@on_sqlite
def test_a_person_cannot_flood_others(
    stage: NodeStage, post: MemoryTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tool_mail, "MAILS_AN_HOUR", 2)
    config = {**MAIL, "attempts": 1}
    codes = [stage.run("tool", config, to="bob@example.com", order=number)[1].code for number in range(3)]
    assert codes == [None, None, "rate_limited_here"]
    assert len(waiting(stage.core)) == 2


@on_sqlite
def test_the_mails_of_workflows_leave_room_for_people(
    stage: NodeStage, post: MemoryTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    StoppedClock(monkeypatch)
    stage.core.mail.daily_cap = 5
    for number in range(6):
        stage.run("tool", MAIL, to="bob@example.com", order=number)
    while stage.core.outbox.deliver_next():
        pass
    assert len([mail for mail in post.sent if mail.subject.startswith("Order")]) < 5
    assert len(waiting(stage.core)) == 6, "the others wait for tomorrow"


def let_write(stage: NodeStage, to: str, times: int = 1) -> str:
    """Let the model want so many mails, and return an agent that may write them."""
    stage.fake.options.tool, stage.fake.options.toolname = times, "send_email"
    stage.fake.options.args = json.dumps({"to": to, "subject": "Order x", "body": "y"})
    return stage.agent(tools=("send_email",))


@on_sqlite
def test_an_agent_writes_each_mail_once_and_is_told_what_is_wrong(
    stage: NodeStage, fake: FakeModelServer, post: MemoryTransport
) -> None:
    agent_id = let_write(stage, "bob@example.com", times=2)
    _, outcome = stage.run("agent", {"agent_id": agent_id, "task": "Write."})
    assert outcome.status == "succeeded"
    assert waiting(stage.core) == [("bob@example.com", "Order x")] * 2, "the model wanted two"
    agent_id = let_write(stage, "eve@evil.example")
    run, outcome = stage.run("agent", {"agent_id": agent_id, "task": "Write."})
    assert outcome.status == "succeeded"
    assert "people here only" in stage.sent(-1)
    assert [data["ok"] for data in stage.data(run, "tool_finished")] == [False]


@on_sqlite
def test_an_agent_that_has_acted_is_not_let_work_again_by_itself(
    stage: NodeStage, fake: FakeModelServer, post: MemoryTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.engine.execution.FIRST_PAUSE_SECONDS", 0.01)
    really = stage.core.tool_mail.send

    def send(*given: str) -> str:
        address = really(*given)  # type: ignore[arg-type]
        fake.options.fault = "500"
        return address

    monkeypatch.setattr(stage.core.tool_mail, "send", send)
    agent_id = let_write(stage, "bob@example.com")
    _, outcome = stage.run("agent", {"agent_id": agent_id, "task": "Write."})
    assert outcome.status == "in_doubt"
    assert waiting(stage.core) == [("bob@example.com", "Order x")]
    assert len(fake.chats) == 2


# --- services ------------------------------------------------------------------------------------


@pytest.fixture
def crm(core: Core, cast: Cast, api: Api) -> Key:
    hosts = {"hosts": api.url, "test_url": ""}
    return core.keys.add(cast.alice, KeyDraft("CRM", "service_bearer", SERVICE_SECRET, settings=hosts))


def call(api: Api, method: str = "POST", **arguments: str) -> dict[str, Any]:
    given = {"key_id": "crm", "method": method, "url": f"{api.url}/orders/{{{{n}}}}", "body": '{"n": {{n}}}'}
    return {"tool": "call_service", "arguments": {**given, **arguments}}


def test_a_node_calls_a_service_with_its_key(stage: NodeStage, crm: Key, api: Api) -> None:
    api.always(201, f'{{"id": 5, "echo": "{SERVICE_SECRET}"}}'.encode())
    run, outcome = stage.run("tool", call(api), n=7)
    assert outcome.output == {"status": 201, "body": {"id": 5, "echo": MASK}}
    (asked,) = api.asked
    assert (asked.method, asked.path, asked.body) == ("POST", "/orders/7", b'{"n":7}')
    assert asked.headers["Authorization"] == f"Bearer {SERVICE_SECRET}"
    assert asked.headers["Idempotency-Key"] == f"{run.id}:n:-1"
    assert SERVICE_SECRET not in repr(stage.core.runs.events(stage.alice, run.id))


@on_sqlite
def test_reading_from_a_service_acts_not(stage: NodeStage, crm: Key, api: Api) -> None:
    api.always(200, b"plain text")
    run, outcome = stage.run("tool", call(api, "GET", key_id=crm.id), n=7)
    assert outcome.output == {"status": 200, "body": "plain text"}
    assert "Idempotency-Key" not in api.asked[0].headers
    assert api.asked[0].body == b""
    state = stage.core.journal.nodes.state(run.id, "n")
    assert state is not None
    assert state.acted_at is None


@on_sqlite
@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        ({"key_id": "key_unknown"}, "not_found", "This key does not exist"),
        ({"url": "https://evil.example/{{n}}"}, "address_blocked", "only be sent to the hosts that are listed"),
        ({"url": "/orders"}, "address_blocked", ""),
        ({"body": "{n}"}, "tool_failed", "the body is not JSON"),
        ({"method": "DELETE"}, "tool_failed", "method: input should be 'get', 'post' or 'put'."),
        ({"url": "{{nothing}}"}, "tool_failed", "url: field required."),
    ],
)
def test_a_call_that_makes_no_sense_sends_nothing(
    stage: NodeStage, crm: Key, api: Api, arguments: dict[str, str], code: str, sentence: str
) -> None:
    _, outcome = stage.run("tool", call(api, **arguments), n=7, nothing="")
    assert (outcome.status, outcome.code) == ("failed", code)
    assert outcome.message is not None
    assert sentence in outcome.message
    assert api.asked == []


@on_sqlite
def test_a_stranger_calls_nothing_with_alices_key(
    core: Core, cast: Cast, fake: FakeModelServer, crm: Key, api: Api
) -> None:
    charlie = NodeStage(core, cast.charlie, fake)
    for key_id in (crm.id, "CRM"):
        assert charlie.run("tool", call(api, key_id=key_id), n=7)[1].code == "not_found"
    assert api.asked == []


@on_sqlite
def test_a_refusal_of_a_service_is_told_and_nothing_is_in_doubt(stage: NodeStage, crm: Key, api: Api) -> None:
    api.always(409, b"There is an order 7 already.")
    _, outcome = stage.run("tool", call(api), n=7)
    assert (outcome.status, outcome.code) == ("failed", "tool_failed")
    assert outcome.message == "The tool Call service failed: the service answered 409. There is an order 7 already."


@pytest.mark.parametrize("point", ["about to act", "acted"])
def test_a_post_that_may_have_been_sent_waits_for_a_persons_word(
    stage: NodeStage, crm: Key, api: Api, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = stage.queued("tool", call(api), n=7)
    crash_at(point, monkeypatch)
    with pytest.raises(Crash):
        stage.execute(run)
    assert stage.execute(run).status == "in_doubt"
    assert len(api.asked) == (point == "acted")


@on_sqlite
def test_a_put_is_sent_again_with_the_same_key(
    stage: NodeStage, crm: Key, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = stage.queued("tool", call(api, "PUT"), n=7)
    crash_at("acted", monkeypatch)
    with pytest.raises(Crash):
        stage.execute(run)
    assert stage.execute(run).status == "succeeded"
    assert [asked.headers["Idempotency-Key"] for asked in api.asked] == [f"{run.id}:n:-1"] * 2


@on_sqlite
def test_a_post_whose_answer_breaks_off_is_in_doubt_and_one_that_reached_nobody_is_not(
    stage: NodeStage, crm: Key, api: Api, nobody: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.engine.execution.FIRST_PAUSE_SECONDS", 0.01)

    def broken(_: Asked) -> tuple[int, dict[str, str], bytes]:
        return 200, {"Content-Length": "999"}, b"{"

    api.answer = broken
    assert stage.run("tool", call(api), n=7)[1].status == "in_doubt"
    assert len(api.asked) == 1
    stage.core.keys.add(
        stage.alice,
        KeyDraft("Gone", "service_bearer", "zk-Gone-0123456789ab", settings={"hosts": f"http://{nobody}"}),
    )
    config = call(api, key_id="Gone", url=f"http://{nobody}/orders")
    _, outcome = stage.run("tool", config, n=7)
    assert (outcome.status, outcome.code) == ("failed", "unreachable")
