"""The SQL of setting up: one row beside the organisation's settings."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, get_args

from sqlalchemy import func, select, update

from core.db import Connection
from core.db.tables import agents, keys, organisation, users
from core.db.upsert import upsert
from core.setup.models import STEPS, SetupProgress

ROW = "setup"
Moment = Literal["postponed_at", "finished_at", "card_hidden_at"]
_MOMENTS: tuple[Moment, ...] = get_args(Moment)
_this = organisation.c.name == ROW


def progress(connection: Connection) -> SetupProgress:
    """Return how far it has come."""
    return _progress(connection.execute(select(organisation.c.value).where(_this)).scalar_one_or_none() or {})


def lock(connection: Connection) -> SetupProgress:
    """Return how far it has come; nobody else changes it until this transaction ends."""
    connection.execute(upsert(connection, organisation).values(name=ROW, value={}).on_conflict_do_nothing())
    return _progress(
        connection.execute(select(organisation.c.value).where(_this).with_for_update()).scalar_one() or {}
    )


def write(connection: Connection, now: SetupProgress) -> None:
    """Store how far it has come."""
    value: dict[str, Any] = {"steps": dict(now.steps), "begun_by": now.begun_by}
    for name in _MOMENTS:
        if (moment := getattr(now, name)) is not None:
            value[name] = moment.isoformat()
    connection.execute(update(organisation).where(_this).values(value=value))


def is_fresh(connection: Connection) -> bool:
    """Whether there is one person at most, and no key or agent has ever been made."""
    people = connection.execute(select(func.count()).select_from(users)).scalar_one()
    return people <= 1 and not any(
        connection.execute(select(table.c.id).limit(1)).first() is not None for table in (keys, agents)
    )


def _progress(value: dict[str, Any]) -> SetupProgress:
    steps = value.get("steps", {})
    return SetupProgress(
        steps={step: steps[step] for step in STEPS if step in steps},
        begun_by=value.get("begun_by"),
        **{name: datetime.fromisoformat(value[name]) for name in _MOMENTS if name in value},
    )
