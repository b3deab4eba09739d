"""A node that lets one agent work: CrewAI runs it, through the metered bridge."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from pydantic import ValidationError

from core.agents.models import AgentDefinition
from core.engine.control import Stopped
from core.engine.forms import FormField
from core.engine.gate import RateGate
from core.engine.graph import Node
from core.engine.metering import NodeMeter
from core.engine.nodes.base import Done, NodeContext, NodeKind, Scope, Use
from core.engine.problems import Problem
from core.engine.template import fill, names_in, paths_in
from core.engine.values import as_text
from core.llm.base import ChatOptions
from core.llm.registry import provider_named
from core.security.egress import guarded_client
from core.usage.models import CallOrigin

MAX_ANSWER_BYTES = 8_000_000


class AgentKind(NodeKind):
    """``{id, kind: "agent", agent_id, task: "text with {{paths}}"}``; a run's copy has the definition, too."""

    name = "agent"
    label = "Agent"
    group = "Agents"
    help = "Lets one agent work on a task."
    initial: ClassVar[Mapping[str, Any]] = {"task": ""}
    form = (
        FormField("agent_id", "Agent", "agent", is_required=True),
        FormField(
            "task", "Task", "template", help="What it should do. Results that lead here are added by themselves."
        ),
    )

    def problems(self, node: Node) -> Iterable[Problem]:
        """Yield what is missing of the agent or the task."""
        if not isinstance(node.config.get("task", ""), str):
            yield Problem("task_wrong", f"the task of {node.title} is not text.", node.id, "task")
        if "agent" in node.config:
            try:
                AgentDefinition.model_validate(node.config["agent"])
            except ValidationError as error:
                field = ".".join(map(str, error.errors()[0]["loc"]))
                yield Problem(
                    "agent_wrong", f"the agent of {node.title} is not complete ({field}).", node.id, "agent_id"
                )
        elif not isinstance(node.config.get("agent_id"), str) or not node.config["agent_id"]:
            yield Problem("agent_missing", f"{node.title} has no agent yet. Choose one.", node.id, "agent_id")

    def uses(self, node: Node) -> Iterable[Use]:
        """Yield what the task asks for."""
        return [Use(path, "task") for path in paths_in(str(node.config.get("task", "")))]

    def time_limit_seconds(self, node: Node) -> float:
        """Return the agent's time limit."""
        return float(_definition(node).time_limit_seconds)

    def run(self, context: NodeContext, node: Node, scope: Scope) -> Done:
        """Let the agent work on the node's task; raises ``CoreError``."""
        definition = _definition(node)
        services = context.services
        opened = services.keys.open(context.user, definition.key_id, node.config.get("agent_id"))
        provider = provider_named(opened.key.provider)
        origin = CallOrigin(
            run_id=context.run_id,
            node_id=node.id,
            agent_id=node.config.get("agent_id") or context.agent_id,
            user_id=context.user.id,
            department=context.user.department or context.department,
            key_id=opened.key.id,
            provider=provider.name,
            model=definition.model,
            is_pool=opened.key.is_pool,
        )
        gate = RateGate(services.rates, services.journal, origin, context.control)
        meter = NodeMeter(services.usage, services.journal, origin, opened.key.own_price, context.control, gate)
        with services.endpoints.lease(opened) as (endpoint, policy):
            client = guarded_client(policy, total_seconds=definition.time_limit_seconds, max_bytes=MAX_ANSWER_BYTES)
            with client:
                context.control.attach(client)
                services.keys.note_use(opened.key.id)
                task = _task_text(definition, str(node.config.get("task", "")), scope.values, scope.sources)
                try:
                    from core.engine.crew import run_agent

                    answer = run_agent(
                        definition,
                        task,
                        lambda stream_usage: provider.chat_model(
                            endpoint, _options(definition, stream_usage), client
                        ),
                        meter,
                    )
                    return Done(answer)
                except Stopped as stop:
                    raise stop.error from None


def _definition(node: Node) -> AgentDefinition:
    return AgentDefinition.model_validate(node.config.get("agent"))


def _options(definition: AgentDefinition, stream_usage: bool) -> ChatOptions:
    return ChatOptions(
        model=definition.model,
        temperature=definition.temperature,
        max_output_tokens=definition.max_output_tokens,
        timeout_seconds=float(definition.time_limit_seconds),
        stream_usage=stream_usage,
    )


def _task_text(
    definition: AgentDefinition, template: str, values: Mapping[str, Any], sources: tuple[str, ...]
) -> str:
    """Fill the template; what an edge brings and the template does not mention is added below it."""
    mentioned = names_in(template)
    parts = [fill(template, values).strip()]
    parts += [f"Result of {name}:\n{as_text(values[name])}" for name in sources if name not in mentioned]
    if definition.expected_output:
        parts.append(f"Your answer should be: {definition.expected_output}")
    return "\n\n".join(part for part in parts if part)


KIND = AgentKind()
