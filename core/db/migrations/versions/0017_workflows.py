"""Workflows, their versions, what became of each node of a run, approvals, schedules and triggers"""

import sqlalchemy as sa
from alembic import op

from core.db.types import Json, String, Text, UtcDateTime

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

RUN_COLUMNS = (
    "workflow_id",
    "workflow_version",
    "segment",
    "wake_at",
    "origin_run_id",
    "is_test",
    "parent_run_id",
    "parent_node_id",
    "parent_item",
    "source_id",
    "outputs",
    "shared_at",
)


def upgrade() -> None:
    """Go to this version."""
    op.create_table(
        "workflows",
        sa.Column("id", String(40), nullable=False),
        sa.Column("owner_id", String(40), nullable=False),
        sa.Column("department", String(40), nullable=False),
        sa.Column("name", String(80), nullable=False),
        sa.Column("description", Text(), server_default="", nullable=False),
        sa.Column("draft", Json(), nullable=False),
        sa.Column("draft_revision", sa.Integer(), nullable=False),
        sa.Column("draft_by", String(40), nullable=False),
        sa.Column("draft_at", UtcDateTime(), nullable=False),
        sa.Column("published_version", sa.Integer(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("archived_at", UtcDateTime(), nullable=True),
        sa.Column("deleted_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["department"], ["departments.slug"], name=op.f("fk_workflows_department")),
        sa.ForeignKeyConstraint(["draft_by"], ["users.id"], name=op.f("fk_workflows_draft_by")),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_workflows_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workflows")),
    )
    op.create_index(op.f("ix_workflows_owner_id"), "workflows", ["owner_id"], unique=False)
    op.create_table(
        "schedules",
        sa.Column("id", String(40), nullable=False),
        sa.Column("workflow_id", String(40), nullable=False),
        sa.Column("owner_id", String(40), nullable=False),
        sa.Column("name", String(80), nullable=False),
        sa.Column("cron", String(100), nullable=False),
        sa.Column("timezone", String(64), nullable=False),
        sa.Column("inputs", Json(), nullable=False),
        sa.Column("budget_micros", sa.BigInteger(), nullable=True),
        sa.Column("missed", String(20), nullable=False),
        sa.Column("stop_after_failures", sa.Integer(), nullable=True),
        sa.Column("failures_in_row", sa.Integer(), server_default="0", nullable=False),
        sa.Column("paused_at", UtcDateTime(), nullable=True),
        sa.Column("stopped_at", UtcDateTime(), nullable=True),
        sa.Column("next_at", UtcDateTime(), nullable=True),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("deleted_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_schedules_owner_id")),
        sa.ForeignKeyConstraint(["workflow_id"], ["workflows.id"], name=op.f("fk_schedules_workflow_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedules")),
    )
    op.create_index(op.f("ix_schedules_next_at"), "schedules", ["next_at"], unique=False)
    op.create_index(op.f("ix_schedules_owner_id"), "schedules", ["owner_id"], unique=False)
    op.create_index(op.f("ix_schedules_workflow_id"), "schedules", ["workflow_id"], unique=False)
    op.create_table(
        "triggers",
        sa.Column("id", String(40), nullable=False),
        sa.Column("workflow_id", String(40), nullable=False),
        sa.Column("owner_id", String(40), nullable=False),
        sa.Column("name", String(80), nullable=False),
        sa.Column("secret_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("secret_version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("mapping", Json(), nullable=False),
        sa.Column("budget_micros", sa.BigInteger(), nullable=True),
        sa.Column("stop_after_failures", sa.Integer(), nullable=True),
        sa.Column("failures_in_row", sa.Integer(), server_default="0", nullable=False),
        sa.Column("paused_at", UtcDateTime(), nullable=True),
        sa.Column("stopped_at", UtcDateTime(), nullable=True),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("deleted_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_triggers_owner_id")),
        sa.ForeignKeyConstraint(["workflow_id"], ["workflows.id"], name=op.f("fk_triggers_workflow_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_triggers")),
    )
    op.create_index(op.f("ix_triggers_owner_id"), "triggers", ["owner_id"], unique=False)
    op.create_index(op.f("ix_triggers_workflow_id"), "triggers", ["workflow_id"], unique=False)
    op.create_table(
        "workflow_versions",
        sa.Column("workflow_id", String(40), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("graph", Json(), nullable=False),
        sa.Column("note", String(200), server_default="", nullable=False),
        sa.Column("created_by", String(40), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name=op.f("fk_workflow_versions_created_by")),
        sa.ForeignKeyConstraint(["workflow_id"], ["workflows.id"], name=op.f("fk_workflow_versions_workflow_id")),
        sa.PrimaryKeyConstraint("workflow_id", "number", name=op.f("pk_workflow_versions")),
    )
    op.create_table(
        "approvals",
        sa.Column("id", String(40), nullable=False),
        sa.Column("run_id", String(40), nullable=False),
        sa.Column("node_id", String(80), nullable=False),
        sa.Column("title", String(200), nullable=False),
        sa.Column("message", Text(), server_default="", nullable=False),
        sa.Column("data", Json(), nullable=False),
        sa.Column("editable", Json(), nullable=True),
        sa.Column("approver_kind", String(20), nullable=False),
        sa.Column("approver_id", String(40), nullable=False),
        sa.Column("status", String(20), nullable=False),
        sa.Column("cost_micros", sa.BigInteger(), nullable=True),
        sa.Column("estimate_micros", sa.BigInteger(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.Column("remind_at", UtcDateTime(), nullable=True),
        sa.Column("reminded_at", UtcDateTime(), nullable=True),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("decided_by", String(40), nullable=True),
        sa.Column("comment", Text(), server_default="", nullable=False),
        sa.Column("value", Json(), nullable=True),
        sa.ForeignKeyConstraint(["decided_by"], ["users.id"], name=op.f("fk_approvals_decided_by")),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_approvals_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approvals")),
        sa.UniqueConstraint("run_id", "node_id", name=op.f("uq_approvals_run_id_node_id")),
    )
    op.create_index(
        "ix_approvals_status_approver", "approvals", ["status", "approver_kind", "approver_id"], unique=False
    )
    op.create_table(
        "firings",
        sa.Column("id", String(40), nullable=False),
        sa.Column("source_id", String(40), nullable=False),
        sa.Column("key", String(200), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("run_id", String(40), nullable=True),
        sa.Column("status", String(20), nullable=False),
        sa.Column("error_code", String(40), nullable=True),
        sa.Column("error_message", Text(), nullable=True),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_firings_run_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_firings")),
        sa.UniqueConstraint("source_id", "key", name=op.f("uq_firings_source_id_key")),
    )
    op.create_index(op.f("ix_firings_run_id"), "firings", ["run_id"], unique=False)
    op.create_index("ix_firings_source_at", "firings", ["source_id", "at"], unique=False)
    op.create_table(
        "run_nodes",
        sa.Column("run_id", String(40), nullable=False),
        sa.Column("node_id", String(80), nullable=False),
        sa.Column("item", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("status", String(20), nullable=False),
        sa.Column("branch", String(80), server_default="", nullable=False),
        sa.Column("output", Json(), nullable=True),
        sa.Column("error_code", String(40), nullable=True),
        sa.Column("error_message", Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=True),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("due_at", UtcDateTime(), nullable=True),
        sa.Column("acted_at", UtcDateTime(), nullable=True),
        sa.Column("is_cached", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_run_nodes_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "node_id", "item", name=op.f("pk_run_nodes")),
    )
    op.add_column("runs", sa.Column("workflow_id", String(40), nullable=True))
    op.add_column("runs", sa.Column("workflow_version", sa.Integer(), nullable=True))
    op.add_column("runs", sa.Column("segment", sa.Integer(), server_default="1", nullable=False))
    op.add_column("runs", sa.Column("wake_at", UtcDateTime(), nullable=True))
    op.add_column("runs", sa.Column("origin_run_id", String(40), nullable=True))
    op.add_column("runs", sa.Column("is_test", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("runs", sa.Column("parent_run_id", String(40), nullable=True))
    op.add_column("runs", sa.Column("parent_node_id", String(80), nullable=True))
    op.add_column("runs", sa.Column("parent_item", sa.Integer(), nullable=True))
    op.add_column("runs", sa.Column("source_id", String(40), nullable=True))
    op.add_column("runs", sa.Column("outputs", Json(), nullable=True))
    op.add_column("runs", sa.Column("shared_at", UtcDateTime(), nullable=True))
    op.create_index(op.f("ix_runs_parent_run_id"), "runs", ["parent_run_id"], unique=False)
    op.create_index("ix_runs_wake", "runs", ["wake_at"], unique=False)
    op.create_index("ix_runs_workflow_created", "runs", ["workflow_id", "created_at"], unique=False)


def downgrade() -> None:
    """Go back to the version before."""
    for table in ("firings", "triggers", "schedules", "approvals", "run_nodes", "workflow_versions", "workflows"):
        op.drop_table(table)
    for index in ("ix_runs_wake", "ix_runs_workflow_created", "ix_runs_parent_run_id"):
        op.drop_index(index, "runs")
    for column in RUN_COLUMNS:
        op.drop_column("runs", column)
