"""Keys of every kind: bound to where they lead, used for what they are for, chosen to send the company's mail."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select, update

from core.accounts.models import User
from core.agents.models import Agent
from core.bootstrap import Core, build_core
from core.config import Settings
from core.db.tables import keys as keys_table
from core.db.tables import metadata
from core.errors import (
    AddressBlocked,
    Conflict,
    CoreError,
    Invalid,
    NotFound,
    SecretUnreadable,
    StepUpRequired,
)
from core.keys.models import Key, KeyDraft
from core.keys.refusals import WrongKindOfKey
from core.keys.registry import all_kinds
from core.notify import messages
from tests.fakes.api import Answer, Api, Asked
from tests.fakes.model_server import FakeModelServer
from tests.support.key_stage import SECRET, Stage, stage_of

OTHERS = [kind.name for kind in all_kinds().values() if kind.family != "llm"]
FRESH = "zk8Fresh2kinds2W2m4Vb8tRp3Lk6Yd1"
BROKEN = b"\x01\x00\x01no"
BASE_URL = "https://zoark.example.com"


@pytest.fixture
def stages() -> Iterator[dict[str, Stage]]:
    """The fake of each kind that is used here."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(stage_of(all_kinds()[name])) for name in OTHERS}


@pytest.fixture
def settings(settings: Settings, stages: dict[str, Stage]) -> Settings:
    allowed = ",".join([settings.endpoint_allowlist, *(stage.host for stage in stages.values())])
    return settings.model_copy(update={"endpoint_allowlist": allowed, "base_url": BASE_URL})


def add(core: Core, actor: User, stage: Stage) -> Key:
    key = core.keys.add(actor, stage.draft(name=stage.kind.label))
    core.keys.test(actor, key.id)
    return core.keys.get(actor, key.id)


def api_of(stage: Stage) -> Api:
    assert stage.api is not None
    return stage.api


def test_every_kind_is_stored_found_by_family_and_opened_as_it_was(
    core: Core, cast: Any, stages: dict[str, Stage], fake: FakeModelServer
) -> None:
    model = core.keys.add(cast.alice, KeyDraft("Model", "openai_compatible", SECRET, fake.openai_url))
    kept = {name: add(core, cast.alice, stages[name]) for name in OTHERS}
    assert [key.test_code for key in kept.values()] == ["ok"] * len(OTHERS)
    assert {key.id for key in core.keys.list(cast.alice, "email")} == {
        kept[name].id for name in ("smtp", "sendgrid", "mailgun")
    }
    assert len(core.keys.list(cast.alice, "service")) == 3
    assert core.keys.list(cast.alice, "llm") == [model]
    assert len(core.keys.list(cast.alice)) == 7
    with core.db.read() as connection:
        tables = {table.name: connection.execute(select(table)).all() for table in metadata.sorted_tables}
    assert SECRET not in str(tables)
    assert SECRET not in str(core.keys.list(cast.alice))
    for key in kept.values():
        for reach in (
            lambda key_id: core.keys.get(cast.charlie, key_id),
            lambda key_id: core.keys.test(cast.charlie, key_id),
            lambda key_id: core.keys.open_service(cast.charlie, key_id),
            lambda key_id: core.keys.change_address(cast.charlie, key_id, "", FRESH, {}),
        ):
            with pytest.raises(NotFound):
                reach(key.id)


def test_agents_refuse_a_key_that_is_for_no_model(
    core: Core, alice: User, stages: dict[str, Stage], fake: FakeModelServer
) -> None:
    mail = add(core, alice, stages["smtp"])
    fields: dict[str, object] = {"name": "A", "department": "hr", "role": "r", "goal": "g", "model": "fake-1"}
    for use in (
        lambda: core.agents.create(alice, {**fields, "key_id": mail.id}),
        lambda: core.keys.open(alice, mail.id),
        lambda: core.keys.models(alice, mail.id),
        lambda: core.keys.require_usable(alice, mail.id),
        lambda: core.keys.open_service(alice, mail.id),
    ):
        with pytest.raises(WrongKindOfKey) as caught:
            use()
        assert caught.value.sentence.startswith(f"The key {mail.name} is not one for ")
    model = core.keys.add(alice, KeyDraft("Model", "openai_compatible", SECRET, fake.openai_url))
    agent: Agent = core.agents.create(alice, {**fields, "key_id": model.id})
    with pytest.raises(WrongKindOfKey):
        core.agents.update(alice, agent.id, {**fields, "key_id": mail.id}, agent.revision)


def test_a_key_whose_settings_were_changed_in_the_table_does_not_open(
    core: Core, alice: User, stages: dict[str, Stage]
) -> None:
    changes = {
        "smtp": {"host": "evil.example"},
        "mailgun": {"domain": "evil.example"},
        "service_header": {"hosts": "evil.example"},
        "service_query": {"parameter": "q"},
    }
    for name, change in changes.items():
        key = add(core, alice, stages[name])
        with core.db.transaction() as connection:
            connection.execute(
                update(keys_table).where(keys_table.c.id == key.id).values(settings={**key.settings, **change})
            )
        assert core.keys.test(alice, key.id).code == "secret_unreadable"
    sendgrid = add(core, alice, stages["sendgrid"])
    with core.db.transaction() as connection:
        connection.execute(
            update(keys_table).where(keys_table.c.id == sendgrid.id).values(settings={"sender": "y@example.com"})
        )
    assert core.keys.test(alice, sendgrid.id).ok, "a sender leads nowhere"


