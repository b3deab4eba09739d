"""The SQL of shared costs and their rules."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, select, update

from core.db import Connection
from core.db.tables import shared_costs, split_rules
from core.db.upsert import upsert
from core.shared_costs.models import Rule, RuleName, SharedCost, SplitRules

costs = shared_costs.c


def all_costs(connection: Connection) -> list[SharedCost]:
    """Return every shared cost in the order they were added."""
    return [_cost(row) for row in connection.execute(select(shared_costs).order_by(costs.created_at, costs.id))]


def cost(connection: Connection, cost_id: str) -> SharedCost | None:
    """Return one shared cost."""
    row = connection.execute(select(shared_costs).where(costs.id == cost_id)).first()
    return _cost(row) if row else None


def insert_cost(connection: Connection, new: SharedCost, created_by: str, at: datetime) -> None:
    """Add a shared cost."""
    connection.execute(insert(shared_costs).values(id=new.id, created_by=created_by, created_at=at, **_values(new)))


def update_cost(connection: Connection, changed: SharedCost) -> bool:
    """Change a shared cost; False when there is none of this id."""
    statement = update(shared_costs).where(costs.id == changed.id).values(**_values(changed))
    return connection.execute(statement).rowcount == 1


def delete_cost(connection: Connection, cost_id: str) -> bool:
    """Delete a shared cost; False when there is none of this id."""
    return connection.execute(delete(shared_costs).where(costs.id == cost_id)).rowcount == 1


def first_month(connection: Connection) -> str | None:
    """Return the first month that has a shared cost."""
    return connection.execute(select(func.min(costs.first_month))).scalar()


def rules(connection: Connection) -> SplitRules:
    """Return the standing rules; what nobody has set is the default."""
    rows = connection.execute(select(split_rules))
    return SplitRules(**{row.name: Rule(row.rule, row.percents) for row in rows})


def set_rule(connection: Connection, name: RuleName, rule: Rule) -> None:
    """Set a standing rule."""
    values = {"rule": rule.kind, "percents": dict(rule.percents)}
    statement = upsert(connection, split_rules).values(name=name, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=[split_rules.c.name], set_=values))


def _values(shared: SharedCost) -> dict[str, Any]:
    return {
        "name": shared.name,
        "amount_micros": shared.amount_micros,
        "first_month": shared.first_month,
        "last_month": shared.last_month,
        "rule": shared.rule.kind if shared.rule else None,
        "percents": dict(shared.rule.percents) if shared.rule else {},
    }


def _cost(row: Any) -> SharedCost:
    rule = Rule(row.rule, row.percents) if row.rule else None
    return SharedCost(row.id, row.name, row.amount_micros, row.first_month, row.last_month, rule)
