"""One CrewAI agent, from our definition to its answer. The only file that runs CrewAI."""

from __future__ import annotations

import contextvars
from typing import Any

from crewai import Agent
from crewai.tools import BaseTool
from crewai_core.printer import set_suppress_console_output
from pydantic import BaseModel, PrivateAttr

from core import clock
from core.engine.metering import NodeMeter
from core.engine.model_access import OpenModel
from core.errors import BadResponse, ToolFailed
from core.llm.bridge import MeteredLLM, shielded
from core.llm.failures import classify
from core.security.redact import redact
from core.tools.base import Tool
from core.tools.registry import all_tools

MAX_SHOWN = 4000


def ask(model: OpenModel, text: str) -> str:
    """Return what the model answers to one message: no agent, no tools, one call.

    Raises:
        CoreError: the model failed, or gave no answer.
        Stopped: the run was cancelled or is over its time limit.
    """
    answer = _llm(model).call([{"role": "user", "content": text}])
    if not isinstance(answer, str):
        raise BadResponse
    return answer.strip()


def run_agent(model: OpenModel, task: str) -> str:
    """Let the agent work on ``task`` until it has an answer.

    Raises:
        CoreError: the model failed, or gave no answer.
        Stopped: the run was cancelled or is over its time limit.
    """
    set_suppress_console_output(True)  # else prompts and answers are printed
    definition, meter = model.definition, model.meter
    agent = Agent(
        role=shielded(definition.role),
        goal=shielded(definition.goal),
        backstory=shielded(definition.backstory or "You do careful work."),
        llm=_llm(model),
        tools=[_CrewTool.of(all_tools()[name], meter) for name in definition.tools],
        max_iter=definition.max_iterations,
        max_retry_limit=0,
        respect_context_window=False,
        allow_delegation=False,
        cache=False,
        verbose=False,
    )
    try:
        answer = contextvars.copy_context().run(agent.kickoff, shielded(task))
    except Exception as error:
        meter.control.check()  # a stop closes sockets: what follows is not the provider's fault
        raise classify(error) from error
    text = getattr(answer, "raw", None)
    if not isinstance(text, str) or not text.strip():
        raise BadResponse
    return text.strip()


def _llm(model: OpenModel) -> MeteredLLM:
    definition = model.definition
    return MeteredLLM(
        definition.model, model.chat_model, model.meter, max_output_tokens=definition.max_output_tokens
    )


class _CrewTool(BaseTool):
    """One of our tools in CrewAI's clothes, with its use written to the trace."""

    _tool: Tool = PrivateAttr()
    _meter: NodeMeter = PrivateAttr()

    @classmethod
    def of(cls, tool: Tool, meter: NodeMeter) -> _CrewTool:
        """Wrap ``tool``."""
        wrapped = cls(name=tool.name, description=tool.description, args_schema=tool.arguments)
        wrapped._tool = tool
        wrapped._meter = meter
        return wrapped

    def _run(self, **arguments: Any) -> str:
        self._meter.control.check()
        began = clock.monotonic_seconds()
        self._meter.event("tool_started", {"tool": self._tool.name, "arguments": arguments})
        try:
            parsed: BaseModel = self._tool.arguments.model_validate(arguments)
            result, ok = redact(self._tool.run(parsed)), True
        except (ValueError, ToolFailed) as error:
            # The model reads this and can try again with better arguments.
            result, ok = f"Error: {redact(str(error))}"[:MAX_SHOWN], False
        duration_ms = int((clock.monotonic_seconds() - began) * 1000)
        self._meter.event(
            "tool_finished",
            {"tool": self._tool.name, "ok": ok, "result": result[:MAX_SHOWN], "duration_ms": duration_ms},
        )
        return result
