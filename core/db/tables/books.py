"""The tables of cost sharing: sums per month, shared costs and their rules, adjustments, closed statements."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Date, ForeignKey, Index, Integer, PrimaryKeyConstraint, Table

from core.db.tables.base import Id, metadata
from core.db.types import Json, String, UtcDateTime

# What ``model_calls`` adds up to, kept in the transaction that settles a call. ``used_month`` is when it was sent,
# ``billed_month`` whose statement it is in. Empty text stands for "none": NULL is never equal to itself.
usage_months = Table(
    "usage_months",
    metadata,
    Column("billed_month", String(7), nullable=False),
    Column("used_month", String(7), nullable=False),
    Column("department", String(40), nullable=False),
    Column("user_id", Id, nullable=False),
    Column("agent_id", Id, nullable=False),
    Column("workflow_id", Id, nullable=False),
    Column("key_id", Id, nullable=False),
    Column("provider", String(40), nullable=False),
    Column("model", String(200), nullable=False),
    Column("is_pool", Boolean, nullable=False),
    Column("calls", BigInteger, nullable=False),
    Column("input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("cost_micros", BigInteger, nullable=False),
    Column("unpriced_calls", BigInteger, nullable=False),
    PrimaryKeyConstraint(
        "billed_month",
        "used_month",
        "department",
        "user_id",
        "agent_id",
        "workflow_id",
        "key_id",
        "provider",
        "model",
        "is_pool",
    ),
)

# The same by the day (UTC) a call was sent on, for questions about any time.
usage_days = Table(
    "usage_days",
    metadata,
    Column("day", Date, nullable=False),
    Column("user_id", Id, nullable=False),
    Column("department", String(40), nullable=False),
    Column("agent_id", Id, nullable=False),
    Column("workflow_id", Id, nullable=False),
    Column("key_id", Id, nullable=False),
    Column("provider", String(40), nullable=False),
    Column("model", String(200), nullable=False),
    Column("calls", BigInteger, nullable=False),
    Column("input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("cost_micros", BigInteger, nullable=False),
    Column("unpriced_calls", BigInteger, nullable=False),
    PrimaryKeyConstraint("day", "user_id", "department", "agent_id", "workflow_id", "key_id", "provider", "model"),
    Index("ix_usage_days_user_day", "user_id", "day"),
    # The rows lie in the order of their days: a time is read in one go.
    sqlite_with_rowid=False,
)

# A cost that no call has: without ``last_month`` it comes every month. Without ``rule`` the default rule splits it.
shared_costs = Table(
    "shared_costs",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", String(80), nullable=False),
    Column("amount_micros", BigInteger, nullable=False),
    Column("first_month", String(7), nullable=False),
    Column("last_month", String(7)),
    Column("rule", String(20)),
    Column("percents", Json, nullable=False),
    Column("created_by", ForeignKey("users.id"), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

# Two rows at most: the default rule, and the one for calls without a department.
split_rules = Table(
    "split_rules",
    metadata,
    Column("name", String(20), primary_key=True),
    Column("rule", String(20), nullable=False),
    Column("percents", Json, nullable=False),
)

# Append-only: one is taken back by another of the opposite amount.
adjustments = Table(
    "adjustments",
    metadata,
    Column("id", Id, primary_key=True),
    Column("month", String(7), nullable=False, index=True),
    Column("department", ForeignKey("departments.slug"), nullable=False),
    Column("amount_micros", BigInteger, nullable=False),
    Column("reason", String(200), nullable=False),
    Column("reverses", ForeignKey("adjustments.id"), unique=True),
    Column("created_by", ForeignKey("users.id"), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

# A closed month, and below it everything it says, names included. Append-only; lines come before their month.
statements = Table(
    "statements",
    metadata,
    Column("month", String(7), primary_key=True),
    Column("closed_at", UtcDateTime, nullable=False),
    Column("closed_by", Id, nullable=False),
    Column("closed_by_name", String(120), nullable=False),
    Column("total_micros", BigInteger, nullable=False),
)

statement_lines = Table(
    "statement_lines",
    metadata,
    Column("month", String(7), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("kind", String(20), nullable=False),
    Column("department", String(40), nullable=False),
    Column("micros", BigInteger, nullable=False),
    # Of a department: its active people, and its sums as they are shown.
    Column("heads", Integer),
    Column("own_cents", BigInteger),
    Column("pool_cents", BigInteger),
    Column("shared_cents", BigInteger),
    Column("adjustments_cents", BigInteger),
    # Of use.
    Column("user_id", Id),
    Column("agent_id", Id),
    Column("agent", String(80)),
    Column("provider", String(40)),
    Column("model", String(200)),
    Column("is_pool", Boolean),
    Column("used_month", String(7)),
    Column("calls", BigInteger),
    Column("input_tokens", BigInteger),
    Column("output_tokens", BigInteger),
    Column("unpriced_calls", BigInteger),
    # Of a share: the item's name, whole amount and rule. Of an adjustment: its reason. Of a department: its name.
    Column("item_id", Id),
    Column("label", String(200)),
    Column("whole_micros", BigInteger),
    Column("rule", String(20)),
    Column("reverses", Id),
    # Whose use it is, or who made the adjustment and when.
    Column("person", String(120)),
    Column("email", String(254)),
    Column("at", UtcDateTime),
)
