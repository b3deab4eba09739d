"""Adds each settled call to the sums of its day and month, and decides in which month it is billed. No actor asks.

A call is billed in the month it was sent in. When that month is closed before the call is settled, it is billed in
the first month after the closed ones: nothing is lost, and nothing is counted twice.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime

from core.db import Connection
from core.months import end_of, month_of, shifted
from core.rollup import repository
from core.rollup.models import GroupSums, MonthUse, Named, Spans


class Rollup:
    """What the books tell of each call, and statements ask."""

    def book(self, connection: Connection, call_id: str, started_at: datetime) -> None:
        """Add a call that was just settled; one that failed counts nothing."""
        month = self.open_month(connection, month_of(started_at))
        if repository.set_billed_month(connection, call_id, month):
            repository.add_call(connection, call_id, month, month_of(started_at))
            repository.add_call_to_day(connection, call_id, started_at.astimezone(UTC).date())

    def open_month(self, connection: Connection, month: str) -> str:
        """Return ``month``, or the first one after the closed ones; it stays open until the transaction ends."""
        repository.while_booking(connection)
        closed = repository.closed_through(connection)
        return month if closed is None else max(month, shifted(closed, 1))

    def closed_through(self, connection: Connection) -> str | None:
        """Return the last closed month."""
        return repository.closed_through(connection)

    def hold(self, connection: Connection) -> None:
        """Let nobody book until this transaction ends: a month is being closed."""
        repository.exclude_booking(connection)

    def of_month(self, connection: Connection, month: str, user_id: str | None = None) -> list[MonthUse]:
        """Return what is billed in a month, of everybody or of one person."""
        return repository.of_month(connection, month, user_id)

    def by(
        self, connection: Connection, column: str, months: Spans, days: Spans, only: Mapping[str, str]
    ) -> list[GroupSums]:
        """Return sums of the calls sent in whole months and on whole days; a group may come several times.

        Args:
            connection: the caller's transaction.
            column: what to tell apart, a column of ``usage_days``; empty for nothing.
            months: from the first day of a month to that of one after.
            days: from a day to one after.
            only: the values that other columns must have.
        """
        if column == "day":  # sums of months do not know of days
            months, days = (), (*months, *days)
        found: list[GroupSums] = []
        for first, end in months:
            found += repository.by_month(connection, column, f"{first:%Y-%m}", f"{end:%Y-%m}", only)
        for first, end in days:
            found += repository.by_day(connection, column, first, end, only)
        return found

    def named(self, connection: Connection, column: str, ids: Collection[str]) -> list[Named]:
        """Return what the ids in a column of ``usage_days`` belong to."""
        return repository.named(connection, column, ids)

    def first_month(self, connection: Connection) -> str | None:
        """Return the first month that anything is billed in."""
        return repository.first_month(connection)

    def open_calls(self, connection: Connection, month: str) -> int:
        """Return how many calls of a month, or of one before it, are not settled."""
        return repository.open_calls(connection, end_of(month))