def test_changing_the_address_asks_for_the_secret_again_and_tests_it(
    core: Core, alice: User, stages: dict[str, Stage], fake: FakeModelServer
) -> None:
    with FakeModelServer() as other:
        key = core.keys.add(alice, KeyDraft("Model", "openai_compatible", SECRET, fake.openai_url))
        with pytest.raises(AddressBlocked):
            core.keys.change_address(alice, key.id, other.openai_url, SECRET)
        assert core.keys.get(alice, key.id) == key
        moved = core.keys.change_address(alice, key.id, fake.openai_url + "/x", "")
        assert not moved.ok
        assert core.keys.open(alice, key.id).endpoint.secret is None, "the old secret went nowhere"
        assert {record.key for record in fake.requests if record.path.startswith("/v1/x")} <= {"", None}
    assert core.keys.change_address(alice, key.id, fake.openai_url, SECRET).ok
    assert core.keys.get(alice, key.id).secret_version == 3

    service = add(core, alice, stages["service_bearer"])
    other_host = stages["service_header"].host
    with pytest.raises(Invalid) as caught:
        core.keys.change_address(alice, service.id, "", "", {"hosts": f"http://{other_host}"})
    assert caught.value.field == "secret"
    assert core.keys.get(alice, service.id) == service
    api_of(stages["service_header"]).always(200)
    outcome = core.keys.change_address(
        alice, service.id, "", FRESH, {"hosts": f"http://{other_host}", "test_url": "/v2"}
    )
    assert outcome.ok
    asked = api_of(stages["service_header"]).asked[-1]
    assert (asked.path, asked.headers["Authorization"]) == ("/v2", f"Bearer {FRESH}")

    fixed = core.keys.add(alice, KeyDraft("Fixed", "openai", SECRET))
    with pytest.raises(Invalid):
        core.keys.change_address(alice, fixed.id, "https://evil.example", SECRET)
    with pytest.raises(StepUpRequired):
        core.keys.change_address(replace(alice, proved_at=None), key.id, fake.openai_url, SECRET)


def echo(asked: Asked) -> Answer:
    """Repeat what was asked, as careless services do."""
    return 200, {"X-Echo": str(asked.headers)}, f'["{asked.path}", "{SECRET}"]'.encode()


