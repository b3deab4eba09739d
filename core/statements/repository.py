"""The SQL of adjustments and closed statements."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, insert, select

from core.db import Connection
from core.db.tables import adjustments, departments, statement_lines, statements, users
from core.rollup.models import MonthUse
from core.statements.assembly import DepartmentLine
from core.statements.models import Adjustment, Cents, ShareLine, Statement

lines = statement_lines.c


def departments_with_heads(connection: Connection, until: datetime) -> list[DepartmentLine]:
    """Return every department in its order, with its active people who were there before a moment."""
    here = and_(users.c.department == departments.c.slug, users.c.is_active, users.c.created_at < until)
    rows = connection.execute(
        select(departments.c.slug, departments.c.name, func.count(users.c.id).label("heads"))
        .outerjoin(users, here)
        .group_by(departments.c.slug, departments.c.name, departments.c.position)
        .order_by(departments.c.position, departments.c.slug)
    )
    return [DepartmentLine(row.slug, row.name, row.heads) for row in rows]


# --- adjustments ------------------------------------------------------------------------------------


def adjustments_of(connection: Connection, month: str) -> list[Adjustment]:
    """Return a month's adjustments in the order they were made."""
    rows = connection.execute(
        select(adjustments, users.c.name)
        .join(users, users.c.id == adjustments.c.created_by)
        .where(adjustments.c.month == month)
        .order_by(adjustments.c.created_at, adjustments.c.id)
    )
    return [_adjustment(row) for row in rows]


def adjustment(connection: Connection, adjustment_id: str) -> Adjustment | None:
    """Return one adjustment."""
    row = connection.execute(
        select(adjustments, users.c.name)
        .join(users, users.c.id == adjustments.c.created_by)
        .where(adjustments.c.id == adjustment_id)
    ).first()
    return _adjustment(row) if row else None


def is_reversed(connection: Connection, adjustment_id: str) -> bool:
    """Whether another adjustment takes this one back."""
    found = connection.execute(select(adjustments.c.id).where(adjustments.c.reverses == adjustment_id))
    return found.first() is not None


def insert_adjustment(connection: Connection, new: Adjustment, created_by: str) -> None:
    """Add an adjustment."""
    connection.execute(
        insert(adjustments).values(
            id=new.id,
            month=new.month,
            department=new.department,
            amount_micros=new.micros,
            reason=new.reason,
            reverses=new.reverses,
            created_by=created_by,
            created_at=new.at,
        )
    )


def first_adjusted_month(connection: Connection) -> str | None:
    """Return the first month that has an adjustment."""
    return connection.execute(select(func.min(adjustments.c.month))).scalar()


# --- closed months ----------------------------------------------------------------------------------


def closed_months(connection: Connection) -> dict[str, datetime]:
    """Return every closed month and when that was."""
    rows = connection.execute(select(statements.c.month, statements.c.closed_at))
    return {row.month: row.closed_at for row in rows}


def insert_statement(connection: Connection, closed: Statement, closed_by: str) -> None:
    """Write a statement down for good: the lines first, since none can be added to a closed month."""
    rows = [
        *(_department_row(sums) for sums in closed.departments),
        *(_use_row(use) for use in closed.uses),
        *(_share_row(share) for share in closed.shares),
        *(_adjustment_row(one) for one in closed.adjustments),
    ]
    nothing = {column.name: None for column in statement_lines.c}
    connection.execute(
        insert(statement_lines),
        [{**nothing, **row, "month": closed.month, "number": number} for number, row in enumerate(rows, 1)],
    )
    connection.execute(
        insert(statements).values(
            month=closed.month,
            closed_at=closed.closed_at,
            closed_by=closed_by,
            closed_by_name=closed.closed_by,
            total_micros=closed.total_micros,
        )
    )


def closing_of(connection: Connection, month: str) -> tuple[datetime, str] | None:
    """Return when a month was closed and who did it; None while it is open."""
    row = connection.execute(select(statements).where(statements.c.month == month)).first()
    return (row.closed_at, row.closed_by_name) if row else None


def lines_of(
    connection: Connection, month: str
) -> tuple[list[DepartmentLine], list[MonthUse], list[ShareLine], list[Adjustment]]:
    """Return everything that a closed month says, as it was when it was closed."""
    found: dict[str, list[Any]] = {kind: [] for kind in _READ}
    for row in connection.execute(select(statement_lines).where(lines.month == month).order_by(lines.number)):
        found[row.kind].append(_READ[row.kind](row))
    return found["department"], found["use"], found["share"], found["adjustment"]


def _department_row(sums: Any) -> dict[str, Any]:
    return {
        "kind": "department",
        "department": sums.department or "",
        "label": sums.name,
        "heads": sums.heads,
        "micros": sums.total_micros,
        **{f"{name}_cents": getattr(sums.cents, name) for name in Cents.__dataclass_fields__},
    }


def _use_row(use: MonthUse) -> dict[str, Any]:
    same = ("user_id", "person", "email", "agent_id", "agent", "provider", "model", "is_pool", "used_month")
    counts = ("calls", "input_tokens", "output_tokens", "unpriced_calls")
    return {
        "kind": "use",
        "department": use.department or "",
        "micros": use.cost_micros,
        **{name: getattr(use, name) for name in (*same, *counts)},
    }


def _share_row(share: ShareLine) -> dict[str, Any]:
    return {
        "kind": "share",
        "department": share.department or "",
        "micros": share.micros,
        "item_id": share.item_id,
        "label": share.label,
        "whole_micros": share.whole_micros,
        "rule": share.split_by,
    }


def _adjustment_row(one: Adjustment) -> dict[str, Any]:
    return {
        "kind": "adjustment",
        "department": one.department,
        "micros": one.micros,
        "item_id": one.id,
        "label": one.reason,
        "person": one.person,
        "at": one.at,
        "reverses": one.reverses,
    }


def _read_department(row: Any) -> DepartmentLine:
    cents = Cents(row.own_cents, row.pool_cents, row.shared_cents, row.adjustments_cents)
    return DepartmentLine(row.department, row.label, row.heads, cents)


def _read_use(row: Any) -> MonthUse:
    values = {name: getattr(row, name) for name in MonthUse.__dataclass_fields__ if name != "cost_micros"}
    return MonthUse(**{**values, "department": row.department or None, "cost_micros": row.micros})


def _read_share(row: Any) -> ShareLine:
    return ShareLine(row.department or None, row.item_id, row.label, row.whole_micros, row.rule, row.micros)


def _read_adjustment(row: Any) -> Adjustment:
    return Adjustment(
        row.item_id, row.month, row.department, row.micros, row.label, row.person, row.at, row.reverses
    )


_READ = {
    "department": _read_department,
    "use": _read_use,
    "share": _read_share,
    "adjustment": _read_adjustment,
}


def _adjustment(row: Any) -> Adjustment:
    return Adjustment(
        id=row.id,
        month=row.month,
        department=row.department,
        micros=row.amount_micros,
        reason=row.reason,
        person=row.name,
        at=row.created_at,
        reverses=row.reverses,
    )
