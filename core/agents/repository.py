"""The SQL of agents."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, or_, select, update

from core.agents.models import Agent, AgentDefinition
from core.db import Connection
from core.db.tables import agents
from core.keys.models import Dependent


def insert_agent(connection: Connection, agent: Agent) -> None:
    """Add an agent."""
    connection.execute(
        insert(agents).values(
            id=agent.id,
            owner_id=agent.owner_id,
            revision=agent.revision,
            created_at=agent.created_at,
            updated_at=agent.updated_at,
            **_columns(agent.definition),
        )
    )


def agents_of(connection: Connection, owner_id: str, shared: Collection[str]) -> list[Agent]:
    """Return a person's agents and those of the ids in ``shared``, last changed first."""
    rows = connection.execute(
        select(agents)
        .where(or_(agents.c.owner_id == owner_id, agents.c.id.in_(shared)), agents.c.deleted_at.is_(None))
        .order_by(agents.c.updated_at.desc(), agents.c.id)
    )
    return [_agent(row) for row in rows]


def agent(connection: Connection, agent_id: str) -> Agent | None:
    """Return one agent; the caller has checked who may see it."""
    row = connection.execute(select(agents).where(agents.c.id == agent_id, agents.c.deleted_at.is_(None))).first()
    return _agent(row) if row else None


def using_keys(connection: Connection, key_ids: Collection[str]) -> list[Dependent]:
    """Return the agents that use one of these keys now, whosever they are, by name."""
    rows = connection.execute(
        select(agents.c.id, agents.c.name, agents.c.key_id, agents.c.owner_id)
        .where(agents.c.key_id.in_(key_ids), agents.c.deleted_at.is_(None))
        .order_by(func.lower(agents.c.name), agents.c.id)
    )
    return [Dependent("agent", *row) for row in rows]


def owner_of(connection: Connection, agent_id: str) -> str | None:
    """Return whose an agent is; None when it is gone."""
    return connection.execute(
        select(agents.c.owner_id).where(agents.c.id == agent_id, agents.c.deleted_at.is_(None))
    ).scalar()


def update_agent(
    connection: Connection, agent_id: str, definition: AgentDefinition, revision: int, at: datetime
) -> bool:
    """Save a change made on top of ``revision``; False when somebody was faster."""
    return (
        connection.execute(
            update(agents)
            .where(agents.c.id == agent_id, agents.c.revision == revision)
            .values(revision=revision + 1, updated_at=at, **_columns(definition))
        ).rowcount
        == 1
    )


def delete_agent(connection: Connection, agent_id: str, at: datetime) -> None:
    """Hide an agent; its runs and their costs stay."""
    connection.execute(update(agents).where(agents.c.id == agent_id).values(deleted_at=at))


def _columns(definition: AgentDefinition) -> dict[str, Any]:
    return {
        "name": definition.name,
        "department": definition.department,
        "key_id": definition.key_id,
        "definition": definition.model_dump(mode="json"),
    }


def _agent(row: Any) -> Agent:
    definition = AgentDefinition.model_validate(row.definition)
    return Agent(row.id, row.owner_id, definition, row.revision, row.created_at, row.updated_at)
