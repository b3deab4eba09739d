"""Usage, statements, shared costs, budgets, limits and prices."""

from __future__ import annotations

from core import clock
from tests.api.calls.call import Call, Sent, everybody, for_admins, for_managers, own
from tests.support.stage import DEPARTMENT, LIMIT, Stage, this_month


def adjustment(stage: Stage) -> Sent:
    return Sent({"month": this_month(), "adjustment_id": stage.adjustment()})


def in_month(_stage: Stage) -> Sent:
    return Sent({"month": this_month()})


def cost(stage: Stage) -> Sent:
    return Sent({"cost_id": stage.cost().id})


def new_cost(_stage: Stage) -> Sent:
    return Sent(body={"name": "Server", "amount_micros": 1, "first_month": this_month()})


def budget(stage: Stage) -> Sent:
    return Sent({"budget_id": stage.budget()})


def new_budget(stage: Stage) -> Sent:
    return Sent(body={"scope": "agent", "scope_id": stage.agent().id, "period": "day", "limit_micros": 1})


def limit(stage: Stage) -> Sent:
    return Sent(body={"scope": "person", "scope_id": stage.somebody(), "concurrent_runs": 3})


def set_limit(stage: Stage) -> Sent:
    given = limit(stage).body["scope_id"]
    return Sent({"limit_id": stage.core.quotas.put(stage.root(), "person", given, LIMIT).id})


def new_price(stage: Stage) -> Sent:
    rates = {"input_micros_per_million": 1, "output_micros_per_million": 1}
    return Sent(body={"provider": "openai", "model": clock.new_id("model"), **rates})


def price(stage: Stage) -> Sent:
    return Sent({"price_id": stage.core.prices.set(stage.root(), stage.price()).id})


ONE_MODEL = Sent(query={"provider": "openai", "model": "gpt-4o"})
RULE = Sent({"name": "default"}, {"kind": "heads"})
REASON = {"department": DEPARTMENT, "amount_micros": -1, "reason": "Why"}

CALLS = {
    "list_usage": Call(everybody(200)),
    "get_usage_totals": Call(for_admins(200), lambda _: Sent(query={"scope": "everybody"})),
    "get_usage_scopes": Call(everybody(200)),
    "list_calls": Call(everybody(200)),
    "get_statement_as_csv": Call(everybody(200)),
    "list_statements": Call(everybody(200)),
    "get_statement": Call(for_managers(200), lambda _: Sent({"month": this_month()}, query={"view": "department"})),
    "list_uses_of_statement": Call(everybody(200), in_month),
    "close_month": Call(for_admins(409), in_month),
    "create_adjustment": Call(for_admins(201), lambda _: Sent({"month": this_month()}, REASON)),
    # Of another department's nobody but administrators know; a stranger and a member see their own use only.
    "get_adjustment": Call((404, 404, 404, 200, 200), adjustment),
    "reverse_adjustment": Call(for_admins(201), adjustment),
    "list_shared_costs": Call(for_admins(200)),
    "create_shared_cost": Call(for_admins(201), new_cost),
    "get_split_rules": Call(for_admins(200)),
    "set_split_rule": Call(for_admins(200), lambda _: RULE),
    "get_shared_cost": Call(for_admins(200), cost),
    "change_shared_cost": Call(for_admins(200), lambda stage: Sent(cost(stage).path, {"amount_micros": 2})),
    "delete_shared_cost": Call(for_admins(204), cost),
    "list_budgets": Call(everybody(200)),
    "list_budgets_near_limit": Call(everybody(200)),
    "list_candidates_for_budgets": Call(everybody(200), lambda _: Sent(query={"scope": "person"})),
    "create_budget": Call(own(201), new_budget),
    "get_budget": Call(own(200), budget),
    "change_budget": Call(own(200), lambda stage: Sent(budget(stage).path, {"limit_micros": 2})),
    "delete_budget": Call(own(204), budget),
    "list_limits": Call(everybody(200)),
    "list_subjects_of_limits": Call(everybody(200)),
    "set_limit": Call(for_managers(200), limit),
    "remove_limit": Call((404, 404, 404, 204, 204), set_limit),
    "list_prices": Call(for_admins(200)),
    "create_price": Call(for_admins(201), new_price),
    "get_price_of_model": Call(everybody(200), lambda _: ONE_MODEL),
    "list_models_in_use": Call(for_admins(200)),
    "get_catalogue_of_prices": Call(everybody(200)),
    "get_price": Call(for_admins(200), price),
    "end_price": Call(for_admins(200), price),
}
