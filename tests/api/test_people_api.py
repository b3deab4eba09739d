"""People and departments over the API: the same rights, steps and sentences as on the pages."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import update
from starlette.testclient import TestClient

from app.api.paging import encode
from core.accounts.models import Role, User
from core.bootstrap import Core
from core.db.tables import users
from tests.conftest import PASSWORD
from tests.support.bearer import Bearer, let_proofs_grow_old
from tests.support.mailbox import MemoryTransport

# Text that no database stores.
NOBODY, NO_MAIL = encode("\ud800"), encode("2026-01-01T00:00:00+00:00", "\x00\ud800")
# Cursors of a list's form that it never gave: [1], ["a", 1] where it is read whole, and those.
OF_THE_FORM = {
    ("/audit", "WzFd"),
    ("/departments", "WyJhIiwgMV0"),
    ("/audit/actions", "WyJhIiwgMV0"),
    ("/people", NOBODY),
    ("/admin/mail/messages", NO_MAIL),
}


@pytest.fixture
def admin(client: TestClient, api_core: Core, root: User) -> Bearer:
    return Bearer(client, api_core, root)


def in_department(core: Core, root: User, name: str, role: Role, department: str | None) -> User:
    made = core.accounts.create_user(f"{name}@example.com", name.title(), PASSWORD, role)
    core.people.set_department(root, made.id, department)
    return replace(made, department=department)


def test_people_come_page_by_page_and_are_searched(admin: Bearer, alice: User, charlie: User) -> None:
    people = list(admin.walk("/people", limit=1))
    assert [person["name"] for person in people] == ["Alice", "Charlie", "Root"]
    assert [person["email"] for person in admin.get("/people", q=" ALICE@")["items"]] == ["alice@example.com"]
    assert people[0] == admin.get(f"/people/{alice.id}")
    assert {name: people[0][name] for name in ("role", "department", "is_active", "has_two_factor")} == {
        "role": "member",
        "department": None,
        "is_active": True,
        "has_two_factor": False,
    }
    assert admin.get("/people", q="nobody at all") == {"items": [], "next": None}


def test_an_administrator_changes_what_is_said_and_nothing_else(admin: Bearer, alice: User) -> None:
    path = f"/people/{alice.id}"
    assert admin.call("PATCH", path, {"department": "hr"}).json()["department"] == "hr"
    changed = admin.call("PATCH", path, {"role": "manager"}).json()
    assert (changed["role"], changed["department"]) == ("manager", "hr")
    changed = admin.call("PATCH", path, {"role": "viewer", "department": None}).json()
    assert (changed["role"], changed["department"]) == ("viewer", None)
    assert admin.call("PATCH", path, {}).json() == changed
    assert admin.refusal("PATCH", path, {"role": "boss"}) == (422, "invalid", ["/role"])
    assert admin.refusal("PATCH", path, {"department": "moon"}) == (422, "invalid", ["/department"])
    assert admin.refusal("PATCH", path, {"email": "other@example.com"})[0] == 422
    assert admin.refusal("PATCH", f"/people/{admin.user.id}", {"role": "member"}) == (409, "conflict", [])


def test_a_suspended_person_is_out_at_once(admin: Bearer, client: TestClient, alice: User) -> None:
    hers = Bearer(client, admin.core, alice)
    assert hers.get("/auth/me")["name"] == "Alice"
    assert admin.call("POST", f"/people/{alice.id}/suspend").json()["is_active"] is False
    assert hers.refusal("GET", "/auth/me")[0] == 401
    assert admin.call("POST", f"/people/{alice.id}/reactivate").json()["is_active"] is True
    hers = Bearer(client, admin.core, alice)
    assert admin.call("POST", f"/people/{alice.id}/end-sessions").json() == {"count": 1}
    assert hers.refusal("GET", "/auth/me")[0] == 401
    assert admin.refusal("POST", f"/people/{admin.user.id}/suspend") == (409, "conflict", [])


def test_two_factor_sign_in_is_reset_by_administrators(admin: Bearer, alice: User) -> None:
    with admin.core.db.transaction() as connection:
        connection.execute(update(users).where(users.c.id == alice.id).values(totp_enabled_at=alice.created_at))
    assert admin.get(f"/people/{alice.id}")["has_two_factor"] is True
    assert admin.call("POST", f"/people/{alice.id}/reset-two-factor").json()["has_two_factor"] is False
    assert admin.refusal("POST", f"/people/{admin.user.id}/reset-two-factor")[0] == 409


def test_an_invitation_is_a_link_only_where_there_is_no_mail(admin: Bearer) -> None:
    body = {"email": "Ada@Example.com", "role": "manager", "department": "hr"}
    answer = admin.call("POST", "/people/invitations", body)
    assert answer.status_code == 201
    link = answer.json()["link"]
    assert link.startswith("http://testserver/invitation?token=")
    assert admin.core.mail_links.invitation(link.partition("token=")[2]).role == "manager"
    admin.core.mail.transport = MemoryTransport()
    assert admin.call("POST", "/people/invitations", body).json()["link"] is None
    assert admin.refusal("POST", "/people/invitations", {"email": "nobody"}) == (422, "invalid", ["/email"])
    known = {"email": admin.user.email}
    assert admin.refusal("POST", "/people/invitations", known) == (409, "conflict", [])


def test_a_repeated_invitation_is_not_another_one(admin: Bearer) -> None:
    admin.headers["Idempotency-Key"] = "one"
    links = {admin.call("POST", "/people/invitations", {"email": "a@example.com"}).json()["link"] for _ in "ab"}
    assert len(links) == 1
    assert admin.core.mail_links.invitation(links.pop().partition("token=")[2]).email == "a@example.com"


def test_a_manager_reaches_their_own_department_only(client: TestClient, api_core: Core, root: User) -> None:
    max_, sam = (
        in_department(api_core, root, *one) for one in (("max", "member", "hr"), ("sam", "member", "sales"))
    )
    mia = Bearer(client, api_core, in_department(api_core, root, "mia", "manager", "hr"))
    assert [person["name"] for person in mia.walk("/people", limit=1)] == ["Max", "Mia"]
    assert mia.call("PATCH", f"/people/{max_.id}", {"role": "viewer"}).status_code == 200
    assert mia.refusal("PATCH", f"/people/{max_.id}", {"role": "admin"}) == (403, "forbidden", [])
    assert mia.refusal("PATCH", f"/people/{max_.id}", {"department": "sales"}) == (403, "forbidden", [])
    for method, path, body in (
        ("GET", "", None),
        ("PATCH", "", {"role": "viewer"}),
        ("PATCH", "", {"department": "hr"}),
        ("POST", "/suspend", None),
        ("POST", "/reactivate", None),
        ("POST", "/end-sessions", None),
    ):
        assert mia.refusal(method, f"/people/{sam.id}{path}", body) == (404, "not_found", [])
    elsewhere = {"email": "new@example.com", "department": "sales"}
    assert mia.refusal("POST", "/people/invitations", elsewhere) == (403, "forbidden", [])
    # A cursor that names somebody out of reach shows nobody out of reach.
    cursor = Bearer(client, api_core, root).get("/people", limit=1, q="m")["next"]
    assert {person["name"] for person in mia.get("/people", cursor=cursor)["items"]} <= {"Max", "Mia"}


def test_what_is_sensitive_asks_for_a_recent_proof(admin: Bearer, client: TestClient, alice: User) -> None:
    let_proofs_grow_old(admin.core)
    token = admin.core.tokens.create(admin.user, "CI", ["admin:read", "admin:write"], 1)
    by_token = Bearer(client, admin.core, alice)
    by_token.headers = {"Authorization": f"Bearer {token.secret.get_secret_value()}"}
    for caller in (admin, by_token):
        assert caller.get(f"/people/{alice.id}")["name"] == "Alice"
        for path in ("suspend", "reactivate", "end-sessions", "reset-two-factor"):
            assert caller.refusal("POST", f"/people/{alice.id}/{path}") == (403, "step_up_required", [])
        assert caller.refusal("PATCH", f"/people/{alice.id}", {"role": "admin"})[1] == "step_up_required"
        assert caller.refusal("POST", "/people/invitations", {"email": "a@example.com"})[1] == "step_up_required"
        assert caller.refusal("GET", "/audit/export")[1] == "step_up_required"
        assert caller.refusal("PATCH", "/admin/organisation", {"company_name": "A"})[1] == "step_up_required"
        assert caller.refusal("PUT", "/admin/mail/key", {"api_key_id": None})[1] == "step_up_required"
        assert caller.refusal("POST", "/admin/master-keys/rotate")[1] == "step_up_required"
        assert caller.refusal("DELETE", "/admin/master-keys/1")[1] == "step_up_required"


def test_departments_are_read_by_everybody_and_edited_by_administrators(
    admin: Bearer, client: TestClient, alice: User
) -> None:
    hers = Bearer(client, admin.core, alice)
    slugs = [department["slug"] for department in hers.walk("/departments", limit=4)]
    assert slugs == ["sales", "hr", "finance", "operations", "marketing", "support"]
    made = admin.call("POST", "/departments", {"name": "Research & Development"})
    assert (made.status_code, made.headers["location"]) == (201, "/api/v1/departments/research-development")
    assert made.json() == {"slug": "research-development", "name": "Research & Development", "position": 7}
    path = made.headers["location"].removeprefix("/api/v1")
    changed = {"slug": "research-development", "name": "Research", "position": 2}
    assert admin.call("PATCH", path, {"name": "Research", "position": 2}).json() == changed == hers.get(path)
    assert admin.refusal("PATCH", path, {"name": "sales"}) == (409, "conflict", [])
    assert admin.refusal("PATCH", path, {"position": 0}) == (422, "invalid", ["/position"])
    assert admin.refusal("POST", "/departments", {"name": " "}) == (422, "invalid", ["/name"])
    assert admin.call("DELETE", path).status_code == 204
    assert hers.refusal("GET", path) == (404, "not_found", [])
    admin.core.people.set_department(admin.user, alice.id, "hr")
    assert admin.refusal("DELETE", "/departments/hr") == (409, "conflict", [])


def test_a_cursor_of_another_list_is_refused(admin: Bearer) -> None:
    for path in ("/people", "/departments", "/audit", "/audit/actions", "/admin/mail/messages"):
        for cursor in ("x", "W10", "bnVsbA", "é", "WzFd", "WyJhIiwgMV0", "WyJhIiwgImIiXQ", NOBODY, NO_MAIL):
            if (path, cursor) in OF_THE_FORM:
                assert admin.get(path, cursor=cursor)["next"] is None
            else:
                assert admin.refusal("GET", path, cursor=cursor) == (422, "invalid", ["/cursor"])
