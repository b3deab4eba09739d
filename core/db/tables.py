"""Every table of Zoark. Ids are text with a prefix, money is integer micro-dollars, times are UTC.

Only ``repository.py`` files and this package touch these objects.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    UniqueConstraint,
)

from core.db.types import Json, String, Text, UtcDateTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Id = String(40)

# One row: which installation this is, and proof that the master keys are the ones it was made with.
installation = Table(
    "installation",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("install_id", Id, nullable=False),
    Column("key_checks", Json, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    CheckConstraint("id = 1", name="one_row"),
)

departments = Table(
    "departments",
    metadata,
    Column("slug", String(40), primary_key=True),
    Column("name", String(80), nullable=False),
    Column("position", Integer, nullable=False),
)

users = Table(
    "users",
    metadata,
    Column("id", Id, primary_key=True),
    Column("email", String(254), nullable=False, unique=True),
    Column("name", String(120), nullable=False),
    Column("role", String(20), nullable=False),
    Column("department", ForeignKey("departments.slug")),
    Column("password_hash", String(200)),
    Column("is_active", Boolean, nullable=False, default=True),
    Column("email_verified_at", UtcDateTime),
    Column("totp_sealed", LargeBinary),
    Column("totp_enabled_at", UtcDateTime),
    Column("totp_last_step", BigInteger),
    Column("created_at", UtcDateTime, nullable=False),
)

# Keyed by a hash of the address as typed, so that unknown addresses lock exactly like known ones.
sign_in_failures = Table(
    "sign_in_failures",
    metadata,
    Column("subject_hash", String(64), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last_failed_at", UtcDateTime, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("user_agent", String(200), nullable=False),
    Column("address", String(64), nullable=False, server_default=""),
    # When the person last proved who they are, by password or code: step-up looks at it.
    Column("proved_at", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Column("last_seen_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("revoked_at", UtcDateTime),
)

tickets = Table(
    "tickets",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("browser_hash", String(64), nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("used_at", UtcDateTime),
)

# A person at a provider: (issuer, subject) identifies them, never their e-mail address.
identities = Table(
    "identities",
    metadata,
    Column("id", Id, primary_key=True),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("provider", String(40), nullable=False),
    Column("issuer", String(400), nullable=False),
    Column("subject", String(255), nullable=False),
    Column("email", String(254), nullable=False),
    Column("name", String(120), nullable=False),
    Column("scopes", String(1000), nullable=False),
    Column("token_sealed", LargeBinary),
    Column("token_version", Integer, nullable=False),
    Column("token_expires_at", UtcDateTime),
    Column("linked_at", UtcDateTime, nullable=False),
    Column("last_used_at", UtcDateTime),
    UniqueConstraint("issuer", "subject"),
)

# A sign-in at a provider that has begun: single use, bound to the browser.
oauth_flows = Table(
    "oauth_flows",
    metadata,
    Column("state_hash", String(64), primary_key=True),
    Column("provider", String(40), nullable=False),
    Column("browser_hash", String(64), nullable=False),
    Column("nonce", String(64), nullable=False),
    Column("verifier_sealed", LargeBinary, nullable=False),
    Column("link_user_id", ForeignKey("users.id", ondelete="CASCADE")),
    Column("next_path", String(2000), nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("used_at", UtcDateTime),
)

recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("id", Id, primary_key=True),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("code_hash", String(64), nullable=False),
    Column("used_at", UtcDateTime),
)

# Links that came by mail: verify an address, reset a password, accept an invitation. Only hashes are kept.
mail_links = Table(
    "mail_links",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE")),
    Column("email", String(254), nullable=False),
    Column("role", String(20)),
    Column("department", ForeignKey("departments.slug")),
    Column("created_by", ForeignKey("users.id")),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("used_at", UtcDateTime),
)

mail_outbox = Table(
    "mail_outbox",
    metadata,
    Column("id", Id, primary_key=True),
    Column("kind", String(40), nullable=False),
    Column("recipient", String(254), nullable=False),
    Column("subject", String(200), nullable=False),
    Column("body_sealed", LargeBinary),
    Column("status", String(20), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("error", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    Column("claimed_at", UtcDateTime),
    Column("sent_at", UtcDateTime),
    Index("ix_mail_outbox_status_due", "status", "due_at"),
)

# Append-only; each row's MAC covers the one before it.
audit_log = Table(
    "audit_log",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", UtcDateTime, nullable=False),
    Column("actor_id", Id),
    Column("actor_email", String(254), nullable=False),
    Column("address", String(64), nullable=False),
    Column("action", String(60), nullable=False, index=True),
    Column("object_type", String(40), nullable=False),
    Column("object_id", String(80), nullable=False),
    Column("result", String(40), nullable=False),
    Column("request_id", String(40), nullable=False),
    Column("detail", Json, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("mac", String(64), nullable=False),
)

# Token buckets by the generic cell rate algorithm: ``tat_seconds`` is the theoretical arrival time.
rate_limits = Table(
    "rate_limits",
    metadata,
    Column("key", String(120), primary_key=True),
    Column("tat_seconds", Float, nullable=False),
)

# What administrators set in the app; everything else is an environment variable.
organisation = Table(
    "organisation",
    metadata,
    Column("name", String(60), primary_key=True),
    Column("value", Json, nullable=False),
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
    Column("secret_sealed", LargeBinary),
    Column("secret_hint", String(20), nullable=False),
    Column("secret_version", Integer, nullable=False),
    Column("input_price_micros_per_million", BigInteger),
    Column("output_price_micros_per_million", BigInteger),
    Column("created_at", UtcDateTime, nullable=False),
    Column("tested_at", UtcDateTime),
    Column("test_code", String(40)),
    Column("last_used_at", UtcDateTime),
    Column("deleted_at", UtcDateTime),
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

runs = Table(
    "runs",
    metadata,
    Column("id", Id, primary_key=True),
    Column("owner_id", ForeignKey("users.id"), nullable=False),
    Column("agent_id", ForeignKey("agents.id"), index=True),
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
    Index("ix_runs_owner_created", "owner_id", "created_at"),
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
    Column("user_id", ForeignKey("users.id"), nullable=False),
    Column("department", ForeignKey("departments.slug")),
    Column("key_id", ForeignKey("keys.id"), nullable=False),
    Column("provider", String(40), nullable=False),
    Column("model", String(200), nullable=False),
    Column("status", String(20), nullable=False),
    Column("input_tokens", Integer),
    Column("output_tokens", Integer),
    Column("cached_tokens", Integer),
    Column("bound_input_tokens", Integer, nullable=False),
    Column("bound_output_tokens", Integer, nullable=False),
    Column("cost_micros", BigInteger),
    Column("price_version", String(80)),
    Column("error_code", String(40)),
    Column("started_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("duration_ms", Integer),
    Index("ix_model_calls_user_started", "user_id", "started_at"),
)

workers = Table(
    "workers",
    metadata,
    Column("executor_id", Id, primary_key=True),
    Column("host", String(120), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("is_embedded", Boolean, nullable=False),
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