def test_a_tool_sends_the_secret_to_allowed_hosts_only_and_never_sees_it(
    core: Core, alice: User, stages: dict[str, Stage], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    where = {"service_bearer": "Authorization", "service_header": "X-Api-Key", "service_query": None}
    other = api_of(stages["sendgrid"])
    for name, header in where.items():
        api = api_of(stages[name])
        key = add(core, alice, stages[name])
        with core.keys.open_service(alice, key.id) as client:
            api.asked.clear()
            api.answer = lambda asked: (
                200,
                {"X-Echo": str(asked.headers)},
                f'["{asked.path}", "{SECRET}"]'.encode(),
            )
            # What a caller says in the secret's place, or as the host's name, does not count.
            answer = client.request(
                "POST",
                f"{api.url}/v1?key=mine",
                headers={"Host": "evil.example", "X-Api-Key": "mine"},
                json={"a": 1},
            )
            (asked,) = api.asked
            assert asked.headers["Host"] == api.host
            assert asked.body == b'{"a":1}'
            assert SECRET in (asked.headers[header] if header else asked.path)
            assert ("mine" in asked.path) == (header is not None)
            assert SECRET not in f"{answer.text} {answer.headers} {answer.json()} {answer!r} {client!r}"
            assert "[secret]" in answer.text

            api.always(302, Location=f"{other.url}/steal")
            assert client.get(f"{api.url}/v1").status == 302
            before = len(other.asked)
            with pytest.raises(AddressBlocked):
                client.get(f"{other.url}/steal")
            with pytest.raises(Invalid):
                client.request("GET", f"{api.url}/", headers={"X-A": "b\r\nX-C: d"})
            assert len(other.asked) == before
        assert core.keys.get(alice, key.id).last_used_at is not None
    assert SECRET not in caplog.text


def test_a_secret_that_has_to_be_quoted_is_cut_out_in_every_form(
    core: Core, alice: User, stages: dict[str, Stage], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    stage = stages["service_query"]
    api = api_of(stage)
    api.answer = lambda asked: (200, {}, asked.path.encode())
    key = core.keys.add(alice, stage.draft("a+b/c=d&e%f#0123456789"))
    with core.keys.open_service(alice, key.id) as client:
        answer = client.get(f"{api.url}/me")
    assert api.asked[-1].path != "/me"
    assert "0123456789" not in f"{answer.text} {caplog.text}"


# --- the organisation's mail ----------------------------------------------------------------------


def deliver(core: Core, actor: User) -> str:
    mail_id = core.mail.send_test(actor)
    assert core.outbox.deliver_next()
    return mail_id


@pytest.mark.parametrize("name", ["smtp", "sendgrid", "mailgun"])
def test_mail_goes_out_with_the_key_that_an_administrator_has_chosen(
    core: Core, settings: Settings, root: User, stages: dict[str, Stage], name: str
) -> None:
    assert not core.mail.is_set_up
    key = add(core, root, stages[name])
    assert core.mail.choices(root) == [key]
    core.mail.choose_key(root, key.id)
    assert core.mail.is_set_up
    status = core.mail.status(root)
    assert (status.transport, status.key_name, status.setting) == (key.name, key.name, "")
    assert status.sender.endswith("example.com") or status.sender.endswith("example.com>")
    assert status.daily_cap == (100 if name == "sendgrid" else None)
    other = build_core(settings)  # a worker
    try:
        mail_id = deliver(other, root)
    finally:
        other.close()
    assert core.mail.get(root, mail_id).state == "sent"
    heard = stages[name].mailbox.mails if stages[name].mailbox else api_of(stages[name]).asked  # type: ignore[union-attr]
    assert heard
    core.mail.choose_key(root, None)
    assert not core.mail.is_set_up


def test_only_the_key_as_it_was_chosen_sends_mail(core: Core, root: User, stages: dict[str, Stage]) -> None:
    key = add(core, root, stages["smtp"])
    core.mail.choose_key(root, key.id)
    core.keys.replace_secret(root, key.id, SECRET)
    mail_id = deliver(core, root)
    waiting = core.mail.get(root, mail_id)
    assert waiting.state == "queued"
    assert waiting.error is not None
    assert "An administrator has to choose it again" in waiting.error
    assert core.mail.status(root).problem is not None
    with pytest.raises(Invalid):
        core.mail.choose_key(root, key.id)  # not tested since
    core.keys.test(root, key.id)
    core.mail.choose_key(root, key.id)
    assert core.mail.status(root).problem is None
    assert [one.name for one in core.key_health.what_breaks(root, key.id).dependents] == [
        "The organisation’s e-mail"
    ]
    assert core.outbox.deliver_next(), "what waited for it goes at once"
    assert core.mail.get(root, mail_id).state == "sent"
    core.keys.delete(root, key.id)
    assert not core.mail.is_set_up
    with core.db.transaction() as connection:
        assert core.mail.put(connection, "a@example.com", messages.verification("x")) is None


def test_a_key_is_chosen_by_an_administrator_and_only_their_own_that_works(
    core: Core, root: User, cast: Any, stages: dict[str, Stage]
) -> None:
    theirs = add(core, cast.alice, stages["smtp"])
    service = add(core, root, stages["service_bearer"])
    for key_id in (theirs.id, service.id, "key_made_up"):
        with pytest.raises(NotFound):
            core.mail.choose_key(root, key_id)
    wrong = core.keys.add(root, stages["sendgrid"].draft(FRESH))
    core.keys.test(root, wrong.id)
    with pytest.raises(Invalid):
        core.mail.choose_key(root, wrong.id)
    nobody = core.keys.add(root, replace(stages["sendgrid"].draft(name="No sender"), settings={}))
    core.keys.test(root, nobody.id)
    with pytest.raises(Invalid) as caught:
        core.mail.choose_key(root, nobody.id)
    assert caught.value.field == "sender"
    with pytest.raises(StepUpRequired):
        core.mail.choose_key(replace(root, proved_at=None), None)


def test_the_settings_of_the_server_win(
    settings: Settings, core: Core, root: User, stages: dict[str, Stage]
) -> None:
    key = add(core, root, stages["smtp"])
    core.mail.choose_key(root, key.id)
    named = {"sendgrid_api_key": type(settings.smtp_url)(SECRET), "mail_from": "Zoark <zoark@example.com>"}
    fixed = build_core(settings.model_copy(update=named))
    try:
        status = fixed.mail.status(root)
        assert (status.transport, status.setting, status.key_id) == ("SendGrid", "SENDGRID_API_KEY", None)
        with pytest.raises(Conflict):
            fixed.mail.choose_key(root, key.id)
    finally:
        fixed.close()


def test_a_secret_of_each_kind_that_cannot_be_opened_is_asked_for_again(
    core: Core, alice: User, stages: dict[str, Stage]
) -> None:
    for name in OTHERS:
        key = add(core, alice, stages[name])
        with core.db.transaction() as connection:
            connection.execute(
                update(keys_table).where(keys_table.c.id == key.id).values(secret_sealed=b"\x01\x00\x01no")
            )
        outcome = core.keys.test(alice, key.id)
        assert outcome.code == "secret_unreadable"
        assert "Replace secret" in outcome.message
        if key.family == "service":
            with pytest.raises(SecretUnreadable):
                core.keys.open_service(alice, key.id)
        elif key.family == "email":
            with pytest.raises(CoreError):
                core.keys.open_for_mail(key.id)
