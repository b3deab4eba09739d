"""Passkeys, and of whom a second factor is demanded"""

import sqlalchemy as sa
from alembic import op

from core.db.types import Json, String, UtcDateTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

organisation = sa.table("organisation", sa.column("name", String(60)), sa.column("value", Json))


def upgrade() -> None:
    """Go to this version."""
    op.create_table(
        "passkeys",
        sa.Column("id", String(length=40), nullable=False),
        sa.Column("user_id", String(length=40), nullable=False),
        sa.Column("credential_id", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("name", String(length=60), nullable=False),
        sa.Column("transports", String(length=100), nullable=False),
        sa.Column("is_backed_up", sa.Boolean(), nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("last_used_at", UtcDateTime, nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_passkeys_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passkeys")),
        sa.UniqueConstraint("credential_id", name=op.f("uq_passkeys_credential_id")),
    )
    op.create_index(op.f("ix_passkeys_user_id"), "passkeys", ["user_id"], unique=False)

    op.create_table(
        "passkey_challenges",
        sa.Column("challenge_hash", String(length=64), nullable=False),
        sa.Column("purpose", String(length=20), nullable=False),
        sa.Column("user_id", String(length=40), nullable=True),
        sa.Column("browser_hash", String(length=64), nullable=False),
        sa.Column("expires_at", UtcDateTime, nullable=False),
        sa.Column("used_at", UtcDateTime, nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_passkey_challenges_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("challenge_hash", name=op.f("pk_passkey_challenges")),
    )
    _rename("require_admin_two_factor", "two_factor_for", {True: "admins", False: "nobody"})


def downgrade() -> None:
    """Go back to the version before."""
    _rename("two_factor_for", "require_admin_two_factor", {"admins": True, "everybody": True, "nobody": False})
    op.drop_table("passkey_challenges")
    op.drop_index(op.f("ix_passkeys_user_id"), table_name="passkeys")

    op.drop_table("passkeys")


def _rename(old: str, new: str, values: dict) -> None:
    """Keep a setting under its new name; what has another form becomes the default."""
    connection = op.get_bind()
    stored = connection.execute(sa.select(organisation.c.value).where(organisation.c.name == old)).scalar()
    connection.execute(sa.delete(organisation).where(organisation.c.name == old))
    if isinstance(stored, (bool, str)) and stored in values:
        connection.execute(sa.insert(organisation).values(name=new, value=values[stored]))
