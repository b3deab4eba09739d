"""The engine and the only place that commits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, InterfaceError, OperationalError, TimeoutError

from core.db.sqlite import Turns, prepare_connection
from core.errors import SettingsWrong

__all__ = ["Connection", "Database"]

POOL_SIZE = 10
POOL_OVERFLOW = 20


class Database:
    """SQLite or PostgreSQL behind one pool.

    A write transaction takes SQLite's write lock at once (``BEGIN IMMEDIATE``): two writers wait for each
    other instead of failing half-way, and in the order in which they came (``Turns``).
    """

    def __init__(self, url: str) -> None:
        """Open nothing yet; connections are made on first use."""
        try:
            parsed = make_url(url)
        except (ArgumentError, ValueError):  # ValueError: a port that is no number
            raise SettingsWrong("DATABASE_URL is wrong: it cannot be read as an address.") from None
        self.url = url
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        self._turns: Turns | None = None
        if self.is_sqlite:
            self._turns = Turns(parsed.database or "")
            self._engine = create_engine(
                url,
                connect_args={"check_same_thread": False},
                pool_size=POOL_SIZE,
                max_overflow=POOL_OVERFLOW,
            )
            event.listen(self._engine, "connect", prepare_connection)
            event.listen(self._engine, "begin", _begin_sqlite)
        else:
            self._engine = create_engine(
                url, pool_size=POOL_SIZE, max_overflow=POOL_OVERFLOW, pool_pre_ping=True, pool_recycle=1800
            )
        self._writing = self._engine.execution_options(zoark_write=True)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Give a connection in a write transaction: committed at the end, rolled back on any error."""
        with self._turns.take() if self._turns else nullcontext(), self._writing.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection for reading; nothing is ever committed."""
        with self._engine.connect() as connection:
            yield connection

    def ping(self) -> None:
        """Ask the database for an answer; raises SQLAlchemy's error when it is down."""
        with self.read() as connection:
            connection.execute(text("SELECT 1"))

    def dispose(self) -> None:
        """Close every pooled connection."""
        self._engine.dispose()


def is_passing(error: BaseException) -> bool:
    """Whether an error says that the database is away or busy for a moment; another try may help."""
    return isinstance(error, OperationalError | InterfaceError | TimeoutError)


def _begin_sqlite(connection: Connection) -> None:
    writing = connection.get_execution_options().get("zoark_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
