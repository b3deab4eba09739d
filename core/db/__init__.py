"""The database: one engine, one way to commit, and the tables."""

from core.db.engine import Connection, Database
from core.db.sqlite import use_newer_sqlite

use_newer_sqlite()

__all__ = ["Connection", "Database"]
