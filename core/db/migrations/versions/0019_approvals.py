"""Whether the one who started a run may not approve it"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this version."""
    op.add_column(
        "approvals", sa.Column("is_other_person", sa.Boolean(), server_default=sa.false(), nullable=False)
    )


def downgrade() -> None:
    """Go back to the version before."""
    op.drop_column("approvals", "is_other_person")
