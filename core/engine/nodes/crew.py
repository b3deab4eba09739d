"""Lets several agents work together: one after the other, or led by one of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from typing import Any, ClassVar

from core.agents.models import AgentDefinition
from core.engine import settings
from core.engine.control import Stopped
from core.engine.form_check import wrong
from core.engine.forms import FormField
from core.engine.graph import LONGEST_TIMEOUT_SECONDS, Node
from core.engine.model_access import OpenModel, open_model
from core.engine.nodes.agent import AGENT_SECONDS
from core.engine.nodes.base import Done, NodeContext, NodeKind, Resolver, Scope, Use, added_results
from core.engine.problems import Problem
from core.engine.template import fill, paths_in
from core.engine.tool_use import ToolUses
from core.engine.values import Shape

MAX_AGENTS = 10
PROCESSES = (("sequential", "One after the other"), ("hierarchical", "Led by a manager"))
_IN_TURN = ("process", ("sequential",))
_LED = ("process", ("hierarchical",))


class CrewKind(NodeKind):
    """``{process: "sequential", tasks: [{agent_id, task}]}``, or with a manager that hands the task out.

    Then it is ``{process: "hierarchical", manager_id, agent_ids, task}``.

    A run's copy has ``agents``: their definitions by id. Its output is the last answer.
    """

    name = "crew"
    label = "Crew"
    group = "Agents"
    icon = "groups"
    help = "Lets several agents work together."
    initial: ClassVar[Mapping[str, Any]] = {"process": "sequential", "tasks": []}
    form = (
        FormField("process", "They work", "choice", default="sequential", options=PROCESSES),
        FormField(
            "tasks",
            "Tasks",
            "rows",
            help="Each agent sees the answers of those before it.",
            is_required=True,
            maximum=MAX_AGENTS,
            columns=(
                FormField("agent_id", "Agent", "agent", is_required=True),
                FormField("task", "Task", "template", is_required=True, maximum=20_000),
            ),
            shown_when=_IN_TURN,
        ),
        FormField(
            "manager_id",
            "Manager",
            "agent",
            help="It hands parts of the task to the others and gives the answer.",
            is_required=True,
            shown_when=_LED,
        ),
        FormField("agent_ids", "Agents", "agents", is_required=True, maximum=MAX_AGENTS, shown_when=_LED),
        FormField("task", "Task", "template", is_required=True, maximum=20_000, shown_when=_LED),
    )

    def problems(self, node: Node) -> Iterable[Problem]:
        """Yield what is wrong with its settings; a manager leads others, not itself."""
        yield from super().problems(node)
        manager = settings.text(node.config, "manager_id")
        if _is_led(node) and manager and manager in settings.texts(node.config, "agent_ids"):
            yield wrong(node, "manager_id", "the manager cannot be one of the agents that it leads.")

    def prepare(self, node: Node, resolver: Resolver) -> Mapping[str, Any]:
        """Return the settings with copies of the agents."""
        return {**node.config, "agents": {agent_id: resolver.agent(agent_id) for agent_id in agent_ids(node)}}

    def shape(self, node: Node) -> Shape:
        """Return text."""
        return Shape("text")

    def uses(self, node: Node) -> Iterable[Use]:
        """Yield what the tasks ask for."""
        if _is_led(node):
            return [Use(path, "task") for path in paths_in(settings.text(node.config, "task"))]
        tasks = [settings.text(row, "task") for row in settings.rows(node.config, "tasks")]
        return [Use(path, "tasks") for task in tasks for path in paths_in(task)]

    def subtitle(self, node: Node) -> str:
        """Return how many agents work in which way."""
        count = len(agent_ids(node))
        return f"{count} agents, {'led by a manager' if _is_led(node) else 'one after the other'}" if count else ""

    def time_limit_seconds(self, node: Node) -> float:
        """Return the limits of its agents together; for a manager's work twice that."""
        agents = [one for one in settings.group(node.config, "agents").values() if isinstance(one, Mapping)]
        limits = [settings.seconds(agent, "time_limit_seconds", AGENT_SECONDS) for agent in agents]
        total = sum(limits) or AGENT_SECONDS
        return min(LONGEST_TIMEOUT_SECONDS, 2 * total if _is_led(node) else total)

    def run(self, context: NodeContext, node: Node, scope: Scope) -> Done:
        """Let the crew work; raises ``CoreError``."""
        agents = settings.group(node.config, "agents")
        definitions = {one: AgentDefinition.model_validate(agents[one]) for one in agent_ids(node)}
        uses = ToolUses(context, node.id)
        with ExitStack() as opened:
            models = {
                agent_id: opened.enter_context(open_model(context, node.id, definition, agent_id, uses))
                for agent_id, definition in definitions.items()
            }
            try:
                return Done(_led(node, scope, models) if _is_led(node) else _in_turn(node, scope, models))
            except Stopped as stop:
                raise stop.error from None


def _in_turn(node: Node, scope: Scope, models: Mapping[str, OpenModel]) -> str:
    from core.engine.crew import run_in_turn

    rows = settings.rows(node.config, "tasks")
    templates = [settings.text(row, "task") for row in rows]
    first, *others = [fill(template, scope.values) for template in templates]
    tasks = ["\n\n".join([first, *added_results(scope, templates)]), *others]
    workers = [models[settings.text(row, "agent_id")] for row in rows]
    return run_in_turn(list(zip(workers, tasks, strict=True)))


def _led(node: Node, scope: Scope, models: Mapping[str, OpenModel]) -> str:
    from core.engine.crew import run_led

    template = settings.text(node.config, "task")
    task = "\n\n".join([fill(template, scope.values), *added_results(scope, [template])])
    manager, *team = [models[agent_id] for agent_id in agent_ids(node)]
    return run_led(manager, team, task)


def agent_ids(node: Node) -> list[str]:
    """Return the agents that a crew names, each once, its manager first."""
    config = node.config
    if _is_led(node):
        found = [settings.text(config, "manager_id"), *settings.texts(config, "agent_ids")]
    else:
        found = [settings.text(row, "agent_id") for row in settings.rows(config, "tasks")]
    return list(dict.fromkeys(filter(None, found)))


def _is_led(node: Node) -> bool:
    return settings.text(node.config, "process") == "hierarchical"


KIND = CrewKind()
