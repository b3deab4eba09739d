"""Uses tools in a node: tells the trace, and acts outside in the way that is never repeated blindly."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

from core import clock
from core.engine.control import Stopped
from core.engine.failures import InDoubt
from core.engine.nodes.base import NodeContext
from core.engine.values import as_text
from core.errors import CoreError, RunCancelled, ToolFailed
from core.security.redact import redact
from core.tools.arguments import read_arguments
from core.tools.base import Tool, ToolContext

MAX_SHOWN = 4000
MAX_TOLD = 20_000


class ToolUses:
    """The uses of tools by one node; those that act outside are numbered, whichever agent of it they are by."""

    def __init__(self, context: NodeContext, node_id: str) -> None:
        """Work in ``context``, in the name of its person."""
        self._context = context
        self._node_id = node_id
        self._numbers = itertools.count()

    def require_fresh(self, tools: list[Tool]) -> None:
        """Raise ``InDoubt`` when an earlier attempt of the agent may have acted, and came to no end."""
        if any(tool.may_act for tool in tools):
            self._context.require_fresh()

    def by_agent(self, tool: Tool, given: Mapping[str, Any], agent_id: str | None) -> str:
        """Use a tool as a model wants it, and return what the model is told: the result, or what is wrong.

        Raises:
            Stopped: the run should end, or the tool may have acted and nobody knows.
        """
        self._context.control.check()
        try:
            return str(self._told(tool, given, lambda: self._by_model(tool, given, agent_id)))
        except (InDoubt, RunCancelled) as error:
            raise Stopped(error) from error  # CrewAI would swallow an ordinary exception
        except CoreError as error:
            # The model reads this and can try again with better arguments.
            return f"Error: {redact(error.sentence)}"[:MAX_SHOWN]

    def by_node(self, tool: Tool, given: Mapping[str, Any]) -> Any:
        """Use a tool as a node wants it, and return its result.

        Raises:
            CoreError: it failed, and nothing has happened outside.
            InDoubt: it may have acted.
        """

        def use() -> Any:
            arguments = read_arguments(tool, given)
            if not tool.acts(arguments):
                return self._run(tool, arguments, "", None)
            return self._context.act_once(
                lambda key: self._run(tool, arguments, key, None), is_repeatable=tool.is_repeatable(arguments)
            )

        return self._told(tool, given, use)

    def _by_model(self, tool: Tool, given: Mapping[str, Any], agent_id: str | None) -> str:
        try:
            arguments = tool.arguments.model_validate(given)
        except ValueError as error:
            raise ToolFailed(tool=tool.label, reason=str(error)) from None
        if tool.acts(arguments):
            number = next(self._numbers)
            result = self._context.act_each(number, lambda key: self._run(tool, arguments, key, agent_id))
        else:
            result = self._run(tool, arguments, "", agent_id)
        return redact(as_text(result))[:MAX_TOLD]

    def _run(self, tool: Tool, arguments: Any, key: str, agent_id: str | None) -> Any:
        context = self._context
        services = context.services.tools
        try:
            return tool.run(
                arguments, ToolContext(services, context.user, key, agent_id, attach=context.control.attach)
            )
        except ValueError as error:
            raise ToolFailed(tool=tool.label, reason=str(error)) from None

    def _told(self, tool: Tool, given: Mapping[str, Any], use: Callable[[], Any]) -> Any:
        """Write a use to the trace, however it ends."""
        began = clock.monotonic_seconds()
        self._event("tool_started", {"tool": tool.name, "arguments": dict(given)})
        ok, shown = False, ""
        try:
            result = use()
            ok, shown = True, redact(as_text(result))
            return result
        except CoreError as error:
            shown = f"Error: {redact(error.sentence)}"
            raise
        finally:
            duration_ms = int((clock.monotonic_seconds() - began) * 1000)
            told = {"tool": tool.name, "ok": ok, "result": shown[:MAX_SHOWN], "duration_ms": duration_ms}
            self._event("tool_finished", told)

    def _event(self, kind: str, data: dict[str, Any]) -> None:
        self._context.services.journal.event(self._context.run_id, kind, self._node_id, data)
