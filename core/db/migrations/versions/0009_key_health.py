"""Keys that are disabled or expire, and the use of a key by time"""

import sqlalchemy as sa
from alembic import op

from core.db.types import UtcDateTime

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this version."""
    op.add_column("keys", sa.Column("disabled_at", UtcDateTime()))
    op.add_column("keys", sa.Column("expires_on", sa.Date()))
    op.add_column("keys", sa.Column("expiry_told_days", sa.Integer()))
    op.create_index("ix_model_calls_key_started", "model_calls", ["key_id", "started_at"])


def downgrade() -> None:
    """Go back to the version before."""
    op.drop_index("ix_model_calls_key_started", table_name="model_calls")
    for column in ("expiry_told_days", "expires_on", "disabled_at"):
        op.drop_column("keys", column)
