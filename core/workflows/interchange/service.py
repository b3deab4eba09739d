"""Hands out workflows as files and takes files in, for whoever may: nothing of a file is believed or executed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from core.accounts.capabilities import require
from core.accounts.models import User
from core.agents.models import AgentDefinition
from core.agents.service import Agents, parse_definition
from core.departments.service import Departments
from core.engine.graph import Graph, Node, read_graph
from core.errors import CoreError, Invalid, NotFound
from core.keys.service import Keys
from core.names import clean_name
from core.workflows.interchange import crewai_export, crewai_import, document, formats, portable
from core.workflows.interchange.archive import is_zip
from core.workflows.interchange.document import as_fields
from core.workflows.interchange.models import Bundle, Choices, Exported, Format, ImportPlan
from core.workflows.interchange.places import Thing, exchanged
from core.workflows.models import MAX_NAME, Draft
from core.workflows.service import Workflows

MEDIA_TYPES: Mapping[Format, str] = {
    "json": "application/json",
    "yaml": "application/yaml",
    "crewai": "application/zip",
}
ENDINGS: Mapping[Format, str] = {"json": "json", "yaml": "yaml", "crewai": "zip"}
_WRITERS: Mapping[Format, Callable[[Bundle], bytes]] = {
    "json": lambda bundle: formats.write_json(document.write(bundle)).encode(),
    "yaml": lambda bundle: formats.write_yaml(document.write(bundle)).encode(),
    "crewai": crewai_export.write_project,
}


class Interchange:
    """Exports a person's workflows, and imports them under their rights."""

    def __init__(self, workflows: Workflows, agents: Agents, keys: Keys, departments: Departments) -> None:
        """Ask the nouns for what a workflow refers to."""
        self._workflows = workflows
        self._agents = agents
        self._keys = keys
        self._departments = departments

    def export(self, actor: User, workflow_id: str, form: Format, version: int | None = None) -> Exported:
        """Return a workflow as a file: its draft, or a published version.

        Agents that the actor cannot see are named and not described. No id, key or person leaves with it.

        Raises:
            NotFound: the workflow is a stranger's, or has no such version.
            ExportRefused: the form has no word for something in it.
        """
        draft = self._workflows.get(actor, workflow_id)
        graph = draft.graph if version is None else self._workflows.version(actor, workflow_id, version).graph
        bundle = portable.bundled(
            draft,
            read_graph(graph),
            agent=lambda agent_id: self._definition(actor, agent_id),
            provider=lambda key_id: self._provider(actor, key_id),
            title=lambda other_id: self._title(actor, other_id),
        )
        name = re.sub(r"[^\w-]+", "-", draft.name.lower()).strip("-") or "workflow"
        return Exported(f"{name}.{ENDINGS[form]}", MEDIA_TYPES[form], _WRITERS[form](bundle))

    def plan_import(self, actor: User, data: bytes | Mapping[str, bytes]) -> ImportPlan:
        """Return what a file would bring, and what has to be chosen for it. Nothing is stored.

        Args:
            actor: whose rights count.
            data: a file of ours, or a project of CrewAI: a zip file, or its files by their names (``agents.yaml``,
                ``tasks.yaml``, perhaps ``crew.py``).

        Raises:
            Forbidden: the actor's role may not edit.
            ImportRefused: the file cannot be imported; says why.
        """
        require(actor, "agents.edit")
        bundle = _bundle(data)
        return ImportPlan(
            bundle,
            department=self._department(actor, bundle.department),
            agents=self._alike(actor, bundle),
            keys={name: self._key_of(actor, provider) for name, provider in bundle.keys.items()},
            models=tuple(name for name, agent in bundle.agents.items() if agent and not agent.get("model")),
        )

    def apply_import(self, actor: User, plan: ImportPlan, choices: Choices) -> Draft:
        """Make the workflow of a plan, and those agents that were not chosen among the existing ones.

        Raises:
            Forbidden: the actor's role may not edit.
            NotFound: something that was chosen is a stranger's.
            Invalid: something has to be chosen yet; says what.
        """
        require(actor, "agents.edit")
        bundle = plan.bundle
        name = clean_name(choices.name or bundle.name, MAX_NAME)
        department = choices.department or plan.department or ""
        if not department:
            raise Invalid("Choose a department.", "department")
        self._departments.check(department)
        self._check(actor, bundle, choices)
        made = self._definitions(actor, bundle, choices, department)
        agents = {
            **choices.agents,
            **{local: self._agents.create(actor, fields).id for local, fields in made.items()},
        }
        chosen: Mapping[Thing, Mapping[str, str]] = {
            "agent": agents,
            "key": choices.keys,
            "workflow": choices.workflows,
            "person": choices.people,
        }

        def exchange(_: Node, thing: Thing, local: str) -> str:
            return chosen[thing].get(local, "")

        graph: Graph = exchanged(bundle.graph, exchange)
        return self._workflows.create(actor, name, department, bundle.description, graph.document())

    # --- inside ----------------------------------------------------------------------------------

    def _check(self, actor: User, bundle: Bundle, choices: Choices) -> None:
        """Look at everything that was chosen before anything is made."""
        for local, agent_id in choices.agents.items():
            if local not in bundle.agents:
                raise Invalid(f"The file has no agent called {local}.", "agents")
            self._agents.get(actor, agent_id)
        for local, key_id in choices.keys.items():
            if local not in bundle.keys:
                raise Invalid(f"The file has no key called {local}.", "keys")
            self._keys.require_usable(actor, key_id)
        for local, workflow_id in choices.workflows.items():
            if local not in bundle.workflows:
                raise Invalid(f"The file has no workflow called {local}.", "workflows")
            self._workflows.facts(actor, workflow_id)

    def _definitions(
        self, actor: User, bundle: Bundle, choices: Choices, department: str
    ) -> Mapping[str, Mapping[str, object]]:
        """Return the fields of the agents that are made anew, all of them checked."""
        known = {one.slug for one in self._departments.all()}
        found: dict[str, Mapping[str, object]] = {}
        for local, agent in bundle.agents.items():
            if local in choices.agents or agent is None:
                continue
            key_id = choices.keys.get(str(agent.get("key", "")), "")
            if not key_id:
                raise Invalid(f"Choose a key for {local}, or an agent in its place.", "keys")
            if not agent.get("model") and not choices.models.get(local):
                raise Invalid(f"Choose a model for {local}, or an agent in its place.", "models")
            fields = as_fields(agent, key_id=key_id, model=choices.models.get(local, ""), department=department)
            if fields["department"] not in known:
                fields["department"] = department
            parse_definition(fields)
            found[local] = fields
        return found

    def _definition(self, actor: User, agent_id: str) -> AgentDefinition | None:
        try:
            return self._agents.get(actor, agent_id).definition
        except NotFound:
            return None

    def _provider(self, actor: User, key_id: str) -> str:
        try:
            return self._keys.get(actor, key_id).provider
        except CoreError:
            return ""

    def _title(self, actor: User, workflow_id: str) -> str:
        try:
            return self._workflows.facts(actor, workflow_id).name
        except NotFound:
            return ""

    def _department(self, actor: User, slug: str) -> str | None:
        known = {one.slug for one in self._departments.all()}
        return slug if slug in known else actor.department

    def _alike(self, actor: User, bundle: Bundle) -> Mapping[str, str | None]:
        """Suggest for each agent one that is called the same and does the same."""
        mine = self._agents.runnable(actor)
        return {
            local: next((one.id for one in mine if agent and _is_alike(one.definition, agent)), None)
            for local, agent in bundle.agents.items()
        }

    def _key_of(self, actor: User, provider: str) -> str | None:
        usable = [key for key in self._keys.list(actor, "llm") if key.access.reaches("run") and not key.disabled_at]
        return next((key.id for key in usable if not provider or key.provider == provider), None)


def _bundle(data: bytes | Mapping[str, bytes]) -> Bundle:
    if isinstance(data, Mapping):
        return crewai_import.read_project(data)
    if is_zip(data):
        return crewai_import.read_project(crewai_import.files_of_zip(data))
    return document.read(formats.read(formats.text_of(data)))


def _is_alike(definition: AgentDefinition, agent: Mapping[str, object]) -> bool:
    return all(getattr(definition, name) == agent.get(name) for name in ("name", "role", "goal"))
