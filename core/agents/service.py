"""The rules of agents: whose they are, and that what they refer to exists."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from pydantic import ValidationError

from core import clock
from core.accounts.capabilities import can, require
from core.accounts.models import User
from core.agents import repository
from core.agents.models import Agent, AgentDefinition
from core.agents.output_schema import read_output_schema
from core.audit.service import Audit
from core.db import Connection, Database
from core.departments.service import Departments
from core.errors import Conflict, CoreError, Forbidden, Invalid, NotFound
from core.keys.models import Dependent
from core.keys.service import Keys
from core.sharing.service import Sharing
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
    "output_schema": "Output schema",
}


class Agents:
    """Create, change, list and delete agents: a person's own, and those shared with them as far as that goes."""

    def __init__(self, db: Database, keys: Keys, departments: Departments, sharing: Sharing, audit: Audit) -> None:
        """Check references against ``keys`` and ``departments``, rights with ``sharing``; tell ``audit``."""
        self._db = db
        self._audit = audit
        self._keys = keys
        self._departments = departments
        self._sharing = sharing
        sharing.register("agent", repository.owner_of)

    def create(self, actor: User, fields: Mapping[str, object]) -> Agent:
        """Store a new agent.

        Raises:
            Invalid: a field has not the right form.
            NotFound: the actor may not run on this key.
        """
        definition = self._check(actor, fields, None)
        at = clock.now()
        agent = Agent(clock.new_id("agent"), actor.id, definition, 1, at, at)
        with self._db.transaction() as connection:
            repository.insert_agent(connection, agent)
            self._audit.record(connection, actor, "agent.created", "agent", agent.id)
        return agent

    def list(self, actor: User) -> Sequence[Agent]:
        """Return the actor's agents and those shared with them, last changed first."""
        with self._db.read() as connection:
            levels = self._sharing.levels(connection, actor, "agent")
            found = repository.agents_of(connection, actor.id, levels)
            of = self._sharing.accesses(
                connection, actor, "agent", levels, {agent.id: agent.owner_id for agent in found}
            )
        return [replace(agent, access=of[agent.id]) for agent in found]

    def get(self, actor: User, agent_id: str) -> Agent:
        """Return one agent; ``NotFound`` for a stranger's."""
        with self._db.read() as connection:
            access = self._sharing.access(connection, actor, "agent", agent_id)
            agent = repository.agent(connection, agent_id)
        if agent is None or access is None:
            raise NotFound(what="agent")
        return replace(agent, access=access)

    def to_run(self, actor: User, agent_id: str) -> Agent:
        """Return an agent that the actor may run.

        Raises:
            NotFound: the agent is a stranger's.
            Forbidden: it is shared with the actor to look at only.
            KeyNotShared: the agent works, but on a key that is neither the actor's nor lent to it.
        """
        agent = self.get(actor, agent_id)
        self._require_run(actor, agent, agent.definition.key_id)
        return agent

    def require_run_as_it_was(self, actor: User, agent_id: str | None, key_id: str) -> None:
        """Raise what ``to_run`` raises, about an agent as it was once: on the key that it had then.

        Without an id it stands in a graph only, and the key has to be the actor's own or shared with them.
        """
        if agent_id is None:
            self._keys.require_usable(actor, key_id)
        else:
            self._require_run(actor, self.get(actor, agent_id), key_id)

    def runnable(self, actor: User) -> Sequence[Agent]:
        """Return the agents that the actor may run now, key included, last changed first."""
        if not can(actor, "runs.start"):
            return []
        found = [agent for agent in self.list(actor) if agent.access.reaches("run")]
        return [agent for agent in found if self._key_error(actor, agent) is None]

    def key_problem(self, actor: User, agent_id: str) -> str | None:
        """Return why the actor cannot run an agent on its key, as a sentence; None when they can."""
        error = self._key_error(actor, self.get(actor, agent_id))
        return error.sentence if error else None

    def using_keys(self, connection: Connection, key_ids: Collection[str]) -> Sequence[Dependent]:
        """Return the agents that use one of these keys, whosever they are; the caller has checked who may know."""
        return repository.using_keys(connection, key_ids)

    def update(self, actor: User, agent_id: str, fields: Mapping[str, object], revision: int) -> Agent:
        """Change an agent that was read at ``revision``.

        Raises:
            NotFound: the agent is a stranger's, or the actor may not run on the new key.
            Forbidden: it is not shared with the actor to edit.
            Conflict: it was changed elsewhere in the meantime.
        """
        agent = self.get(actor, agent_id)
        if not agent.access.reaches("edit"):
            raise Forbidden
        definition = self._check(actor, fields, agent)
        with self._db.transaction() as connection:
            if not repository.update_agent(connection, agent.id, definition, revision, clock.now()):
                raise Conflict("This agent was changed elsewhere. Reload the page to see the newer version.")
            self._audit.record(connection, actor, "agent.changed", "agent", agent.id)
        return self.get(actor, agent_id)

    def delete(self, actor: User, agent_id: str) -> None:
        """Delete an agent; its runs and their costs stay."""
        agent = self.get(actor, agent_id)
        if not agent.access.is_owner:
            raise Forbidden
        with self._db.transaction() as connection:
            repository.delete_agent(connection, agent.id, clock.now())
            self._sharing.forget(connection, "agent", agent.id)
            self._audit.record(connection, actor, "agent.deleted", "agent", agent.id)

    def _require_run(self, actor: User, agent: Agent, key_id: str) -> None:
        if not agent.access.reaches("run"):
            raise Forbidden
        self._keys.require_usable(actor, key_id, agent.id)

    def _key_error(self, actor: User, agent: Agent) -> CoreError | None:
        try:
            self._keys.require_usable(actor, agent.definition.key_id, agent.id)
        except CoreError as error:
            return error
        return None

    def _check(self, actor: User, fields: Mapping[str, object], before: Agent | None) -> AgentDefinition:
        require(actor, "agents.edit")
        definition = parse_definition(fields)
        self._departments.check(definition.department)
        if not definition.key_id:
            raise Invalid("Choose a key.", "key_id")
        if before is not None and before.definition.key_id == definition.key_id:
            # Who edits a colleague's agent may leave its key as it is, without having a right to it.
            self._keys.check_exists(definition.key_id)
        else:
            self._keys.require_usable(actor, definition.key_id)
        return definition


def parse_definition(fields: Mapping[str, object]) -> AgentDefinition:
    """Return the definition in ``fields``.

    The output schema may be text.

    Raises:
        Invalid: one sentence about the first field that is wrong.
    """
    schema = read_output_schema(fields.get("output_schema"))
    try:
        definition = AgentDefinition.model_validate({**fields, "output_schema": schema})
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
