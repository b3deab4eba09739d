"""Budgets, what is used of them, and what is held for calls under way"""

import sqlalchemy as sa
from alembic import op

from core.db.types import Json, String, UtcDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this version."""
    op.create_table(
        "budgets",
        sa.Column("id", String(40), nullable=False),
        sa.Column("scope", String(20), nullable=False),
        sa.Column("scope_id", String(40), nullable=False),
        sa.Column("period", String(10), nullable=False),
        sa.Column("limit_micros", sa.BigInteger(), nullable=False),
        sa.Column("set_by", String(40), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["set_by"], ["users.id"], name=op.f("fk_budgets_set_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_budgets")),
        sa.UniqueConstraint("scope", "scope_id", "period", name=op.f("uq_budgets_scope_scope_id_period")),
    )
    op.create_table(
        "budget_windows",
        sa.Column("budget_id", String(40), nullable=False),
        sa.Column("window", String(10), nullable=False),
        sa.Column("spent_micros", sa.BigInteger(), nullable=False),
        sa.Column("reserved_micros", sa.BigInteger(), nullable=False),
        sa.Column("warned_percent", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["budget_id"], ["budgets.id"], name=op.f("fk_budget_windows_budget_id")),
        sa.PrimaryKeyConstraint("budget_id", "window", name=op.f("pk_budget_windows")),
    )
    op.create_table(
        "reservations",
        sa.Column("call_id", String(40), nullable=False),
        sa.Column("micros", sa.BigInteger(), nullable=False),
        sa.Column("price_version", String(80), nullable=False),
        sa.Column("held", Json(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["call_id"], ["model_calls.id"], name=op.f("fk_reservations_call_id")),
        sa.PrimaryKeyConstraint("call_id", name=op.f("pk_reservations")),
    )
    for table in ("keys", "model_calls"):
        op.add_column(table, sa.Column("is_pool", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_index(op.f("ix_reservations_expires_at"), "reservations", ["expires_at"])


def downgrade() -> None:
    """Go back to the version before."""
    for table in ("keys", "model_calls"):
        op.drop_column(table, "is_pool")
    op.drop_index(op.f("ix_reservations_expires_at"), table_name="reservations")
    op.drop_table("reservations")
    op.drop_table("budget_windows")
    op.drop_table("budgets")
