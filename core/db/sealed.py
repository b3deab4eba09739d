"""Every column of sealed secrets, as declared beside its table, and the SQL that works on any of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Column, ColumnElement, LargeBinary, Table, func, select, update

from core.db.engine import Connection
from core.db.tables import metadata
from core.security.sealing import HEAD_BYTES, head_of, key_id_of


@dataclass(frozen=True)
class SealedColumn:
    """A column of sealed secrets; ``what`` names them to administrators; ``is_ours``: nobody entered them."""

    column: Column[Any] = field(repr=False)
    what: str
    field: str
    is_ours: bool
    bound_to: Mapping[str, str]

    @property
    def table(self) -> Table:
        """The table it is in."""
        return self.column.table

    @property
    def row(self) -> Column[Any]:
        """The primary key of the table."""
        return self.table.c[self.bound_to["row"]]

    def context(self, row: Mapping[str, Any]) -> dict[str, str | int]:
        """Return what a value is bound to in a row: what the noun that owns it seals it with."""
        values = {name: row[column] for name, column in self.bound_to.items()}
        bound = {name: "" if value is None else value for name, value in values.items()}
        return {"table": self.table.name, "field": self.field, **bound}


@dataclass(frozen=True)
class SealedRow:
    """A sealed value, where it is and what it is bound to."""

    row: str | int
    sealed: bytes = field(repr=False)
    context: Mapping[str, str | int]


def sealed_columns() -> list[SealedColumn]:
    """Return every declared column, in the order of the tables' names."""
    found = []
    for table in sorted(metadata.tables.values(), key=lambda table: table.name):
        for column in table.columns:
            told = column.info.get("sealed")
            if told:
                found.append(SealedColumn(column, **told))
    return found


def registered() -> frozenset[tuple[str, str]]:
    """Return table and field of all that may be sealed."""
    return frozenset((column.table.name, column.field) for column in sealed_columns())


def counts(connection: Connection) -> Iterator[tuple[SealedColumn, int, int]]:
    """Yield each column with the number of a master key and how many rows are sealed with it."""
    for column in sealed_columns():
        head = _head(column.column).label("head")
        query = select(head, func.count().label("rows")).where(column.column.is_not(None)).group_by("head")
        for row in connection.execute(query):
            yield column, key_id_of(row.head), row.rows


def rows_by_key(connection: Connection) -> dict[int, int]:
    """Return how many rows are sealed with each master key."""
    total: dict[int, int] = {}
    for _, key_id, rows in counts(connection):
        total[key_id] = total.get(key_id, 0) + rows
    return total


def is_sealed_with(column: Column[Any], key_ids: Collection[int]) -> ColumnElement[bool]:
    """Return the condition that a value is sealed with one of these master keys."""
    return _head(column).in_([head_of(key_id) for key_id in key_ids])


def rows_sealed_with(
    connection: Connection, column: SealedColumn, key_ids: Collection[int], after: str | int | None, limit: int
) -> list[SealedRow]:
    """Return the next rows in the order of the primary key, from ``after`` on, that are sealed with these keys."""
    bound = {column.table.c[name] for name in column.bound_to.values()}
    query = select(column.column, *sorted(bound, key=lambda c: c.name)).where(
        is_sealed_with(column.column, key_ids)
    )
    if after is not None:
        query = query.where(column.row > after)
    rows = connection.execute(query.order_by(column.row).limit(limit)).mappings()
    return [
        SealedRow(row[column.row.name], row[column.column.name], column.context({k: row[k] for k in row}))
        for row in rows
    ]


def swap(connection: Connection, column: SealedColumn, row: SealedRow, fresh: bytes) -> bool:
    """Put a value in the place of exactly the one that was read; False when somebody has changed it since."""
    swapped = connection.execute(
        update(column.table)
        .where(column.row == row.row, column.column == row.sealed)
        .values({column.column.name: fresh})
    )
    return swapped.rowcount == 1


def _head(column: Column[Any]) -> ColumnElement[bytes]:
    return func.substr(column, 1, HEAD_BYTES, type_=LargeBinary)
