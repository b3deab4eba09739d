"""Usage, statements, shared costs, budgets, limits and prices over the API tell what the core has."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, get_args

import pytest
from starlette.testclient import TestClient

from core import clock, months
from core.accounts.models import User
from core.bootstrap import Core
from core.usage.models import Group
from tests.api.caller import Caller
from tests.api.conftest import DAY, MONTH
from tests.support.booked_calls import Books
from tests.support.stopped_clock import ShiftedClock

pytestmark = pytest.mark.usefixtures("in_the_middle_of_a_month")


@pytest.fixture
def owner(api_core: Core, client: TestClient, alice: User) -> Caller:
    return Caller(api_core, client, alice)


@pytest.fixture
def admin(api_core: Core, client: TestClient, root: User) -> Caller:
    return Caller(api_core, client, root)


@pytest.fixture
def books(api_core: Core, alice: User) -> Books:
    """Three priced calls of Alice's and one whose cost is unknown."""
    booked = Books(api_core, alice)
    for micros in (100, 200, 300):
        booked.call("hr", micros)
    booked.call(None, None, is_pool=False, model="a-model-of-tomorrow")
    return booked


@pytest.mark.parametrize("group", get_args(Group))
def test_usage_adds_up_to_the_totals(owner: Caller, admin: Caller, books: Books, group: str) -> None:
    for who, scope in ((owner, "mine"), (admin, "everybody")):
        totals = who.get("/usage/totals", scope=scope)
        items = who.all("/usage", group_by=group, scope=scope, limit=1)
        assert (totals["calls"], totals["cost_micros"], totals["unpriced_calls"]) == (4, 600, 1)
        for name in ("calls", "input_tokens", "output_tokens", "unpriced_calls"):
            assert sum(item[name] for item in items) == totals[name]
        assert sum(item["cost_micros"] or 0 for item in items) == 600


def test_usage_items_have_groups_labels_and_unknown_costs(owner: Caller, books: Books) -> None:
    by_model = {item["group"]: item for item in owner.all("/usage", group_by="model")}
    assert by_model["a-model-of-tomorrow"]["cost_micros"] is None
    assert (by_model["gpt-4o"]["calls"], by_model["gpt-4o"]["cost_micros"]) == (3, 600)
    (agent,) = owner.all("/usage", group_by="agent")
    assert (agent["group"], agent["label"]) == (books.origin.agent_id, "Clerk")
    assert {i["group"]: i["label"] for i in owner.all("/usage", group_by="department")} == {"hr": "HR", None: None}
    (key,) = owner.all("/api-keys/usage", days=1)
    assert (key["group"], key["calls"], key["cost_micros"]) == (books.origin.key_id, 4, 600)


@pytest.mark.parametrize(
    ("span", "calls"),
    [
        ({"from": DAY, "to": DAY}, 4),
        ({"from": DAY}, 4),
        ({"to": DAY}, 4),
        ({"to": f"{DAY}T00:00:00Z"}, 0),
        ({"from": f"{DAY}T00:00:00", "to": f"{DAY}T23:59:59.999+00:00"}, 4),
        ({"from": "2020-01-01", "to": "2021-01-01"}, 0),
    ],
)
def test_a_span_is_of_days_or_moments(owner: Caller, books: Books, span: dict[str, str], calls: int) -> None:
    assert owner.get("/usage/totals", **span)["calls"] == calls
    assert sum(item["calls"] for item in owner.all("/usage", **span)) == calls
    assert len(owner.all("/usage/calls", **span)) == calls


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"from": "yesterday"}, "/from"),
        ({"to": "9999-12-31"}, "/to"),
        ({"from": ""}, "/from"),
        ({"from": "2026-02-01", "to": "2026-01-01"}, ""),
        ({"from": "2024-01-01", "to": "2026-01-01"}, ""),
        ({"group_by": "moon"}, "/group_by"),
        ({"scope": "nobody"}, "/scope"),
        ({"limit": 10**30}, "/limit"),
        ({"page": 2}, "/page"),
    ],
)
def test_a_wrong_query_is_named(owner: Caller, query: dict[str, Any], pointer: str) -> None:
    problem = owner.do(422, "GET", "/usage", **query)
    assert [(error["place"], error["pointer"]) for error in problem["errors"]] == [("query", pointer)], problem


