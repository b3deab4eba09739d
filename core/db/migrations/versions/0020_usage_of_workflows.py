"""Which workflow a model call belongs to, in the books and in their sums"""

# ruff: noqa: S608 - every name stands in this file

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from core.db.types import String

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

SUMS = ("calls", "input_tokens", "output_tokens", "cost_micros", "unpriced_calls")
LENGTHS = {"billed_month": 7, "used_month": 7, "model": 200}
WHAT = ("agent_id", "key_id", "provider", "model")
MONTHS = ("billed_month", "used_month", "department", "user_id", *WHAT, "is_pool")
DAYS = ("day", "user_id", "department", *WHAT)


def upgrade() -> None:
    """Go to this version; no call so far belongs to a workflow."""
    op.add_column("model_calls", sa.Column("workflow_id", String(40), nullable=True))
    _rebuild("usage_months", MONTHS, _with_workflow(MONTHS))
    _rebuild("usage_days", DAYS, _with_workflow(DAYS))


def downgrade() -> None:
    """Go back to the version before; what was told apart by workflow is added up."""
    _rebuild("usage_months", _with_workflow(MONTHS), MONTHS)
    _rebuild("usage_days", _with_workflow(DAYS), DAYS)
    op.drop_column("model_calls", "workflow_id")


def _with_workflow(keys: Sequence[str]) -> tuple[str, ...]:
    place = keys.index("agent_id") + 1
    return (*keys[:place], "workflow_id", *keys[place:])


def _rebuild(table: str, before: Sequence[str], after: Sequence[str]) -> None:
    """Make a table of sums anew, with other columns in its primary key: no database changes that in place."""
    op.execute(f"CREATE TABLE {table}_kept AS SELECT * FROM {table}")
    op.drop_table(table)
    op.create_table(
        table,
        *(_column(name) for name in after),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in SUMS),
        sa.PrimaryKeyConstraint(*after, name=op.f(f"pk_{table}")),
        sqlite_with_rowid=table != "usage_days",
    )
    if table == "usage_days":
        op.create_index(op.f("ix_usage_days_user_day"), table, ["user_id", "day"])
    keys = ", ".join(name if name in before else "''" for name in after)
    sums = ", ".join(f"SUM({name})" for name in SUMS)
    op.execute(
        f"INSERT INTO {table} ({', '.join((*after, *SUMS))}) SELECT {keys}, {sums} FROM {table}_kept "
        f"GROUP BY {', '.join(name for name in after if name in before)}"
    )
    op.drop_table(f"{table}_kept")


def _column(name: str) -> sa.Column[object]:
    if name == "day":
        return sa.Column(name, sa.Date(), nullable=False)
    if name == "is_pool":
        return sa.Column(name, sa.Boolean(), nullable=False)
    return sa.Column(name, String(LENGTHS.get(name, 40)), nullable=False)
