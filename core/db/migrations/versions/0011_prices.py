"""Prices that administrators set; each call keeps the price it was billed with"""

import sqlalchemy as sa
from alembic import op

from core.db.types import Json, String, UtcDateTime

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this version."""
    op.create_table(
        "price_overrides",
        sa.Column("id", String(40), nullable=False),
        sa.Column("provider", String(40), nullable=False),
        sa.Column("model", String(200), nullable=False),
        sa.Column("input_micros_per_million", sa.BigInteger(), nullable=False),
        sa.Column("cached_micros_per_million", sa.BigInteger(), nullable=True),
        sa.Column("output_micros_per_million", sa.BigInteger(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("note", String(200), nullable=False),
        sa.Column("created_by", String(40), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("ended_by", String(40), nullable=True),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name=op.f("fk_price_overrides_created_by")),
        sa.ForeignKeyConstraint(["ended_by"], ["users.id"], name=op.f("fk_price_overrides_ended_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_price_overrides")),
    )
    op.create_index(
        "uq_price_overrides_provider_model_starts_on",
        "price_overrides",
        ["provider", "model", "starts_on"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.add_column("model_calls", sa.Column("price", Json(), nullable=True))


def downgrade() -> None:
    """Go back to the version before."""
    op.drop_column("model_calls", "price")
    op.drop_index("uq_price_overrides_provider_model_starts_on", table_name="price_overrides")
    op.drop_table("price_overrides")
