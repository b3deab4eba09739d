"""The audit log and administration over the API: everything that the pages show, and no secret."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from app import runtime
from core import clock
from core.accounts.models import User
from core.audit.origin import note_doer
from core.bootstrap import Core, build_core
from core.config import load_settings
from core.keys.models import KeyDraft
from core.notify import messages
from core.notify.failures import MailRefused
from core.runs.models import WorkerInfo
from tests.conftest import PASSWORD
from tests.support.bearer import Bearer
from tests.support.mailbox import MAIL_SETTINGS, MemoryTransport

MASTER_KEY = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY="
CANARIES = {
    "mail server": "pa55-for-mail-Canary",
    "provider": "GOCSPX-client-Canary",
    "link": "TOKEN-of-a-link-Canary",
    "key": "zk-Canary-0123456789",
    "master key": MASTER_KEY.rstrip("="),
    "password": PASSWORD,
}


@pytest.fixture
def with_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mail and a sign-in provider are set up by settings that have secrets."""
    chosen = {
        **MAIL_SETTINGS,
        "SMTP_URL": f"smtp://user:{CANARIES['mail server']}@127.0.0.1:9?tls=off",
        "ZOARK_OAUTH_GOOGLE_CLIENT_ID": "client-of-acme",
        "ZOARK_OAUTH_GOOGLE_CLIENT_SECRET": CANARIES["provider"],
        "ZOARK_OAUTH_GITHUB_CLIENT_ID": "half",
    }
    for name, value in chosen.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def admin(client: TestClient, api_core: Core, root: User) -> Bearer:
    return Bearer(client, api_core, root)


def write_mail(core: Core) -> str:
    link = f"https://zoark.example.com/verify?token={CANARIES['link']}"
    with core.db.transaction() as connection:
        mail_id = core.mail.put(connection, "dora@example.com", messages.verification(link))
    assert mail_id
    return mail_id


def test_the_log_is_read_page_by_page_with_every_field(admin: Bearer, alice: User) -> None:
    whole = admin.get("/audit", limit=200)["items"]
    assert list(admin.walk("/audit", limit=2)) == whole
    assert [entry["seq"] for entry in whole] == list(range(len(whole), 0, -1))
    assert "sign_in.succeeded" in [entry["action"] for entry in whole]
    answer = admin.call("POST", "/departments", {"name": "Legal"})
    (entry,) = admin.get("/audit", action="department.added", q="ROOT@")["items"]
    at, seq = entry.pop("at"), entry.pop("seq")
    assert at.endswith("Z")
    assert seq > whole[0]["seq"]
    assert entry == {
        "actor": {"id": admin.user.id, "email": "root@example.com"},
        "doer": None,
        "address": "testclient",
        "action": "department.added",
        "object": {"type": "department", "id": "legal"},
        "result": "ok",
        "request_id": answer.headers["x-request-id"],
        "detail": {"to": "Legal"},
    }
    note_doer("token t1")
    admin.core.departments.delete(admin.user, "legal")
    (entry,) = admin.get("/audit", action="department.deleted")["items"]
    assert (entry["actor"]["email"], entry["doer"]) == ("root@example.com", "token t1")
    assert "department.added" in list(admin.walk("/audit/actions", limit=1))
    assert admin.get("/audit", q="no such thing")["items"] == []


