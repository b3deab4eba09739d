"""Agents and keys are shared with colleagues, departments, everybody; keys are lent to agents"""

import sqlalchemy as sa
from alembic import op

from core.db.types import String, UtcDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this version."""
    op.create_table(
        "shares",
        sa.Column("object_type", String(20), nullable=False),
        sa.Column("object_id", String(40), nullable=False),
        sa.Column("grantee", String(60), nullable=False),
        sa.Column("user_id", String(40), nullable=True),
        sa.Column("department", String(40), nullable=True),
        sa.Column("agent_id", String(40), nullable=True),
        sa.Column("level", String(20), nullable=False),
        sa.Column("created_by", String(40), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_shares_user_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["department"], ["departments.slug"], name=op.f("fk_shares_department")),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_shares_agent_id")),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name=op.f("fk_shares_created_by")),
        sa.PrimaryKeyConstraint("object_type", "object_id", "grantee", name=op.f("pk_shares")),
    )
    op.create_index("ix_shares_grantee", "shares", ["grantee", "object_type"])
    # Managers read the books of their department, administrators all of them.
    op.create_index("ix_model_calls_department_started", "model_calls", ["department", "started_at"])
    op.create_index("ix_model_calls_started", "model_calls", ["started_at"])


def downgrade() -> None:
    """Go back to the version before."""
    op.drop_index("ix_model_calls_started", table_name="model_calls")
    op.drop_index("ix_model_calls_department_started", table_name="model_calls")
    op.drop_index("ix_shares_grantee", table_name="shares")
    op.drop_table("shares")
