"""The tables of outgoing webhooks: where they lead, and everything that was or is to be sent there."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, Table, false

from core.db.tables.base import Id, metadata, sealed
from core.db.types import String, Text, UtcDateTime

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", Id, primary_key=True),
    # Of one of the organisation: who vouches for it.
    Column("owner_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("is_organisation", Boolean, nullable=False, server_default=false()),
    Column("name", String(80), nullable=False),
    Column("url", String(1000), nullable=False),
    # Names of events with spaces between them.
    Column("events", String(400), nullable=False),
    sealed("secret_sealed", "Secrets of webhooks", field="secret", row="id", is_ours=True),
    # The one before, which signs too until ``previous_until``.
    sealed("previous_sealed", "Former secrets of webhooks", field="previous", row="id", is_ours=True),
    Column("previous_until", UtcDateTime),
    Column("secret_changed_at", UtcDateTime, nullable=False),
    # Set with a reason: nothing is sent.
    Column("disabled_at", UtcDateTime),
    Column("disabled_reason", String(20)),
    # When the first attempt failed after the last one that succeeded.
    Column("failing_since", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
)

# The body is kept as it is signed. It has no secret in it.
webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", Id, primary_key=True),
    Column("webhook_id", ForeignKey("webhooks.id", ondelete="CASCADE"), nullable=False),
    Column("event", String(40), nullable=False),
    Column("body", Text, nullable=False),
    Column("status", String(20), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    Column("claimed_at", UtcDateTime),
    Column("ended_at", UtcDateTime),
    # Of the last attempt.
    Column("response_status", Integer),
    Column("response_beginning", Text),
    Column("duration_ms", Integer),
    Column("error_code", String(40)),
    Index("ix_webhook_deliveries_of", "webhook_id", "id"),
    Index("ix_webhook_deliveries_due", "status", "due_at"),
    Index("ix_webhook_deliveries_created_at", "created_at"),
)
