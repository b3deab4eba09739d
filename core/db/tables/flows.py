"""The tables of workflows: drafts, versions, the state of each node, approvals, and what starts runs by itself."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    UniqueConstraint,
    false,
    text,
)

from core.db.tables.base import Id, metadata, sealed
from core.db.types import Json, String, Text, UtcDateTime

workflows = Table(
    "workflows",
    metadata,
    Column("id", Id, primary_key=True),
    Column("owner_id", ForeignKey("users.id"), nullable=False, index=True),
    Column("department", ForeignKey("departments.slug"), nullable=False),
    Column("name", String(80), nullable=False),
    Column("description", Text, nullable=False, server_default=""),
    # What is being edited; it may be wrong. ``draft_revision`` counts its changes.
    Column("draft", Json, nullable=False),
    Column("draft_revision", Integer, nullable=False),
    Column("draft_by", ForeignKey("users.id"), nullable=False),
    Column("draft_at", UtcDateTime, nullable=False),
    # The version that runs; NULL until the first one is published.
    Column("published_version", Integer),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("archived_at", UtcDateTime),
    Column("deleted_at", UtcDateTime),
)

# Never changed: runs point at them.
workflow_versions = Table(
    "workflow_versions",
    metadata,
    Column("workflow_id", ForeignKey("workflows.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("graph", Json, nullable=False),
    Column("note", String(200), nullable=False, server_default=""),
    Column("created_by", ForeignKey("users.id"), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

# The memory of a run: what finished here is never done again. ``item`` numbers the rounds of a for-each node from
# 0; the node itself is -1. A node without a row has not begun.
run_nodes = Table(
    "run_nodes",
    metadata,
    Column("run_id", ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("node_id", String(80), primary_key=True),
    Column("item", Integer, primary_key=True, autoincrement=False),
    Column("status", String(20), nullable=False),
    # Which way a finished node went: the name of an outcome, empty for the ordinary one.
    Column("branch", String(80), nullable=False, server_default=""),
    Column("output", Json),
    Column("error_code", String(40)),
    Column("error_message", Text),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("started_at", UtcDateTime),
    Column("ended_at", UtcDateTime),
    # When a waiting node wants to be looked at again; NULL while it waits for somebody's word only.
    Column("due_at", UtcDateTime),
    # Something outside may have happened from here on: set before a tool acts, with its result after it.
    Column("acted_at", UtcDateTime),
    # Its result was taken from an earlier run.
    Column("is_cached", Boolean, nullable=False, server_default=false()),
)

approvals = Table(
    "approvals",
    metadata,
    Column("id", Id, primary_key=True),
    Column("run_id", ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    Column("node_id", String(80), nullable=False),
    Column("title", String(200), nullable=False),
    Column("message", Text, nullable=False, server_default=""),
    # What is shown, in its order: [{name, value}]; and the value that may be edited: {name, value}.
    Column("data", Json, nullable=False),
    Column("editable", Json),
    # person (id of a user), role (its name) or department (its slug).
    Column("approver_kind", String(20), nullable=False),
    Column("approver_id", String(40), nullable=False),
    # Whoever started the run may not decide.
    Column("is_other_person", Boolean, nullable=False, server_default=false()),
    Column("status", String(20), nullable=False),
    Column("cost_micros", BigInteger),
    Column("estimate_micros", BigInteger),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime),
    Column("remind_at", UtcDateTime),
    Column("reminded_at", UtcDateTime),
    Column("decided_at", UtcDateTime),
    Column("decided_by", ForeignKey("users.id")),
    Column("comment", Text, nullable=False, server_default=""),
    # The edited value; NULL when it was taken as it stood.
    Column("value", Json),
    UniqueConstraint("run_id", "node_id"),
    Index("ix_approvals_status_approver", "status", "approver_kind", "approver_id"),
)

schedules = Table(
    "schedules",
    metadata,
    Column("id", Id, primary_key=True),
    Column("workflow_id", ForeignKey("workflows.id"), nullable=False, index=True),
    Column("owner_id", ForeignKey("users.id"), nullable=False, index=True),
    Column("name", String(80), nullable=False),
    Column("cron", String(100), nullable=False),
    Column("timezone", String(64), nullable=False),
    Column("inputs", Json, nullable=False),
    Column("budget_micros", BigInteger),
    # What becomes of times that passed while nothing ran: skip, once or all.
    Column("missed", String(20), nullable=False),
    Column("stop_after_failures", Integer),
    Column("failures_in_row", Integer, nullable=False, server_default="0"),
    Column("paused_at", UtcDateTime),
    # Stopped by itself after too many failures.
    Column("stopped_at", UtcDateTime),
    Column("next_at", UtcDateTime, index=True),
    Column("revision", Integer, nullable=False, server_default="1"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("deleted_at", UtcDateTime),
)

# Webhooks that come in and start a workflow.
triggers = Table(
    "triggers",
    metadata,
    Column("id", Id, primary_key=True),
    Column("workflow_id", ForeignKey("workflows.id"), nullable=False, index=True),
    Column("owner_id", ForeignKey("users.id"), nullable=False, index=True),
    Column("name", String(80), nullable=False),
    sealed(
        "secret_sealed",
        "Secrets of triggers",
        field="secret",
        row="id",
        version="secret_version",
    ),
    Column("secret_version", Integer, nullable=False, server_default="1"),
    # Which part of the body becomes which input: {input: path}; empty takes inputs by their names.
    Column("mapping", Json, nullable=False),
    Column("budget_micros", BigInteger),
    Column("stop_after_failures", Integer),
    Column("failures_in_row", Integer, nullable=False, server_default="0"),
    Column("paused_at", UtcDateTime),
    Column("stopped_at", UtcDateTime),
    Column("revision", Integer, nullable=False, server_default="1"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("deleted_at", UtcDateTime),
)

# Each time that a schedule or a trigger wanted a run; ``key`` is the due time or the caller's message id, so that
# none starts twice. A firing without a run says why.
firings = Table(
    "firings",
    metadata,
    Column("id", Id, primary_key=True),
    Column("source_id", Id, nullable=False),
    Column("key", String(200), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("run_id", ForeignKey("runs.id", ondelete="SET NULL"), index=True),
    Column("status", String(20), nullable=False),
    # What the run works on; what a caller sent is not asked for twice.
    Column("inputs", Json, nullable=False, server_default="{}"),
    Column("error_code", String(40)),
    Column("error_message", Text),
    Column("ended_at", UtcDateTime),
    UniqueConstraint("source_id", "key"),
    Index(
        "ix_firings_due",
        "at",
        sqlite_where=text("status = 'due'"),
        postgresql_where=text("status = 'due'"),
    ),
    Index("ix_firings_source_at", "source_id", "at"),
)
