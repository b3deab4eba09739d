"""The tables of programs that call the API: personal tokens, refresh tokens, and what was answered to whom."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Integer, Table

from core.db.tables.base import Id, metadata, sealed
from core.db.types import String, UtcDateTime

# Personal tokens. Only hashes are kept.
api_tokens = Table(
    "api_tokens",
    metadata,
    Column("id", Id, primary_key=True),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("name", String(80), nullable=False),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("hint", String(20), nullable=False),
    # Names of scopes with spaces between them.
    Column("scopes", String(1000), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("last_used_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
)

# A login of the API is a session; each of its refresh tokens is good once. The id is the jti of the access token
# that was issued with it.
refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    Column("id", Id, primary_key=True),
    Column("session_id", ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("used_at", UtcDateTime),
)

# The answers to requests with an Idempotency-Key. One without a status is under way, or its process died.
idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("request_hash", String(64), nullable=False),
    Column("attempt", Id, nullable=False),
    Column("status", Integer),
    sealed("answer_sealed", "Answers kept for repeated requests", field="answer", row="id", is_ours=True),
    Column("begun_at", UtcDateTime, nullable=False, index=True),
)
