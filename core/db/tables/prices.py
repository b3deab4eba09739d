"""The table of prices that administrators have set."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Date, ForeignKey, Index, Table, text

from core.db.tables.base import Id, metadata
from core.db.types import String, UtcDateTime

# Never changed but for its end, and never deleted. ``model`` is in lower case and may end in ``*``.
price_overrides = Table(
    "price_overrides",
    metadata,
    Column("id", Id, primary_key=True),
    Column("provider", String(40), nullable=False),
    Column("model", String(200), nullable=False),
    Column("input_micros_per_million", BigInteger, nullable=False),
    Column("cached_micros_per_million", BigInteger),
    Column("output_micros_per_million", BigInteger, nullable=False),
    Column("starts_on", Date, nullable=False),
    Column("note", String(200), nullable=False),
    Column("created_by", ForeignKey("users.id"), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("ended_by", ForeignKey("users.id")),
    Column("ended_at", UtcDateTime),
    # Of those that have not ended, one for each model and day.
    Index(
        "uq_price_overrides_provider_model_starts_on",
        "provider",
        "model",
        "starts_on",
        unique=True,
        sqlite_where=text("ended_at IS NULL"),
        postgresql_where=text("ended_at IS NULL"),
    ),
)
