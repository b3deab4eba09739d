"""Identity"""

import sqlalchemy as sa
from alembic import op

from core.db.types import Json, String, Text, UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this version."""
    op.create_table(
        "audit_log",
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("actor_id", String(length=40), nullable=True),
        sa.Column("actor_email", String(length=254), nullable=False),
        sa.Column("address", String(length=64), nullable=False),
        sa.Column("action", String(length=60), nullable=False),
        sa.Column("object_type", String(length=40), nullable=False),
        sa.Column("object_id", String(length=80), nullable=False),
        sa.Column("result", String(length=40), nullable=False),
        sa.Column("request_id", String(length=40), nullable=False),
        sa.Column("detail", Json, nullable=False),
        sa.Column("previous", String(length=64), nullable=False),
        sa.Column("mac", String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit_log")),
    )
    op.create_index(op.f("ix_audit_log_action"), "audit_log", ["action"], unique=False)

    op.create_table(
        "mail_outbox",
        sa.Column("id", String(length=40), nullable=False),
        sa.Column("kind", String(length=40), nullable=False),
        sa.Column("recipient", String(length=254), nullable=False),
        sa.Column("subject", String(length=200), nullable=False),
        sa.Column("body_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("status", String(length=20), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error", Text(), nullable=True),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("due_at", UtcDateTime, nullable=False),
        sa.Column("claimed_at", UtcDateTime, nullable=True),
        sa.Column("sent_at", UtcDateTime, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail_outbox")),
    )
    op.create_index("ix_mail_outbox_status_due", "mail_outbox", ["status", "due_at"], unique=False)

    op.create_table(
        "organisation",
        sa.Column("name", String(length=60), nullable=False),
        sa.Column("value", Json, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_organisation")),
    )
    op.create_table(
        "rate_limits",
        sa.Column("key", String(length=120), nullable=False),
        sa.Column("tat_seconds", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_rate_limits")),
    )
    op.create_table(
        "identities",
        sa.Column("id", String(length=40), nullable=False),
        sa.Column("user_id", String(length=40), nullable=False),
        sa.Column("provider", String(length=40), nullable=False),
        sa.Column("issuer", String(length=400), nullable=False),
        sa.Column("subject", String(length=255), nullable=False),
        sa.Column("email", String(length=254), nullable=False),
        sa.Column("name", String(length=120), nullable=False),
        sa.Column("scopes", String(length=1000), nullable=False),
        sa.Column("token_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("token_version", sa.Integer(), nullable=False),
        sa.Column("token_expires_at", UtcDateTime, nullable=True),
        sa.Column("linked_at", UtcDateTime, nullable=False),
        sa.Column("last_used_at", UtcDateTime, nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_identities_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identities")),
        sa.UniqueConstraint("issuer", "subject", name=op.f("uq_identities_issuer_subject")),
    )
    op.create_index(op.f("ix_identities_user_id"), "identities", ["user_id"], unique=False)

    op.create_table(
        "mail_links",
        sa.Column("token_hash", String(length=64), nullable=False),
        sa.Column("kind", String(length=20), nullable=False),
        sa.Column("user_id", String(length=40), nullable=True),
        sa.Column("email", String(length=254), nullable=False),
        sa.Column("role", String(length=20), nullable=True),
        sa.Column("department", String(length=40), nullable=True),
        sa.Column("created_by", String(length=40), nullable=True),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("expires_at", UtcDateTime, nullable=False),
        sa.Column("used_at", UtcDateTime, nullable=True),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name=op.f("fk_mail_links_created_by")),
        sa.ForeignKeyConstraint(["department"], ["departments.slug"], name=op.f("fk_mail_links_department")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_mail_links_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_mail_links")),
    )
    op.create_table(
        "oauth_flows",
        sa.Column("state_hash", String(length=64), nullable=False),
        sa.Column("provider", String(length=40), nullable=False),
        sa.Column("browser_hash", String(length=64), nullable=False),
        sa.Column("nonce", String(length=64), nullable=False),
        sa.Column("verifier_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("link_user_id", String(length=40), nullable=True),
        sa.Column("next_path", String(length=2000), nullable=False),
        sa.Column("expires_at", UtcDateTime, nullable=False),
        sa.Column("used_at", UtcDateTime, nullable=True),
        sa.ForeignKeyConstraint(
            ["link_user_id"], ["users.id"], name=op.f("fk_oauth_flows_link_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("state_hash", name=op.f("pk_oauth_flows")),
    )
    op.create_table(
        "recovery_codes",
        sa.Column("id", String(length=40), nullable=False),
        sa.Column("user_id", String(length=40), nullable=False),
        sa.Column("code_hash", String(length=64), nullable=False),
        sa.Column("used_at", UtcDateTime, nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_recovery_codes_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery_codes")),
    )
    op.create_index(op.f("ix_recovery_codes_user_id"), "recovery_codes", ["user_id"], unique=False)

    op.add_column("sessions", sa.Column("address", String(length=64), server_default="", nullable=False))
    op.add_column("sessions", sa.Column("proved_at", UtcDateTime, nullable=True))

    op.add_column("users", sa.Column("email_verified_at", UtcDateTime, nullable=True))
    op.add_column("users", sa.Column("totp_sealed", sa.LargeBinary(), nullable=True))
    op.add_column("users", sa.Column("totp_enabled_at", UtcDateTime, nullable=True))
    op.add_column("users", sa.Column("totp_last_step", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    """Go back to the version before."""
    op.drop_column("users", "totp_last_step")
    op.drop_column("users", "totp_enabled_at")
    op.drop_column("users", "totp_sealed")
    op.drop_column("users", "email_verified_at")

    op.drop_column("sessions", "proved_at")
    op.drop_column("sessions", "address")

    op.drop_index(op.f("ix_recovery_codes_user_id"), table_name="recovery_codes")

    op.drop_table("recovery_codes")
    op.drop_table("oauth_flows")
    op.drop_table("mail_links")
    op.drop_index(op.f("ix_identities_user_id"), table_name="identities")

    op.drop_table("identities")
    op.drop_table("rate_limits")
    op.drop_table("organisation")
    op.drop_index("ix_mail_outbox_status_due", table_name="mail_outbox")

    op.drop_table("mail_outbox")
    op.drop_index(op.f("ix_audit_log_action"), table_name="audit_log")

    op.drop_table("audit_log")
