"""The tables of people: who they are, how they come in, what they are told, and what they did."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    UniqueConstraint,
)

from core.db.tables.base import Id, metadata, sealed
from core.db.types import Json, String, Text, UtcDateTime

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
    sealed("totp_sealed", "Authenticator apps", field="totp_sealed", row="id", owner="id"),
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
    sealed(
        "token_sealed",
        "Connected accounts",
        field="token",
        row="id",
        owner="user_id",
        version="token_version",
    ),
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
    sealed("verifier_sealed", "Sign-ins under way", field="verifier", row="state_hash", nullable=False),
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

# Public keys only: the private one never leaves its device.
passkeys = Table(
    "passkeys",
    metadata,
    Column("id", Id, primary_key=True),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("credential_id", LargeBinary, nullable=False, unique=True),
    Column("public_key", LargeBinary, nullable=False),
    Column("sign_count", BigInteger, nullable=False),
    Column("name", String(60), nullable=False),
    Column("transports", String(100), nullable=False),
    Column("is_backed_up", Boolean, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("last_used_at", UtcDateTime),
)

# What a browser was asked to sign: single use, bound to purpose, person and browser.
passkey_challenges = Table(
    "passkey_challenges",
    metadata,
    Column("challenge_hash", String(64), primary_key=True),
    Column("purpose", String(20), nullable=False),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE")),
    Column("browser_hash", String(64), nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
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
    sealed("body_sealed", "E-mails", field="body", row="id"),
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
    Column("on_behalf_of", String(254), nullable=False, server_default=""),
)

# The log is chained with a key of its own, and with another one after each rotation: from entry ``first_seq`` on.
audit_segments = Table(
    "audit_segments",
    metadata,
    Column("first_seq", Integer, primary_key=True, autoincrement=False),
    sealed("key_sealed", "Keys of the audit log", field="key", row="first_seq", is_ours=True),
    Column("created_at", UtcDateTime, nullable=False),
)

# One row: where the chain ends, sealed, so that entries cut off the end are missed (core.audit.head).
audit_head = Table(
    "audit_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("seq", Integer, nullable=False),
    Column("mac", String(64), nullable=False),
    Column("seal", String(64), nullable=False),
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
