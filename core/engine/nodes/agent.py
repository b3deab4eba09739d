"""A node that lets one agent work: CrewAI runs it, through the metered bridge."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError

from core.agents.models import AgentDefinition
from core.engine.control import Stopped
from core.engine.gate import RateGate
from core.engine.graph import Node
from core.engine.metering import NodeMeter
from core.engine.nodes.base import NodeContext
from core.engine.template import fill, names_in
from core.errors import GraphInvalid
from core.llm.base import ChatOptions
from core.llm.registry import provider_named
from core.security.egress import guarded_client
from core.usage.models import CallOrigin

MAX_ANSWER_BYTES = 8_000_000


class AgentKind:
    """``{id, kind: "agent", agent: {…}, task: "text with {{names}}"}``."""

    name = "agent"

    def check(self, node: Node) -> None:
        """Raise ``GraphInvalid`` when the agent's definition or the task is wrong."""
        if not isinstance(node.config.get("task", ""), str):
            raise GraphInvalid(f"the task of {node.id} is not text.")
        self._definition(node)

    def time_limit_seconds(self, node: Node) -> float:
        """Return the agent's time limit."""
        return float(self._definition(node).time_limit_seconds)

    def run(self, context: NodeContext, node: Node, values: Mapping[str, str], sources: tuple[str, ...]) -> str:
        """Let the agent work on the node's task; raises ``CoreError``."""
        definition = self._definition(node)
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
                task = _task_text(definition, str(node.config.get("task", "")), values, sources)
                try:
                    from core.engine.crew import run_agent

                    return run_agent(
                        definition,
                        task,
                        lambda stream_usage: provider.chat_model(
                            endpoint, _options(definition, stream_usage), client
                        ),
                        meter,
                    )
                except Stopped as stop:
                    raise stop.error from None

    def _definition(self, node: Node) -> AgentDefinition:
        try:
            return AgentDefinition.model_validate(node.config.get("agent"))
        except ValidationError as error:
            field = error.errors()[0]["loc"]
            raise GraphInvalid(f"the agent of {node.id} is not complete ({'.'.join(map(str, field))}).") from None


def _options(definition: AgentDefinition, stream_usage: bool) -> ChatOptions:
    return ChatOptions(
        model=definition.model,
        temperature=definition.temperature,
        max_output_tokens=definition.max_output_tokens,
        timeout_seconds=float(definition.time_limit_seconds),
        stream_usage=stream_usage,
    )


def _task_text(
    definition: AgentDefinition, template: str, values: Mapping[str, str], sources: tuple[str, ...]
) -> str:
    """Fill the template; what an edge brings and the template does not mention is added below it."""
    mentioned = names_in(template)
    parts = [fill(template, values).strip()]
    parts += [f"Result of {name}:\n{values[name]}" for name in sources if name not in mentioned]
    if definition.expected_output:
        parts.append(f"Your answer should be: {definition.expected_output}")
    return "\n\n".join(part for part in parts if part)


KIND = AgentKind()