def test_the_log_is_cut_by_time(admin: Bearer) -> None:
    later = (clock.now() + timedelta(minutes=1)).isoformat()
    assert admin.get("/audit", since=later)["items"] == []
    assert len(admin.get("/audit", until=later, since="1970-01-01T00:00:00Z")["items"]) > 1
    assert admin.get("/audit", until="2026-01-01T00:00:00+02:00")["items"] == []
    wrong = ("yesterday", "2026-01-01T00:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "0.5")
    for moment in wrong:
        assert admin.refusal("GET", "/audit", since=moment) == (422, "invalid", ["/since"])
        assert admin.refusal("GET", "/audit/export", until=moment) == (422, "invalid", ["/until"])


def test_the_log_is_exported_and_checked(admin: Bearer, alice: User) -> None:
    answer = admin.call("GET", "/audit/export", q="alice")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert answer.headers["content-type"].startswith("text/csv")
    assert [row["actor_email"] for row in csv.DictReader(io.StringIO(answer.text))] == ["alice@example.com"]
    (entry,) = admin.get("/audit", action="audit.exported")["items"]
    assert entry["detail"]["search"] == "alice"
    chain = admin.get("/audit/check")
    assert (chain["is_whole"], chain["problem"], chain["entries"]) == (True, None, entry["seq"])


def test_the_organisation_is_changed_all_or_nothing(admin: Bearer, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = admin.get("/admin/organisation")
    assert (seen["registration"], seen["registration_is_fixed"]) == ("open", True)
    domains = {"company_name": " Acme ", "allowed_email_domains": ["@Example.com", ""], "registration": "open"}
    after = admin.call("PATCH", "/admin/organisation", domains).json()
    assert after == {**seen, "company_name": "Acme", "allowed_email_domains": ["example.com"]}
    for body, pointer in (
        ({"company_name": "B", "session_idle_minutes": 120, "session_life_hours": 1}, "/session_idle_minutes"),
        ({"company_name": "B", "registration": "closed"}, "/registration"),
        ({"company_name": "B", "allowed_email_domains": ["no domain"]}, "/allowed_email_domains"),
        ({"company_name": "B", "session_idle_minutes": 4}, "/session_idle_minutes"),
        ({"company_name": "B", "two_factor_for": None}, "/two_factor_for"),
        ({"company_name": "B", "nonsense": 1}, "/nonsense"),
    ):
        assert admin.refusal("PATCH", "/admin/organisation", body) == (422, "invalid", [pointer])
    assert admin.get("/admin/organisation") == after


def test_setting_up_is_followed(admin: Bearer) -> None:
    assert admin.get("/admin/setup")["next_step"] == "company"
    admin.call("PUT", "/admin/setup/steps/company", {"state": "done"})
    now = admin.call("PUT", "/admin/setup/steps/company", {"state": "skipped"}).json()
    assert now["steps"][0] == {"step": "company", "state": "done"}
    assert now["steps"][1] == {"step": "departments", "state": "open"}
    assert admin.refusal("PUT", "/admin/setup/steps/other", {"state": "done"}) == (422, "invalid", ["/step"])
    assert admin.call("POST", "/admin/setup/postpone").json()["postponed_at"]
    assert admin.call("POST", "/admin/setup/hide-reminder").json()["reminder_hidden_at"]
    assert admin.call("POST", "/admin/setup/finish").json()["finished_at"]


def test_mail_is_followed_and_sent_again(with_secrets: None, admin: Bearer) -> None:
    core = admin.core
    post = core.mail.transport = MemoryTransport()
    while core.outbox.deliver_next():
        pass
    post.fail_with = [MailRefused(answer="550 no such user")]
    failed = write_mail(core)
    core.outbox.deliver_next()
    (mail,) = admin.get("/admin/mail/messages", group="failed")["items"]
    assert (mail["id"], mail["state"], mail["can_be_retried"], mail["attempts"]) == (failed, "failed", True, 1)
    again = admin.call("POST", f"/admin/mail/messages/{failed}/retry")
    assert (again.status_code, again.json()["state"]) == (202, "queued")
    assert admin.refusal("POST", f"/admin/mail/messages/{failed}/retry") == (409, "conflict", [])
    test = admin.call("POST", "/admin/mail/test")
    assert admin.get(test.headers["location"].removeprefix("/api/v1"))["recipient"] == "root@example.com"
    write_mail(core)
    waiting = list(admin.walk("/admin/mail/messages", limit=1))
    assert [mail["state"] for mail in waiting] == ["queued"] * 3
    status = admin.get("/admin/mail")
    assert (status["transport"], status["queued"], status["setting"]) == ("Memory", 3, "SMTP_URL")
    assert admin.call("POST", "/admin/mail/retry").json() == {"count": 0}
    assert admin.refusal("GET", "/admin/mail/messages/mail_gone") == (404, "not_found", [])
    assert admin.refusal("GET", "/admin/mail/messages", group="void") == (422, "invalid", ["/group"])
    assert admin.refusal("PUT", "/admin/mail/key", {"api_key_id": None}) == (409, "conflict", [])
    for _ in range(10):
        limited = admin.call("POST", "/admin/mail/test")
    assert (limited.status_code, int(limited.headers["retry-after"]) > 0) == (429, True)


def test_mail_is_sent_with_a_key_that_was_chosen(admin: Bearer, alice: User) -> None:
    core = admin.core
    assert admin.get("/admin/mail")["transport"] is None
    assert admin.refusal("PUT", "/admin/mail/key", {"api_key_id": "key_gone"}) == (404, "not_found", [])
    draft = KeyDraft("Mail", "sendgrid", CANARIES["key"], settings={"sender": "zoark@example.com"})
    key = core.keys.add(admin.user, draft)
    found = admin.refusal("PUT", "/admin/mail/key", {"api_key_id": key.id})
    assert found == (422, "invalid", ["/api_key_id"])
    assert admin.refusal("PUT", "/admin/mail/key", {}) == (422, "invalid", ["/api_key_id"])
    assert admin.call("PUT", "/admin/mail/key", {"api_key_id": None}).json()["api_key_id"] is None


def test_the_workers_that_are_alive_are_shown(admin: Bearer) -> None:
    assert admin.get("/admin/workers") == {
        "state": "none",
        "workers": [],
        "backlog": {"queued": 0, "running": 0, "oldest_queued_at": None},
    }
    now = clock.now()
    admin.core.journal.worker_started(WorkerInfo("w1", "desk", 42, False, now, now, None, 4))
    shown = admin.get("/admin/workers")
    (worker,) = shown["workers"]
    assert (shown["state"], worker["host"], worker["pid"], worker["slots"]) == ("running", "desk", 42, 4)


def test_the_built_in_model_is_prepared(admin: Bearer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin.core.local_model, "why_unavailable", lambda: "it needs Linux.")
    assert admin.refusal("POST", "/admin/local-model") == (409, "local_model_unavailable", [])
    assert admin.get("/admin/local-model")["why_unavailable"] == "it needs Linux."
    monkeypatch.setattr(admin.core.local_model, "why_unavailable", lambda: None)
    assert admin.call("POST", "/admin/local-model").json()["state"] == "requested"
    assert admin.get("/admin/local-model")["state"] == "requested"


def test_the_master_key_is_rotated_and_the_old_one_removed(
    client: TestClient, api_core: Core, root: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the keys are in a file, which Zoark may change."""
    (tmp_path / "master.keys").write_text(f"1:{MASTER_KEY}")
    monkeypatch.delenv("ZOARK_MASTER_KEYS")
    core = build_core(load_settings())
    monkeypatch.setattr(runtime._process, "core", core)
    admin = Bearer(client, core, root)
    before = admin.get("/admin/master-keys")
    assert [key["number"] for key in before["keys"]] == [1]
    assert (before["is_in_file"], before["is_rotating"], before["next_number"]) == (True, False, 2)
    rotated = admin.call("POST", "/admin/master-keys/rotate")
    after = rotated.json()
    assert (rotated.status_code, after["sealed_with_newest"]) == (202, after["secrets"])
    assert [(key["number"], key["state"]) for key in after["keys"]] == [(2, "newest"), (1, "unneeded")]
    assert after["rotation"]["started_by"] == "root@example.com"
    assert sum(one["secrets"] for one in after["sealed"] if one["number"] == 2) == after["secrets"]
    assert admin.refusal("DELETE", "/admin/master-keys/1") == (409, "conflict", [])  # a minute has to pass
    assert admin.refusal("DELETE", "/admin/master-keys/99") == (409, "conflict", [])
    assert admin.refusal("DELETE", "/admin/master-keys/rotate") == (404, "not_found", [])
    later = clock.now() + timedelta(minutes=2)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert admin.call("DELETE", "/admin/master-keys/1").status_code == 204
    # What the old key has signed is void, too: the client logs in again, or refreshes.
    assert admin.refusal("GET", "/admin/master-keys")[0] == 401
    assert [key["number"] for key in Bearer(client, core, root).get("/admin/master-keys")["keys"]] == [2]
    core.close()


def test_sign_in_providers_say_what_is_missing(with_secrets: None, admin: Bearer) -> None:
    found = {one["name"]: one for one in admin.walk("/admin/sign-in-providers", limit=1)}
    assert (found["google"]["is_set_up"], found["google"]["missing"]) == (True, [])
    assert found["google"]["redirect_uri"] == "https://zoark.example.com/oauth/google/callback"
    assert "ZOARK_OAUTH_GITHUB_CLIENT_SECRET" in found["github"]["missing"]
    assert admin.refusal("POST", "/admin/sign-in-providers/nobody/check") == (404, "not_found", [])
    checked = admin.call("POST", "/admin/sign-in-providers/github/check").json()
    assert checked["ok"] is False
    assert "ZOARK_OAUTH_GITHUB_CLIENT_SECRET" in checked["findings"][0]["message"]


def test_no_answer_has_a_secret(with_secrets: None, admin: Bearer, alice: User) -> None:
    core = admin.core
    core.keys.add(admin.user, KeyDraft("Mine", "openai", CANARIES["key"]))
    write_mail(core)
    failed = write_mail(core)
    core.outbox.deliver_next()
    paths = admin.client.get("/api/v1/openapi.json").json()["paths"]
    nouns = ("/people", "/departments", "/audit", "/admin")
    values = {"person_id": alice.id, "slug": "hr", "message_id": failed}
    read = 0
    for path, operations in paths.items():
        if path.startswith(nouns) and "get" in operations:
            answer = admin.call("GET", path.format(**values))
            assert answer.status_code == 200, (path, answer.text)
            found = {name for name, canary in CANARIES.items() if canary in answer.text}
            assert (path, found) == (path, set())
            read += 1
    assert read > 15
