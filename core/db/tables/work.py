"""The tables of what people work with: keys, agents, runs, and what these used."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
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

# One row: which installation this is, and proof that the master keys are the ones it was made with.
installation = Table(
    "installation",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("install_id", Id, nullable=False),
    Column("key_checks", Json, nullable=False),
    # Numbers of master keys that were lost: what they sealed is to be entered again.
    Column("lost_keys", Json, nullable=False, server_default="[]"),
    sealed("cookie_sealed", "Key of browser cookies", field="cookie", row="id", is_ours=True),
    Column("created_at", UtcDateTime, nullable=False),
    CheckConstraint("id = 1", name="one_row"),
)

# One row a master key that everything was sealed anew with, or is being: whoever looks sees the same.
key_rotations = Table(
    "key_rotations",
    metadata,
    Column("target", Integer, primary_key=True, autoincrement=False),
    Column("started_by", String(254), nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
)

keys = Table(
    "keys",
    metadata,
    Column("id", Id, primary_key=True),
    Column("owner_id", ForeignKey("users.id"), nullable=False, index=True),
    Column("kind", String(20), nullable=False),
    Column("name", String(80), nullable=False),
    Column("provider", String(40), nullable=False),
    Column("base_url", String(400)),
    # What its kind asks for besides secret and address; never a secret.
    Column("settings", Json, nullable=False, server_default="{}"),
    # Where the secret may go, in one text: it is sealed for that.
    Column("bound_to", Text, nullable=False, server_default=""),
    sealed(
        "secret_sealed",
        "Keys of people and the organisation",
        field="secret",
        row="id",
        owner="owner_id",
        origin="bound_to",
        version="secret_version",
    ),
    Column("secret_hint", String(20), nullable=False),
    Column("secret_version", Integer, nullable=False),
    Column("input_price_micros_per_million", BigInteger),
    Column("output_price_micros_per_million", BigInteger),
    Column("created_at", UtcDateTime, nullable=False),
    Column("tested_at", UtcDateTime),
    Column("test_code", String(40)),
    Column("last_used_at", UtcDateTime),
    Column("deleted_at", UtcDateTime),
    # The organisation pays, and any administrator looks after it.
    Column("is_pool", Boolean, nullable=False, server_default=false()),
    Column("disabled_at", UtcDateTime),
    # ``expiry_told_days`` is the last reminder that went out, by how many days before; a new date forgets it.
    Column("expires_on", Date),
    Column("expiry_told_days", Integer),
    # When somebody was last told that it does not work; told again only after it has worked.
    Column("failing_told_at", UtcDateTime),
)

agents = Table(
    "agents",
    metadata,
    Column("id", Id, primary_key=True),
    Column("owner_id", ForeignKey("users.id"), nullable=False, index=True),
    Column("department", ForeignKey("departments.slug"), nullable=False),
    Column("key_id", ForeignKey("keys.id"), nullable=False, index=True),
    Column("definition", Json, nullable=False),
    Column("name", String(80), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("deleted_at", UtcDateTime),
)

# Exactly one of person, department and agent is set; none means everybody. ``grantee`` says the same in one word,
# so that each is there once and a look-up takes one index.
shares = Table(
    "shares",
    metadata,
    Column("object_type", String(20), primary_key=True),
    Column("object_id", Id, primary_key=True),
    Column("grantee", String(60), primary_key=True),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE")),
    Column("department", ForeignKey("departments.slug")),
    Column("agent_id", ForeignKey("agents.id")),
    Column("level", String(20), nullable=False),
    Column("created_by", ForeignKey("users.id"), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Index("ix_shares_grantee", "grantee", "object_type"),
)

runs = Table(
    "runs",
    metadata,
    Column("id", Id, primary_key=True),
    Column("owner_id", ForeignKey("users.id"), nullable=False),
    Column("agent_id", ForeignKey("agents.id"), index=True),
    # The workflow and the version that it runs; a test of a draft has no version.
    Column("workflow_id", Id),
    Column("workflow_version", Integer),
    Column("department", ForeignKey("departments.slug")),
    Column("title", String(120), nullable=False),
    Column("graph", Json, nullable=False),
    Column("inputs", Json, nullable=False),
    Column("status", String(20), nullable=False),
    Column("output", Text),
    Column("error_code", String(40)),
    Column("error_message", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Column("enqueued_at", UtcDateTime),
    Column("started_at", UtcDateTime),
    Column("cancel_requested_at", UtcDateTime),
    Column("ended_at", UtcDateTime),
    # Each time a run goes on after waiting, or after a failure, is a segment: a durable workflow of its own.
    Column("segment", Integer, nullable=False, server_default="1"),
    # When a waiting run wants to go on by itself.
    Column("wake_at", UtcDateTime),
    # The run whose results it took over: of a retry, of a run from a node on, of a test.
    Column("origin_run_id", Id),
    Column("is_test", Boolean, nullable=False, server_default=false()),
    # The node that waits for it: of a workflow inside another one.
    Column("parent_run_id", Id, index=True),
    Column("parent_node_id", String(80)),
    Column("parent_item", Integer),
    # The firing of a schedule or trigger that started it: there is one run of each at most.
    Column("source_id", Id),
    # What its output nodes gave, by name.
    Column("outputs", Json),
    # From then on everybody in the organisation who has its link may look at it.
    Column("shared_at", UtcDateTime),
    Index("ix_runs_owner_created", "owner_id", "created_at"),
    Index("ix_runs_workflow_created", "workflow_id", "created_at"),
    Index("ix_runs_wake", "wake_at"),
    Index("ix_runs_source", "source_id", unique=True),
    # When somebody last had a turn.
    Index("ix_runs_owner_enqueued", "owner_id", "enqueued_at"),
    Index("ix_runs_status", "status"),
)

run_events = Table(
    "run_events",
    metadata,
    Column("run_id", ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", UtcDateTime, nullable=False),
    Column("kind", String(40), nullable=False),
    Column("node_id", String(80)),
    Column("data", Json, nullable=False),
)

# Written before a call is sent ("open"), settled after it. Costs are NULL while the price is unknown.
model_calls = Table(
    "model_calls",
    metadata,
    Column("id", Id, primary_key=True),
    Column("run_id", ForeignKey("runs.id"), nullable=False, index=True),
    Column("node_id", String(80), nullable=False),
    Column("agent_id", ForeignKey("agents.id")),
    # The workflow that the run is of.
    Column("workflow_id", Id),
    Column("user_id", ForeignKey("users.id"), nullable=False),
    Column("department", ForeignKey("departments.slug")),
    Column("key_id", ForeignKey("keys.id"), nullable=False),
    Column("provider", String(40), nullable=False),
    Column("model", String(200), nullable=False),
    Column("is_pool", Boolean, nullable=False, server_default=false()),
    Column("status", String(20), nullable=False),
    Column("input_tokens", Integer),
    Column("output_tokens", Integer),
    Column("cached_tokens", Integer),
    Column("bound_input_tokens", Integer, nullable=False),
    Column("bound_output_tokens", Integer, nullable=False),
    Column("cost_micros", BigInteger),
    Column("price_version", String(80)),
    # The price when it was sent, with every step; once settled, what it was billed with. NULL while it is unknown.
    Column("price", Json),
    Column("error_code", String(40)),
    Column("started_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("duration_ms", Integer),
    # The statement it is in: the month it was sent in, or a later one when that was closed before it was settled.
    Column("billed_month", String(7)),
    Index("ix_model_calls_user_started", "user_id", "started_at"),
    Index("ix_model_calls_department_started", "department", "started_at"),
    Index("ix_model_calls_started", "started_at"),
    Index(
        "ix_model_calls_open",
        "started_at",
        sqlite_where=text("status = 'open'"),
        postgresql_where=text("status = 'open'"),
    ),
    Index("ix_model_calls_key_started", "key_id", "started_at"),
)

budgets = Table(
    "budgets",
    metadata,
    Column("id", Id, primary_key=True),
    Column("scope", String(20), nullable=False),
    Column("scope_id", String(40), nullable=False),
    Column("period", String(10), nullable=False),
    Column("limit_micros", BigInteger, nullable=False),
    Column("set_by", ForeignKey("users.id"), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("scope", "scope_id", "period"),
)

# How much of a budget is used in one day or month (UTC): settled, and held for calls under way.
budget_windows = Table(
    "budget_windows",
    metadata,
    Column("budget_id", ForeignKey("budgets.id"), primary_key=True),
    Column("window", String(10), primary_key=True),
    Column("spent_micros", BigInteger, nullable=False),
    Column("reserved_micros", BigInteger, nullable=False),
    Column("warned_percent", Integer, nullable=False),
)

# What is held for a call until it is settled, or until its lease is over because its worker died.
reservations = Table(
    "reservations",
    metadata,
    Column("call_id", ForeignKey("model_calls.id"), primary_key=True),
    Column("micros", BigInteger, nullable=False),
    Column("price_version", String(80), nullable=False),
    Column("held", Json, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
)

# Limits of a key, person or department; without scope_id of every one that has no row of its own.
quotas = Table(
    "quotas",
    metadata,
    Column("id", Id, primary_key=True),
    Column("scope", String(20), nullable=False),
    Column("scope_id", String(40), nullable=False),
    Column("requests_per_minute", Integer),
    Column("tokens_per_minute", Integer),
    Column("concurrent_runs", Integer),
    Column("created_by", ForeignKey("users.id"), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("scope", "scope_id"),
)

# What one of them has used in the last minute, in slots of one second; locked for each call.
quota_windows = Table(
    "quota_windows",
    metadata,
    Column("scope", String(20), primary_key=True),
    Column("scope_id", String(40), primary_key=True),
    Column("slots", Json, nullable=False),
    Column("last_second", BigInteger, nullable=False),
)

workers = Table(
    "workers",
    metadata,
    Column("executor_id", Id, primary_key=True),
    Column("host", String(120), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("is_embedded", Boolean, nullable=False),
    # How many runs it executes at once.
    Column("slots", Integer, nullable=False, server_default="0"),
    Column("started_at", UtcDateTime, nullable=False),
    Column("heartbeat_at", UtcDateTime, nullable=False),
    Column("stopped_at", UtcDateTime),
)

# One row: what the worker does about the built-in model's weights.
local_model = Table(
    "local_model",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("state", String(20), nullable=False),
    Column("bytes_done", BigInteger, nullable=False),
    Column("bytes_total", BigInteger, nullable=False),
    Column("message", Text, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    CheckConstraint("id = 1", name="one_row"),
)
