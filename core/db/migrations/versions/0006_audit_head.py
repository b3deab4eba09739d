"""The audit log knows where it ends, and for whom somebody acted"""

import sqlalchemy as sa
from alembic import op

from core.db.types import String

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this version. The row itself needs the master key: ``python -m core migrate`` writes it afterwards."""
    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("mac", String(length=64), nullable=False),
        sa.Column("seal", String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_head")),
    )
    op.add_column("audit_log", sa.Column("on_behalf_of", String(length=254), nullable=False, server_default=""))


def downgrade() -> None:
    """Go back to the version before."""
    op.drop_column("audit_log", "on_behalf_of")
    op.drop_table("audit_head")
