"""Limits a minute and side by side, and what fair turns are taken by"""

import sqlalchemy as sa
from alembic import op

from core.db.types import Json, String, UtcDateTime

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this version."""
    op.create_table(
        "quotas",
        sa.Column("id", String(40), nullable=False),
        sa.Column("scope", String(20), nullable=False),
        sa.Column("scope_id", String(40), nullable=False),
        sa.Column("requests_per_minute", sa.Integer(), nullable=True),
        sa.Column("tokens_per_minute", sa.Integer(), nullable=True),
        sa.Column("concurrent_runs", sa.Integer(), nullable=True),
        sa.Column("created_by", String(40), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name=op.f("fk_quotas_created_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quotas")),
        sa.UniqueConstraint("scope", "scope_id", name=op.f("uq_quotas_scope_scope_id")),
    )
    op.create_table(
        "quota_windows",
        sa.Column("scope", String(20), nullable=False),
        sa.Column("scope_id", String(40), nullable=False),
        sa.Column("slots", Json(), nullable=False),
        sa.Column("last_second", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "scope_id", name=op.f("pk_quota_windows")),
    )
    op.add_column("workers", sa.Column("slots", sa.Integer(), server_default="0", nullable=False))
    op.create_index("ix_runs_owner_enqueued", "runs", ["owner_id", "enqueued_at"])


def downgrade() -> None:
    """Go back to the version before."""
    op.drop_index("ix_runs_owner_enqueued", table_name="runs")
    op.drop_column("workers", "slots")
    op.drop_table("quota_windows")
    op.drop_table("quotas")
