"""Opens the model of an agent for one node: its key, its address, its place in the books."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.agents.models import AgentDefinition
from core.engine.gate import RateGate
from core.engine.metering import NodeMeter
from core.engine.nodes.base import NodeContext
from core.engine.tool_use import ToolUses
from core.llm.base import ChatOptions
from core.llm.registry import provider_named
from core.security.egress import guarded_client
from core.tools.registry import all_tools
from core.usage.models import CallOrigin

if TYPE_CHECKING:
    from langchain_core.language_models.chat_models import BaseChatModel

MAX_ANSWER_BYTES = 8_000_000


@dataclass(frozen=True)
class OpenModel:
    """An agent with its model, ready to be called; ``chat_model`` takes whether usage is wished for in streams."""

    definition: AgentDefinition
    agent_id: str | None
    meter: NodeMeter
    uses: ToolUses
    chat_model: Callable[[bool], BaseChatModel]


@contextmanager
def open_model(
    context: NodeContext,
    node_id: str,
    definition: AgentDefinition,
    agent_id: str | None,
    uses: ToolUses | None = None,
) -> Iterator[OpenModel]:
    """Hold an agent's model; every call counts for this agent, its key and the run's owner.

    ``uses`` are those of the whole node, where several agents work in it.

    Raises:
        InDoubt: the agent's tools may have acted before an earlier attempt broke off.
        CoreError: the key cannot be used, or its address not be called.
    """
    services = context.services
    uses = uses or ToolUses(context, node_id)
    uses.require_fresh([all_tools()[name] for name in definition.tools if name in all_tools()])
    opened = services.keys.open(context.user, definition.key_id, agent_id)
    provider = provider_named(opened.key.provider)
    origin = CallOrigin(
        run_id=context.run_id,
        node_id=node_id,
        agent_id=agent_id or context.agent_id,
        user_id=context.user.id,
        department=context.user.department or context.department,
        key_id=opened.key.id,
        provider=provider.name,
        model=definition.model,
        is_pool=opened.key.is_pool,
    )
    gate = RateGate(services.rates, services.journal, origin, context.control)
    with services.endpoints.lease(opened) as (endpoint, policy):
        client = guarded_client(policy, total_seconds=definition.time_limit_seconds, max_bytes=MAX_ANSWER_BYTES)
        meter = NodeMeter(
            services.usage,
            services.journal,
            origin,
            opened.key.own_price,
            context.control,
            gate,
            lambda: client.transport.accepted,
        )
        with client:
            context.control.attach(client)
            services.keys.note_use(opened.key.id)
            yield OpenModel(
                definition,
                agent_id,
                meter,
                uses,
                lambda stream_usage: provider.chat_model(endpoint, _options(definition, stream_usage), client),
            )


def _options(definition: AgentDefinition, stream_usage: bool) -> ChatOptions:
    return ChatOptions(
        model=definition.model,
        temperature=definition.temperature,
        max_output_tokens=definition.max_output_tokens,
        timeout_seconds=float(definition.time_limit_seconds),
        stream_usage=stream_usage,
    )
