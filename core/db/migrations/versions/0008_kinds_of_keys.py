"""What a kind of key asks for besides secret and address"""

import sqlalchemy as sa
from alembic import op

from core.db.types import Json, Text

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this version."""
    op.add_column("keys", sa.Column("settings", Json(), server_default="{}", nullable=False))
    op.add_column("keys", sa.Column("bound_to", Text(), server_default="", nullable=False))
    op.execute("UPDATE keys SET bound_to = base_url WHERE base_url IS NOT NULL")


def downgrade() -> None:
    """Go back to the version before."""
    op.drop_column("keys", "bound_to")
    op.drop_column("keys", "settings")
