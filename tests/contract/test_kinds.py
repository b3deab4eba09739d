"""What every kind of key must do, whoever wrote it: be explained, work, and say what to do when it does not."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace

import pytest
from pydantic import SecretStr

from core.errors import AddressBlocked, CoreError, Invalid
from core.keys import drafts
from core.keys.advice import explained
from core.keys.checks import KeyChecks
from core.keys.email_kind import EmailKind
from core.keys.kind import Kind
from core.keys.models import KeyDraft, KeyTest, OpenKey
from core.keys.registry import all_kinds
from core.llm.base import Endpoint
from core.notify.base import Outgoing
from core.security.egress import EgressPolicy
from tests.support.key_stage import SECRET, Stage, stage_of

KINDS = [kind for kind in all_kinds().values() if not kind.is_built_in]
OTHERS = [kind for kind in KINDS if kind.family != "llm"]
WRONG = "zk0Wrong1kinds2Ww3m4Vb8tRp3Lk6Yd"


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> Kind:
    return request.param


@pytest.fixture
def stage(kind: Kind) -> Iterator[Stage]:
    with stage_of(kind) as made:
        yield made


def opened(stage: Stage, secret: str = SECRET, **changes: str) -> OpenKey:
    policy = EgressPolicy.from_allowlist(stage.host)
    key, clean = drafts.new_key(stage.kind, stage.draft(secret), policy, "user_1")
    # Providers with a fixed address are led to their fake here, as no form can.
    key = replace(key, base_url=stage.base_url, settings={**key.settings, **changes})
    return OpenKey(key, Endpoint(key.base_url, SecretStr(clean) if clean else None))


def outcome_of(stage: Stage, key: OpenKey, allowed: str | None = None) -> KeyTest:
    policy = EgressPolicy.from_allowlist(stage.host if allowed is None else allowed)
    outcome = KeyChecks(policy, None).test(stage.kind, lambda: key)  # type: ignore[arg-type]
    assert SECRET not in repr(outcome)
    return outcome


def test_a_kind_is_explained(kind: Kind) -> None:
    assert kind.label
    assert kind.about.endswith(".")
    assert kind.secret_help or not kind.asks_secret
    assert kind.address_help or not kind.asks_base_url
    for code in ("bad_key", "unreachable", "timeout", "address_blocked", "tls_failed", "bad_response"):
        said = explained(kind, code)
        assert said.count(".") >= 2, (kind.name, code)
        assert "{" not in said


def test_a_right_key_works_and_its_secret_is_in_no_word(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    key = opened(stage)
    outcome = outcome_of(stage, key)
    assert (outcome.ok, outcome.code) == (True, "ok"), outcome
    assert SECRET in stage.heard()
    assert SECRET not in repr(key)
    assert SECRET not in f"{key.key.settings} {key.key.hint} {stage.draft()!r}"
    assert SECRET not in caplog.text
    if stage.kind.family == "llm":
        assert outcome.models


def test_a_wrong_key_is_told_with_what_to_do(stage: Stage) -> None:
    outcome = outcome_of(stage, opened(stage, WRONG))
    assert outcome.code == ("smtp_auth" if stage.kind.name == "smtp" else "bad_key")
    assert "Replace secret" in outcome.message
    assert WRONG not in outcome.message


def test_a_server_that_is_away_and_one_that_is_not_allowed_are_told_apart(stage: Stage) -> None:
    key = opened(stage)
    blocked = outcome_of(stage, key, allowed="")
    assert blocked.code == "address_blocked"
    assert "ZOARK_ENDPOINT_ALLOWLIST" in blocked.message
    heard = stage.heard()
    assert SECRET not in heard


@pytest.mark.parametrize("kind", OTHERS, ids=lambda kind: kind.name)
def test_nobody_listens_any_more(kind: Kind) -> None:
    with stage_of(kind) as stage:
        key = opened(stage)
    outcome = outcome_of(stage, key)
    assert outcome.code == "unreachable"
    assert "it takes no connection on this port" in outcome.message
    assert "Change address" in outcome.message


@pytest.mark.parametrize("kind", [k for k in KINDS if isinstance(k, EmailKind)], ids=lambda kind: kind.name)
def test_a_mail_goes_out_with_the_key(kind: Kind) -> None:
    mail = Outgoing("mail_1", "Z <z@example.com>", "zoe@example.com", "Hello", SecretStr("Hello\n"))
    assert isinstance(kind, EmailKind)
    with stage_of(kind) as stage:
        policy = EgressPolicy.from_allowlist(stage.host)
        kind.transport(opened(stage), policy).send(mail)
        if stage.mailbox is not None:
            assert [sent["Subject"] for sent in stage.mailbox.mails] == ["Hello"]
        else:
            assert stage.api is not None
            assert b"zoe" in stage.api.asked[-1].body
        outcome_of(stage, opened(stage))
        assert stage.mailbox is None or len(stage.mailbox.mails) == 1, "a test sends nothing"


def test_sendgrid_wants_a_key_that_may_send_and_mailgun_the_right_domain() -> None:
    with stage_of(all_kinds()["sendgrid"]) as stage:
        assert stage.api is not None
        stage.api.always(200, b'{"scopes": ["alerts.read"]}')
        outcome = outcome_of(stage, opened(stage))
        assert outcome.code == "key_forbidden"
        assert "access to Mail Send" in outcome.message
    with stage_of(all_kinds()["mailgun"]) as stage:
        outcome = outcome_of(stage, opened(stage, domain="other.example.com"))
        assert outcome.code == "nothing_there"
        assert "sending domain" in outcome.message


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (403, "key_forbidden"),
        (404, "nothing_there"),
        (302, "leads_elsewhere"),
        (429, "rate_limited"),
        (402, "quota"),
        (500, "provider_error"),
        (400, "bad_response"),
    ],
)
def test_a_service_says_what_its_answer_means(status: int, code: str) -> None:
    with stage_of(all_kinds()["service_header"]) as stage:
        assert stage.api is not None
        stage.api.always(status, b"", Location="https://evil.example/")
        outcome = outcome_of(stage, opened(stage))
        assert (outcome.ok, outcome.code) == (False, code)
        assert len(stage.api.asked) == 1
        assert outcome.message.count(".") >= 2


@pytest.mark.parametrize(
    ("tls", "says"), [("starttls", "offers no encryption"), ("implicit", "not encrypted from")]
)
def test_a_mail_server_without_tls_is_told_apart(tls: str, says: str) -> None:
    with stage_of(all_kinds()["smtp"]) as stage:
        outcome = outcome_of(stage, opened(stage, tls=tls))
        assert outcome.code == "tls_failed"
        assert says in outcome.message
        assert SECRET not in stage.heard()


def test_https_where_there_is_none_is_told_apart() -> None:
    with stage_of(all_kinds()["sendgrid"]) as stage:
        stage.base_url = stage.base_url.replace("http:", "https:")
        outcome = outcome_of(stage, opened(stage))
    assert outcome.code == "tls_failed"
    assert "does not speak https" in outcome.message


def test_a_service_without_a_test_address_is_only_reached_and_gets_no_secret() -> None:
    with stage_of(all_kinds()["service_bearer"]) as stage:
        outcome = outcome_of(stage, opened(stage, test_url=""))
        assert outcome.ok
        assert "Add a test address" in outcome.message
        assert SECRET not in stage.heard()


def test_a_server_without_models_says_what_to_do() -> None:
    for name, step in (("lm_studio", "Load a model in LM Studio"), ("vllm", "Start the server with a model")):
        with stage_of(all_kinds()[name]) as stage:
            kind = stage.kind
            kind.provider.list_models = lambda *_: []  # type: ignore[attr-defined]
            try:
                outcome = outcome_of(stage, opened(stage))
            finally:
                del kind.provider.list_models  # type: ignore[attr-defined]
        assert outcome.code == "no_models"
        assert step in outcome.message


SMTP = {"host": "smtp.example.com", "port": "587", "tls": "starttls", "user": "me", "sender": ""}
SERVICE = {"hosts": "203.0.112.7", "test_url": ""}
WRONG_FIELDS: list[tuple[str, dict[str, str], type[CoreError]]] = [
    ("smtp", {"host": ""}, Invalid),
    ("smtp", {"port": "x"}, Invalid),
    ("smtp", {"port": "22"}, AddressBlocked),
    ("smtp", {"host": "127.0.0.1"}, AddressBlocked),
    ("smtp", {"host": "me@x.example.com"}, AddressBlocked),
    ("smtp", {"tls": "off"}, AddressBlocked),
    ("smtp", {"tls": "perhaps"}, Invalid),
    ("smtp", {"user": ""}, Invalid),
    ("smtp", {"sender": "nobody"}, Invalid),
    ("smtp", {"sender": "z@example.com\nBcc: x@y.example"}, Invalid),
    ("mailgun", {"domain": "../messages"}, Invalid),
    ("service_bearer", {"hosts": ""}, Invalid),
    ("service_bearer", {"hosts": "*.example.com"}, Invalid),
    ("service_bearer", {"hosts": "api.example.com/v1"}, Invalid),
    ("service_bearer", {"hosts": "http://203.0.112.7"}, AddressBlocked),
    ("service_bearer", {"hosts": "203.0.112.7:8443"}, AddressBlocked),
    ("service_bearer", {"hosts": "user:pw@203.0.112.7"}, Invalid),
    ("service_bearer", {"hosts": "10.0.0.1"}, AddressBlocked),
    ("service_bearer", {"hosts": "localhost"}, AddressBlocked),
    ("service_bearer", {"test_url": "https://203.0.112.8/"}, Invalid),
    ("service_bearer", {"test_url": f"/me?key={SECRET}"}, Invalid),
    ("service_header", {"header": "Host"}, Invalid),
    ("service_header", {"header": "X: y"}, Invalid),
    ("service_query", {"parameter": "a&b"}, Invalid),
    ("service_query", {"test_url": "/me?key=1"}, Invalid),
]


@pytest.mark.parametrize(("name", "changes", "error"), WRONG_FIELDS, ids=str)
def test_a_wrong_field_is_refused_before_anything_is_stored(
    name: str, changes: dict[str, str], error: type[CoreError]
) -> None:
    base = {"smtp": SMTP, "mailgun": {"domain": "mg.example.com"}}.get(name, SERVICE)
    draft = KeyDraft("n", name, SECRET, settings={**base, **changes})
    with pytest.raises(error):
        drafts.new_key(all_kinds()[name], draft, EgressPolicy(), "user_1")


def test_hosts_are_kept_in_one_spelling() -> None:
    kind = all_kinds()["service_bearer"]
    policy = EgressPolicy.from_allowlist("127.0.0.1:8080")
    typed = {"hosts": "https://203.0.112.7/, 203.0.112.7 http://127.0.0.1:8080", "test_url": "/v1/me"}
    key, _ = drafts.new_key(kind, KeyDraft("n", kind.name, SECRET, settings=typed), policy, "user_1")
    assert key.settings == {
        "hosts": "203.0.112.7, http://127.0.0.1:8080",
        "test_url": "https://203.0.112.7/v1/me",
    }
