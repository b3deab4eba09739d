"""What every table is made with: the names of constraints, the type of ids, and columns of sealed secrets."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, LargeBinary, MetaData

from core.db.types import String

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


def sealed(
    name: str,
    what: str,
    *,
    field: str,
    row: str,
    nullable: bool = True,
    is_ours: bool = False,
    **bound_to: str,
) -> Column[Any]:
    """Return a column of sealed secrets. Whatever is declared like this is counted, rotated and recovered.

    Args:
        name: the column's name; it ends in ``_sealed``.
        what: what administrators call its secrets.
        field: the name under which the vault seals it.
        row: the primary key, which binds a value to its row.
        nullable: whether a row may be without a secret.
        is_ours: whether Zoark made it for itself, so that nobody can enter it again.
        bound_to: what else the vault binds a value to, by name, and the column that has it.
    """
    told = {"what": what, "field": field, "is_ours": is_ours, "bound_to": {"row": row, **bound_to}}
    return Column(name, LargeBinary, nullable=nullable, info={"sealed": told})
