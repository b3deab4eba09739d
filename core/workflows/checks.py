"""Whether a graph could run for somebody: its rules, and their rights to everything that it refers to."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from core.accounts.models import ROLES, User
from core.agents.service import Agents
from core.db import Connection, Database
from core.departments.service import Departments
from core.engine.graph import Graph, read_graph
from core.engine.problems import Problem
from core.engine.rules import check_graph
from core.errors import CoreError, Invalid, NoSuchPerson
from core.keys.service import Keys
from core.sharing.service import Sharing
from core.workflows import repository
from core.workflows.references import Reference, references

CODES = {"agent": "agent_not_usable", "key": "key_not_usable", "workflow": "workflow_not_usable"}
# So many workflows are followed to see whether one of them leads back.
MOST_FOLLOWED = 200


class Checks:
    """Finds what keeps a graph from running."""

    def __init__(
        self, db: Database, agents: Agents, keys: Keys, departments: Departments, sharing: Sharing
    ) -> None:
        """Ask the nouns whether somebody may use what is theirs."""
        self._db = db
        self._agents = agents
        self._keys = keys
        self._departments = departments
        self._sharing = sharing

    def problems(
        self,
        actor: User,
        graph: Graph,
        workflow_id: str | None,
        require_workflow: Callable[[User, str], object],
    ) -> tuple[Problem, ...]:
        """Return what is wrong: first with the graph as such, then with what it refers to.

        Args:
            actor: whose rights count.
            graph: of the right form.
            workflow_id: the workflow that it belongs to, which it must not contain.
            require_workflow: raises unless the actor may run another workflow.
        """
        found = list(check_graph(graph))
        errors: dict[tuple[str, str], str | None] = {}
        for reference in references(graph):
            key = (reference.kind, reference.id)
            if key not in errors:
                errors[key] = self._error(actor, reference, workflow_id, require_workflow)
            sentence = errors[key]
            if sentence is not None:
                code = CODES.get(reference.kind, "approver_missing")
                said = f"{reference.node.title}: {sentence}"
                found.append(Problem(code, said, reference.node.id, reference.field))
        return tuple(found)

    def names(self, actor: User) -> dict[str, str]:
        """Return what people call what a graph may refer to, by id, as far as the actor may see it."""
        return {
            **{agent.id: agent.definition.name for agent in self._agents.list(actor)},
            **{key.id: key.name for key in self._keys.list(actor, "llm")},
            **{one.id: one.name for one in self._sharing.colleagues(actor)},
            **{department.slug: department.name for department in self._departments.all()},
            actor.id: actor.name,
        }

    def _error(
        self,
        actor: User,
        reference: Reference,
        workflow_id: str | None,
        require_workflow: Callable[[User, str], object],
    ) -> str | None:
        try:
            match reference.kind:
                case "agent":
                    self._agents.to_run(actor, reference.id)
                case "key":
                    self._keys.require_usable(actor, reference.id)
                case "workflow":
                    require_workflow(actor, reference.id)
                    if workflow_id is not None and self._leads_to(reference.id, workflow_id):
                        return "A workflow cannot contain itself, not through others either."
                case "person":
                    with self._db.read() as connection:
                        owner = self._sharing.owners(connection, [reference.id]).get(reference.id)
                    if owner is None or not owner.is_active:
                        raise NoSuchPerson
                case "role" if reference.id not in ROLES:
                    raise Invalid("Choose one of the roles.")
                case "department":
                    self._departments.check(reference.id)
        except CoreError as error:
            return error.sentence
        return None

    def _leads_to(self, start: str, workflow_id: str) -> bool:
        """Whether the workflow ``start`` is, or runs, ``workflow_id`` by what is published now."""
        seen: set[str] = set()
        ahead = deque([start])
        with self._db.read() as connection:
            while ahead and len(seen) < MOST_FOLLOWED:
                here = ahead.popleft()
                if here == workflow_id:
                    return True
                if here not in seen:
                    seen.add(here)
                    ahead.extend(_runs(connection, here))
        return False


def _runs(connection: Connection, workflow_id: str) -> Sequence[str]:
    facts = repository.facts(connection, workflow_id)
    if facts is None or facts.published_version is None:
        return ()
    version = repository.version(connection, workflow_id, facts.published_version)
    return _workflows_in(version.graph) if version else ()


def _workflows_in(document: Mapping[str, Any]) -> list[str]:
    return [reference.id for reference in references(read_graph(document)) if reference.kind == "workflow"]
