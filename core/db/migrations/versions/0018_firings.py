"""What a firing's run works on, and that there is one run of each firing at most"""

import sqlalchemy as sa
from alembic import op

from core.db.types import Json

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this version."""
    op.add_column("firings", sa.Column("inputs", Json(), server_default="{}", nullable=False))
    is_due = sa.text("status = 'due'")
    op.create_index("ix_firings_due", "firings", ["at"], sqlite_where=is_due, postgresql_where=is_due)
    op.create_index("ix_runs_source", "runs", ["source_id"], unique=True)


def downgrade() -> None:
    """Go back to the version before."""
    op.drop_index("ix_runs_source", "runs")
    op.drop_index("ix_firings_due", "firings")
    op.drop_column("firings", "inputs")
