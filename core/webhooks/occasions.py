"""What webhooks hear of: a delivery is written in the transaction of what happened, or neither is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from core.accounts.capabilities import can
from core.budgets import reach
from core.budgets.models import Subject, Warned
from core.budgets.service import Budgets
from core.db import Connection
from core.keys.failing import KeyAlarm
from core.keys.models import Key
from core.runs.ended import Ended
from core.runs.models import Run
from core.usage.service import Usage
from core.webhooks import repository
from core.webhooks.deliveries.service import moment, put
from core.webhooks.models import Event, Hearer


def tell_webhooks(runs: Ended, usage: Usage, budgets: Budgets, keys: KeyAlarm) -> None:
    """Have deliveries written for ended runs, budgets in use and keys that do not work, for those who may know."""

    def about_run(connection: Connection, run: Run) -> None:
        hearers = repository.hearers(connection, _RUN_EVENTS[run.status], [run.owner_id])
        whose = _those(hearers, lambda hearer: hearer.is_organisation or hearer.owner.id == run.owner_id)
        if whose:
            totals = usage.of_run(connection, run.id)
            told = {
                "id": run.id,
                "status": run.status,
                "agent_id": run.agent_id,
                "workflow_id": run.workflow_id,
                "workflow_version": run.workflow_version,
                "parent_run_id": run.parent.run_id if run.parent else None,
                "owner_id": run.owner_id,
                "error": {"code": run.error.code} if run.error else None,
                "cost_micros": totals.known_cost_micros,
                "input_tokens": totals.input_tokens,
                "output_tokens": totals.output_tokens,
                "created_at": moment(run.created_at),
                "ended_at": _moment(run.ended_at),
            }
            put(connection, whose, _RUN_EVENTS[run.status], told)

    def about_budget(connection: Connection, warned: Warned, subject: Subject) -> None:
        event: Event = "budget.reached" if warned.percent >= 100 else "budget.warning"
        hearers = repository.hearers(connection, event)
        budget = warned.budget
        told = {
            "id": budget.id,
            "scope": budget.scope,
            "scope_id": budget.scope_id,
            "period": budget.period,
            "percent": warned.percent,
            "limit_micros": budget.limit_micros,
            "spent_micros": warned.spent_micros,
        }
        put(connection, _those(hearers, lambda hearer: reach.may_see(hearer.owner, subject)), event, told)

    def about_key(connection: Connection, key: Key, code: str) -> None:
        hearers = repository.hearers(connection, "key.failing")
        told = {"id": key.id, "provider": key.provider, "error": {"code": code}}
        put(connection, _those(hearers, lambda hearer: _looks_after(hearer, key)), "key.failing", told)

    runs.on_end(about_run)
    budgets.on_reached(about_budget)
    keys.on_failing(about_key)


_RUN_EVENTS: dict[str, Event] = {
    "succeeded": "run.succeeded",
    "failed": "run.failed",
    "cancelled": "run.cancelled",
}


def _those(hearers: list[Hearer], may_hear: Callable[[Hearer], bool]) -> list[str]:
    return [hearer.webhook_id for hearer in hearers if hearer.may_hear and may_hear(hearer)]


def _looks_after(hearer: Hearer, key: Key) -> bool:
    if hearer.is_organisation:
        return key.is_pool
    return hearer.owner.id == key.owner_id or (key.is_pool and can(hearer.owner, "pool.manage"))


def _moment(at: datetime | None) -> str | None:
    return moment(at) if at else None