def test_a_member_reads_nobody_elses_usage(owner: Caller, books: Books, charlie: User, api_core: Core) -> None:
    for scope in ("department", "everybody"):
        owner.do(403, "GET", "/usage", scope=scope)
        owner.do(403, "GET", "/usage/totals", scope=scope)
    assert owner.get("/usage/scopes") == {"scopes": ["mine"]}


def test_calls_come_in_pages(owner: Caller, admin: Caller, api_core: Core, alice: User, books: Books) -> None:
    found = owner.all("/usage/calls", limit=3)
    moment = clock.now()
    expected = api_core.usage.recent(alice, moment - timedelta(days=1), moment)
    assert [call["id"] for call in found] == [call.id for call in expected]
    assert found[-1]["cost_micros"] == 100
    assert admin.all("/usage/calls") == []
    for cursor in ("x", "W10", owner.get("/usage", limit=1, group_by="model")["next"]):
        owner.do(422, "GET", "/usage/calls", cursor=cursor)


# --- statements ------------------------------------------------------------------------------------


def test_a_statement_is_the_same_as_json_and_csv(owner: Caller, admin: Caller, books: Books) -> None:
    statement = admin.get(f"/statements/{MONTH}")
    assert (statement["view"], statement["state"], statement["unpriced_calls"]) == ("everybody", "open", 1)
    assert statement["total_micros"] == sum(one["total_micros"] for one in statement["departments"]) == 600
    uses = admin.all(f"/statements/{MONTH}/uses", limit=1)
    assert sum(use["cost_micros"] or 0 for use in uses) == 600
    assert {use["model"]: use["cost_micros"] for use in uses} == {"gpt-4o": 600, "a-model-of-tomorrow": None}
    answer = admin.send("GET", "/usage/statement", month=MONTH)
    assert answer.headers["content-type"].startswith("text/csv")
    rows = [row for row in csv.DictReader(io.StringIO(answer.text)) if row["kind"] == "use"]
    assert sum(int(row["micros"] or 0) for row in rows) == 600
    assert owner.get(f"/statements/{MONTH}")["view"] == "mine"
    owner.do(403, "GET", "/usage/statement", view="everybody")
    owner.do(403, "GET", f"/statements/{MONTH}", view="department")
    admin.do(404, "GET", f"/statements/{MONTH}", department="moon")
    for month in ("2026-13", "26-11", "2026-1", "x"):
        assert admin.do(422, "GET", f"/statements/{month}")["errors"][0]["place"] == "path"


def test_an_administrator_adjusts_takes_back_and_does_not_close_early(admin: Caller) -> None:
    given = {"department": "hr", "amount_micros": -250_000, "reason": "Credit"}
    answer = admin.send("POST", f"/statements/{MONTH}/adjustments", given)
    made = answer.json()
    assert admin.get(answer.headers["location"].removeprefix("/api/v1")) == made
    back = admin.do(201, "POST", f"/statements/{MONTH}/adjustments/{made['id']}/reverse")
    assert (back["micros"], back["reverses"]) == (250_000, made["id"])
    admin.do(409, "POST", f"/statements/{MONTH}/adjustments/{made['id']}/reverse")
    admin.do(404, "POST", f"/statements/{months.shifted(MONTH, -1)}/adjustments/{back['id']}/reverse")
    assert [one["micros"] for one in admin.get(f"/statements/{MONTH}")["adjustments"]] == [-250_000, 250_000]
    assert admin.do(409, "POST", f"/statements/{MONTH}/close")["code"] == "conflict"
    for wrong in ({"amount_micros": 0}, {"department": "moon"}, {"reason": " "}, {"amount_micros": 10**14}):
        problem = admin.do(422, "POST", f"/statements/{MONTH}/adjustments", {**given, **wrong})
        assert [error["pointer"] for error in problem["errors"]] == [f"/{next(iter(wrong))}"]


