"""Sums of use per day"""

# ruff: noqa: S608 - every name stands in this file

import sqlalchemy as sa
from alembic import op

from core.db.types import String

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this version; what was used so far is added up."""
    op.create_table(
        "usage_days",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("user_id", String(40), nullable=False),
        sa.Column("department", String(40), nullable=False),
        sa.Column("agent_id", String(40), nullable=False),
        sa.Column("key_id", String(40), nullable=False),
        sa.Column("provider", String(40), nullable=False),
        sa.Column("model", String(200), nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.Column("input_tokens", sa.BigInteger(), nullable=False),
        sa.Column("output_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cost_micros", sa.BigInteger(), nullable=False),
        sa.Column("unpriced_calls", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "day",
            "user_id",
            "department",
            "agent_id",
            "key_id",
            "provider",
            "model",
            name=op.f("pk_usage_days"),
        ),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_usage_days_user_day"), "usage_days", ["user_id", "day"])
    day = "date(started_at)"
    if op.get_bind().dialect.name == "postgresql":
        day = "(started_at AT TIME ZONE 'UTC')::date"
    op.execute(
        f"INSERT INTO usage_days SELECT {day}, user_id, COALESCE(department, ''), COALESCE(agent_id, ''), key_id, "
        "provider, model, COUNT(*), COALESCE(SUM(input_tokens), 0), COALESCE(SUM(output_tokens), 0), "
        "COALESCE(SUM(cost_micros), 0), SUM(CASE WHEN cost_micros IS NULL THEN 1 ELSE 0 END) FROM model_calls "
        "WHERE status IN ('answered', 'interrupted') GROUP BY 1, 2, 3, 4, 5, 6, 7"
    )


def downgrade() -> None:
    """Go back to the version before."""
    op.drop_table("usage_days")
