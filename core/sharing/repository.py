"""The SQL of shares."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, delete, func, or_, select

from core.accounts.models import User
from core.db import Connection
from core.db.tables import agents, departments, shares, users
from core.db.upsert import upsert
from core.sharing.models import LEVELS, Colleague, Grantee, Kind, Level, Owner, Share

_RANK = case({level: rank for rank, level in enumerate(LEVELS)}, value=shares.c.level)


def put(
    connection: Connection,
    kind: Kind,
    object_id: str,
    grantee: Grantee,
    level: Level,
    created_by: str,
    at: datetime,
) -> None:
    """Share a thing, or change how far an existing share goes."""
    statement = upsert(connection, shares).values(
        object_type=kind,
        object_id=object_id,
        grantee=_key(grantee),
        user_id=grantee.id if grantee.kind == "person" else None,
        department=grantee.id if grantee.kind == "department" else None,
        agent_id=grantee.id if grantee.kind == "agent" else None,
        level=level,
        created_by=created_by,
        created_at=at,
    )
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=[shares.c.object_type, shares.c.object_id, shares.c.grantee], set_={"level": level}
        )
    )


def remove(connection: Connection, kind: Kind, object_id: str, grantee: Grantee) -> bool:
    """End one share; False when there was none."""
    return (
        connection.execute(delete(shares).where(*_of(kind, object_id), shares.c.grantee == _key(grantee))).rowcount
        == 1
    )


def remove_all(connection: Connection, kind: Kind, object_id: str) -> None:
    """End every share of a thing, and what was lent to it."""
    # Ids tell their kind: only an agent's stands in the column of agents.
    connection.execute(delete(shares).where(or_(and_(*_of(kind, object_id)), shares.c.agent_id == object_id)))


def of_objects(connection: Connection, kind: Kind, object_ids: Collection[str]) -> dict[str, list[Share]]:
    """Return whom things are shared with, by id and name; what is lent to agents comes last."""
    rows = connection.execute(
        select(
            shares,
            users.c.name.label("user_name"),
            departments.c.name.label("department_name"),
            agents.c.name.label("agent_name"),
        )
        .outerjoin(users, users.c.id == shares.c.user_id)
        .outerjoin(departments, departments.c.slug == shares.c.department)
        .outerjoin(agents, agents.c.id == shares.c.agent_id)
        .where(shares.c.object_type == kind, shares.c.object_id.in_(object_ids))
    )
    found: dict[str, list[Share]] = {}
    for row in rows:
        found.setdefault(row.object_id, []).append(_share(row))
    for of_one in found.values():
        of_one.sort(key=lambda share: (share.grantee.kind == "agent", share.name.casefold()))
    return found


def levels(connection: Connection, actor: User, kind: Kind) -> dict[str, Level]:
    """Return what is shared with a person, directly or by their department, and how far."""
    rows = connection.execute(
        select(shares.c.object_id, func.max(_RANK).label("rank"))
        .where(shares.c.object_type == kind, _reaches(actor))
        .group_by(shares.c.object_id)
    )
    return {row.object_id: LEVELS[row.rank] for row in rows}


def level(connection: Connection, actor: User, kind: Kind, object_id: str) -> Level | None:
    """Return how far one thing is shared with a person."""
    rank = connection.execute(select(func.max(_RANK)).where(*_of(kind, object_id), _reaches(actor))).scalar()
    return None if rank is None else LEVELS[rank]


def is_lent(connection: Connection, key_id: str, agent_id: str) -> bool:
    """Whether a key is lent to an agent."""
    found = connection.execute(select(shares.c.object_id).where(*_of("key", key_id), shares.c.agent_id == agent_id))
    return found.first() is not None


def owners(connection: Connection, user_ids: Collection[str]) -> dict[str, Owner]:
    """Return people by id."""
    rows = connection.execute(select(users.c.id, users.c.name, users.c.is_active).where(users.c.id.in_(user_ids)))
    return {row.id: Owner(row.id, row.name, row.is_active) for row in rows}


def colleagues(connection: Connection, but: str, limit: int) -> list[Colleague]:
    """Return the active people but one, by name."""
    rows = connection.execute(
        select(users.c.id, users.c.name, users.c.email)
        .where(users.c.is_active, users.c.id != but)
        .order_by(func.lower(users.c.name), users.c.id)
        .limit(limit)
    )
    return [Colleague(row.id, row.name, row.email) for row in rows]


def active_person(connection: Connection, *, user_id: str | None = None, email: str | None = None) -> str | None:
    """Return the id of an active person, by id or by normalised address."""
    wanted = users.c.id == user_id if user_id is not None else users.c.email == email
    row = connection.execute(select(users.c.id).where(wanted, users.c.is_active)).first()
    return row.id if row else None


def _of(kind: Kind, object_id: str) -> tuple[ColumnElement[bool], ...]:
    return (shares.c.object_type == kind, shares.c.object_id == object_id)


def _reaches(actor: User) -> ColumnElement[bool]:
    ways = [_key(Grantee("everyone")), _key(Grantee("person", actor.id))]
    if actor.department:
        ways.append(_key(Grantee("department", actor.department)))
    return shares.c.grantee.in_(ways)


def _key(grantee: Grantee) -> str:
    return f"{grantee.kind}:{grantee.id}"


def _share(row: Any) -> Share:
    if row.user_id:
        grantee, name = Grantee("person", row.user_id), row.user_name
    elif row.department:
        grantee, name = Grantee("department", row.department), row.department_name
    elif row.agent_id:
        grantee, name = Grantee("agent", row.agent_id), row.agent_name
    else:
        grantee, name = Grantee("everyone"), "Everybody"
    return Share(grantee, name, row.level, row.created_at)
