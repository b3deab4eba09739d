"""Column types that mean the same on SQLite and PostgreSQL."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Dialect
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator, TypeEngine


class String(TypeDecorator[str]):
    """Text of a bounded length, without the characters that PostgreSQL refuses."""

    impl = sa.String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Make the text storable."""
        return value if value is None else storable(value)


class Text(String):
    """Text of any length, without the characters that PostgreSQL refuses."""

    impl = sa.Text
    cache_ok = True


class Json(TypeDecorator[Any]):
    """Plain data; JSONB on PostgreSQL, which refuses some strings and numbers that Python's JSON can have."""

    impl = sa.JSON
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the database's own type."""
        return dialect.type_descriptor(JSONB() if dialect.name == "postgresql" else sa.JSON())

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """Make the data storable."""
        return storable_tree(value)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment in UTC. SQLite keeps no time zone, so it is cut off there and put back on reading."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive datetimes; hand SQLite the same moment without its zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("naive datetime")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Return an aware datetime in UTC."""
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def storable(text: str) -> str:
    """Return ``text`` without NUL and lone surrogates: models and broken software send them."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def storable_tree(value: Any) -> Any:
    """Return plain data as it comes back from the database: see ``storable``; what is no number is nothing."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {storable_tree(key): storable_tree(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [storable_tree(inner) for inner in value]
    return value