def test_a_month_that_is_over_is_closed_once(
    admin: Caller, api_core: Core, client: TestClient, root: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin.do(201, "POST", "/shared-costs", {"name": "Server", "amount_micros": 6_000_000, "first_month": MONTH})
    ShiftedClock(monkeypatch, months.end_of(MONTH) + timedelta(hours=1))
    then = Caller(api_core, client, root)
    assert [m["can_be_closed"] for m in then.all("/statements", limit=1)] == [False, True]
    closed = then.do(200, "POST", f"/statements/{MONTH}/close")
    assert (closed["state"], closed["closed_by"], closed["total_micros"]) == ("closed", "Root", 6_000_000)
    assert then.get(f"/statements/{MONTH}") == closed
    then.do(409, "POST", f"/statements/{MONTH}/close")


def test_shared_costs_and_their_rules(admin: Caller) -> None:
    given = {"name": "Server", "amount_micros": 5, "first_month": MONTH}
    made = admin.do(201, "POST", "/shared-costs", given)
    assert made == {**given, "id": made["id"], "last_month": None, "rule": None}
    rule = {"kind": "percent", "percents": {"hr": 4000, "sales": 6000}}
    changed = admin.do(200, "PATCH", f"/shared-costs/{made['id']}", {"rule": rule, "last_month": MONTH})
    assert changed == {**made, "rule": rule, "last_month": MONTH}
    assert admin.get(f"/shared-costs/{made['id']}") == changed
    cleared = admin.do(200, "PATCH", f"/shared-costs/{made['id']}", {"rule": None, "last_month": None})
    assert cleared == made
    assert admin.do(200, "PUT", "/shared-costs/rules/default", {"kind": "heads"}) == {
        "kind": "heads",
        "percents": {},
    }
    assert admin.get("/shared-costs/rules")["default"]["kind"] == "heads"
    for percents in ({"hr": 1}, {"moon": 10_000}):
        wrong = {"kind": "percent", "percents": percents}
        problem = admin.do(422, "POST", "/shared-costs", {**given, "rule": wrong})
        assert problem["errors"][0]["pointer"] == "/rule/percents"
        problem = admin.do(422, "PUT", "/shared-costs/rules/default", wrong)
        assert problem["errors"][0]["pointer"] == "/percents"
    admin.do(204, "DELETE", f"/shared-costs/{made['id']}")
    admin.do(404, "PATCH", f"/shared-costs/{made['id']}", {})


# --- budgets, limits, prices -----------------------------------------------------------------------


def test_a_budget_tells_what_is_spent(owner: Caller, admin: Caller, books: Books, alice: User) -> None:
    given = {"scope": "person", "scope_id": alice.id, "period": "month", "limit_micros": 700}
    answer = admin.send("POST", "/budgets", given)
    made = answer.json()
    assert (made["spent_micros"], made["left_micros"], made["name"]) == (600, 100, "Alice")
    assert owner.get(answer.headers["location"].removeprefix("/api/v1")) == {**made, "may_change": False}
    assert [b["id"] for b in owner.all("/budgets/near-limit")] == [made["id"]]
    assert owner.all("/budgets", scope="agent") == owner.all("/budgets", period="day") == []
    assert admin.all("/budgets", scope="person", scope_id=alice.id) == [made]
    assert admin.do(409, "POST", "/budgets", given)["code"] == "conflict"
    owner.do(403, "PATCH", f"/budgets/{made['id']}", {"limit_micros": 1})
    assert admin.do(200, "PATCH", f"/budgets/{made['id']}", {"limit_micros": 6000})["share"] == 0.1
    admin.do(404, "POST", "/budgets", {**given, "scope": "agent", "scope_id": "agent_x"})
    admin.do(422, "POST", "/budgets", {**given, "scope": "run"})
    admin.do(204, "DELETE", f"/budgets/{made['id']}")
    assert {one["name"] for one in admin.all("/budgets/candidates", scope="person", limit=1)} == {"Alice", "Root"}


def test_a_limit_is_set_replaced_and_removed(owner: Caller, admin: Caller, alice: User) -> None:
    given = {"scope": "person", "scope_id": alice.id, "requests_per_minute": 60}
    made = admin.do(200, "PUT", "/limits", given)
    assert (made["name"], made["tokens_per_minute"], made["may_change"]) == ("Alice", None, True)
    replaced = admin.do(200, "PUT", "/limits", {"scope": "person", "scope_id": alice.id, "concurrent_runs": 2})
    assert (replaced["id"], replaced["requests_per_minute"], replaced["concurrent_runs"]) == (made["id"], None, 2)
    assert owner.all("/limits") == [{**replaced, "may_change": False}]
    admin.do(200, "PUT", "/limits", {"scope": "department", "tokens_per_minute": 9})
    assert len(admin.all("/limits", limit=1)) == 2
    assert alice.id in {one["scope_id"] for one in admin.all("/limits/subjects", limit=3)}
    problem = admin.do(422, "PUT", "/limits", {"scope": "person", "scope_id": alice.id})
    assert problem["errors"][0]["pointer"] == "/requests_per_minute"
    admin.do(404, "PUT", "/limits", {**given, "scope_id": "user_x"})
    admin.do(204, "DELETE", f"/limits/{made['id']}")
    admin.do(404, "DELETE", f"/limits/{made['id']}")


def test_a_price_is_set_found_and_ended(owner: Caller, admin: Caller, books: Books) -> None:
    rates = {"input_micros_per_million": 2_000_000, "output_micros_per_million": 9_000_000}
    given = {"provider": "openai", "model": "A-Model-of-*", **rates}
    answer = admin.send("POST", "/prices", given)
    made = answer.json()
    assert (made["model"], made["state"], made["starts_on"]) == ("a-model-of-*", "in force", DAY)
    assert admin.get(answer.headers["location"].removeprefix("/api/v1")) == made
    assert admin.do(409, "POST", "/prices", given)["code"] == "conflict"
    price = owner.get("/prices/of", provider="openai", model="a-model-of-tomorrow")
    step = {"from_input_tokens": 0, **rates, "cached_micros_per_million": 2_000_000}
    assert (price["source"], price["steps"]) == ("override", [step])
    in_use = {one["model"]: one["source"] for one in admin.all("/prices/models", limit=1)}
    assert in_use == {"a-model-of-tomorrow": "override", "gpt-4o": "catalogue"}
    assert admin.do(200, "POST", f"/prices/{made['id']}/end")["state"] == "ended"
    admin.do(409, "POST", f"/prices/{made['id']}/end")
    assert admin.all("/prices", state="ended", provider="openai")[0]["ended_by"] == "Root"
    assert owner.get("/prices/of", provider="openai", model="a-model-of-tomorrow")["steps"] == []
    owner.do(404, "GET", "/prices/of", provider="nobody", model="x")
    assert owner.get("/prices/catalogue")["version"].startswith("genai-prices")


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"model": "a*b"}, "/model"),
        ({"model": "\u0130" * 200}, "/model"),
        ({"model": " "}, "/model"),
        ({"starts_on": "2020-01-01"}, "/starts_on"),
        ({"starts_on": 5}, "/starts_on"),
        ({"cached_micros_per_million": 3}, "/cached_micros_per_million"),
        ({"input_micros_per_million": 10**30}, "/input_micros_per_million"),
        ({"note": "a\u0007"}, "/note"),
    ],
)
def test_a_wrong_price_is_named(admin: Caller, change: dict[str, Any], pointer: str) -> None:
    rates = {"input_micros_per_million": 1, "output_micros_per_million": 1}
    problem = admin.do(422, "POST", "/prices", {"provider": "openai", "model": "m", **rates, **change})
    assert [error["pointer"] for error in problem["errors"]] == [pointer]


def test_a_personal_token_reads_and_changes_nothing_sensitive(
    client: TestClient, api_core: Core, root: User
) -> None:
    made = api_core.tokens.create(root.proven(clock.now()), "t", ["usage:read", "admin:write"], 1)
    headers = {"Authorization": f"Bearer {made.secret.get_secret_value()}"}
    assert client.get(f"/api/v1/statements/{MONTH}", headers=headers).status_code == 200
    for method, path, body in _sensitive():
        answer = client.request(method, f"/api/v1{path}", json=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "step_up_required"), path


def _sensitive() -> Iterator[tuple[str, str, Any]]:
    rates = {"input_micros_per_million": 1, "output_micros_per_million": 1}
    yield "POST", "/prices", {"provider": "openai", "model": "m", **rates}
    yield "POST", f"/statements/{MONTH}/adjustments", {"department": "hr", "amount_micros": 1, "reason": "x"}
    yield "PUT", "/shared-costs/rules/default", {"kind": "heads"}
