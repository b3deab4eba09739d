"""Rotation of the master key: keys of the audit log and of cookies that outlive it, and what was lost"""

import sqlalchemy as sa
from alembic import op

from core.db.types import Json, String, UtcDateTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this version. The keys themselves need the master key: the next start writes them."""
    op.create_table(
        "key_rotations",
        sa.Column("target", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("started_by", String(length=254), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("finished_at", UtcDateTime()),
        sa.PrimaryKeyConstraint("target", name=op.f("pk_key_rotations")),
    )
    op.create_table(
        "audit_segments",
        sa.Column("first_seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key_sealed", sa.LargeBinary()),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("first_seq", name=op.f("pk_audit_segments")),
    )
    op.add_column("installation", sa.Column("lost_keys", Json(), nullable=False, server_default="[]"))
    op.add_column("installation", sa.Column("cookie_sealed", sa.LargeBinary()))


def downgrade() -> None:
    """Go back to the version before: possible as long as the master key was never rotated."""
    op.drop_column("installation", "cookie_sealed")
    op.drop_column("installation", "lost_keys")
    op.drop_table("audit_segments")
    op.drop_table("key_rotations")
