"""The rules of agents: whose they are, and that what they refer to exists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import ValidationError

from core import clock
from core.accounts.capabilities import require
from core.accounts.models import User
from core.agents import repository
from core.agents.models import Agent, AgentDefinition
from core.audit.service import Audit
from core.db import Database
from core.departments.service import Departments
from core.errors import Conflict, Invalid, NotFound
from core.keys.service import Keys
from core.tools.registry import all_tools

# How each field is called where people fill it in.
LABELS: Mapping[str, str] = {
    "name": "Name",
    "department": "Department",
    "role": "Role",
    "goal": "Goal",
    "backstory": "Backstory",
    "expected_output": "Expected output",
    "key_id": "Key",
    "model": "Model",
    "temperature": "Temperature",
    "max_iterations": "Most steps",
    "max_output_tokens": "Longest answer",
    "time_limit_seconds": "Time limit",
    "tools": "Tools",
}


class Agents:
    """Create, change, list and delete a person's agents."""

    def __init__(self, db: Database, keys: Keys, departments: Departments, audit: Audit) -> None:
        """Check references against ``keys`` and ``departments``; tell ``audit``."""
        self._db = db
        self._audit = audit
        self._keys = keys
        self._departments = departments

    def create(self, actor: User, fields: Mapping[str, object]) -> Agent:
        """Store a new agent.

        Raises:
            Invalid: a field has not the right form.
            NotFound: the key is not the actor's.
        """
        definition = self._check(actor, fields)
        at = clock.now()
        agent = Agent(clock.new_id("agent"), actor.id, definition, 1, at, at)
        with self._db.transaction() as connection:
            repository.insert_agent(connection, agent)
            self._audit.record(connection, actor, "agent.created", "agent", agent.id)
        return agent

    def list(self, actor: User) -> Sequence[Agent]:
        """Return the actor's agents, last changed first."""
        with self._db.read() as connection:
            return repository.agents_of(connection, actor.id)

    def get(self, actor: User, agent_id: str) -> Agent:
        """Return one agent; ``NotFound`` for a stranger's."""
        with self._db.read() as connection:
            agent = repository.agent_of(connection, actor.id, agent_id)
        if agent is None:
            raise NotFound(what="agent")
        return agent

    def update(self, actor: User, agent_id: str, fields: Mapping[str, object], revision: int) -> Agent:
        """Change an agent that was read at ``revision``.

        Raises:
            Conflict: it was changed elsewhere in the meantime.
        """
        agent = self.get(actor, agent_id)
        definition = self._check(actor, fields)
        with self._db.transaction() as connection:
            if not repository.update_agent(connection, agent.id, definition, revision, clock.now()):
                raise Conflict("This agent was changed elsewhere. Reload the page to see the newer version.")
            self._audit.record(connection, actor, "agent.changed", "agent", agent.id)
        return self.get(actor, agent_id)

    def delete(self, actor: User, agent_id: str) -> None:
        """Delete an agent; its runs and their costs stay."""
        agent = self.get(actor, agent_id)
        with self._db.transaction() as connection:
            repository.delete_agent(connection, agent.id, clock.now())
            self._audit.record(connection, actor, "agent.deleted", "agent", agent.id)

    def _check(self, actor: User, fields: Mapping[str, object]) -> AgentDefinition:
        require(actor, "agents.edit")
        definition = parse_definition(fields)
        self._departments.check(definition.department)
        self._keys.get(actor, definition.key_id)
        return definition


def parse_definition(fields: Mapping[str, object]) -> AgentDefinition:
    """Return the definition in ``fields``.

    Raises:
        Invalid: one sentence about the first field that is wrong.
    """
    try:
        definition = AgentDefinition.model_validate(dict(fields))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = str(first["loc"][0]) if first["loc"] else ""
        raise Invalid(_sentence(LABELS.get(field, field), first["type"], first["msg"]), field) from None
    unknown = set(definition.tools) - set(all_tools())
    if unknown:
        raise Invalid(f"There is no tool called {sorted(unknown)[0]}.", "tools")
    return definition


def _sentence(label: str, kind: str, message: str) -> str:
    if kind in ("missing", "string_too_short"):
        return f"{label} is missing."
    if kind == "extra_forbidden":
        return f"There is no field called {label}."
    return f"{label}: {message[0].lower()}{message[1:]}."
