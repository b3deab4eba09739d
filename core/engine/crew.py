"""Agents and crews of CrewAI, from our definitions to an answer. The only file that runs CrewAI."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from crewai import Agent, Crew, Process, Task
from crewai.agents.agent_builder.base_agent import BaseAgent
from crewai.tools import BaseTool
from crewai.utilities.task_output_storage_handler import TaskOutputStorageHandler
from crewai_core.printer import set_suppress_console_output
from pydantic import PrivateAttr

from core.engine.control import RunControl, Stopped
from core.engine.model_access import OpenModel
from core.errors import BadResponse, CoreError
from core.llm.bridge import MeteredLLM, shielded
from core.llm.failures import classify
from core.tools.base import Tool
from core.tools.registry import all_tools

_QUIET: Mapping[str, Any] = {"verbose": False, "memory": False, "cache": False, "planning": False, "tracing": False}


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
    agent = _agent(model, _llm(model))
    return _answer(model, lambda: agent.kickoff(shielded(task)))


def run_in_turn(work: Sequence[tuple[OpenModel, str]]) -> str:
    """Let agents work on a task each, one after the other; each sees the answers before. Return the last one.

    Raises what ``run_agent`` raises.
    """
    agents: dict[int, BaseAgent] = {id(model): _agent(model, _CrewLLM(model)) for model, _ in work}
    tasks = [_task(task, model, agents[id(model)]) for model, task in work]
    crew = _Crew(agents=list(agents.values()), tasks=tasks, process=Process.sequential, **_QUIET)
    return _answer(work[-1][0], crew.kickoff)


def run_led(manager: OpenModel, team: Sequence[OpenModel], task: str) -> str:
    """Let a manager hand out a task among agents, and return its answer; raises what ``run_agent`` raises.

    CrewAI gives a manager the tools to delegate, and no others.
    """
    roles = _told_apart(team)
    agents: list[BaseAgent] = [
        _agent(model, _CrewLLM(model), role=role) for model, role in zip(team, roles, strict=True)
    ]
    leader = _agent(manager, _CrewLLM(manager), is_manager=True)
    crew = _Crew(
        agents=agents,
        tasks=[_task(task, manager, None)],
        process=Process.hierarchical,
        manager_agent=leader,
        **_QUIET,
    )
    return _answer(manager, crew.kickoff)


def _answer(model: OpenModel, work: Callable[[], Any]) -> str:
    set_suppress_console_output(True)  # else prompts and answers are printed
    try:
        answer = contextvars.copy_context().run(work)
    except Exception as error:
        model.meter.control.check()  # a stop closes sockets: what follows is not the provider's fault
        raise classify(error) from error
    text = getattr(answer, "raw", None)
    if not isinstance(text, str) or not text.strip():
        raise BadResponse
    return text.strip()


def _agent(model: OpenModel, llm: MeteredLLM, *, role: str = "", is_manager: bool = False) -> Agent:
    definition = model.definition
    tools = () if is_manager else definition.tools
    return Agent(
        role=role or shielded(definition.role),
        goal=shielded(definition.goal),
        backstory=shielded(definition.backstory or "You do careful work."),
        llm=llm,
        tools=[_CrewTool.of(all_tools()[name], model) for name in tools],
        max_iter=definition.max_iterations,
        max_retry_limit=0,
        respect_context_window=False,
        allow_delegation=is_manager,
        cache=False,
        verbose=False,
    )


def _task(task: str, model: OpenModel, agent: BaseAgent | None) -> Task:
    expected = model.definition.expected_output or "A complete answer to the task."
    return Task(description=shielded(task), expected_output=shielded(expected), agent=agent)


def _told_apart(team: Sequence[OpenModel]) -> list[str]:
    """Return a role for each agent: a manager hands work to a role, so that no two can be the same."""
    roles: list[str] = []
    for model in team:
        # A brace would be shielded, and the manager's model call it by another name.
        role = " ".join(model.definition.role.replace("{", "(").replace("}", ")").split())
        roles.append(role if role not in roles else f"{role} ({len(roles) + 1})")
    return roles


def _llm(model: OpenModel) -> MeteredLLM:
    definition = model.definition
    return MeteredLLM(
        definition.model, model.chat_model, model.meter, max_output_tokens=definition.max_output_tokens
    )


class _CrewLLM(MeteredLLM):
    """Ends the crew when a model fails: CrewAI would tell a manager of it, as of a tool that failed."""

    _control: RunControl = PrivateAttr()

    def __init__(self, model: OpenModel) -> None:
        """Wrap an agent's model."""
        definition = model.definition
        super().__init__(
            definition.model, model.chat_model, model.meter, max_output_tokens=definition.max_output_tokens
        )
        self._control = model.meter.control

    def call(self, *arguments: Any, **named: Any) -> Any:
        """Send one request; raises ``Stopped`` with what went wrong."""
        try:
            return super().call(*arguments, **named)
        except CoreError as error:
            self._control.check()  # a stop closes sockets, and says better why
            raise Stopped(error) from error

    call._crewai_rate_limit_wrapped = True  # type: ignore[attr-defined]


class _NothingKept(TaskOutputStorageHandler):
    """Keeps nothing: CrewAI writes what goes into and comes out of tasks to a file that all runs share."""

    def __init__(self) -> None:
        """Open no file."""

    def update(self, task_index: int, log: dict[str, Any]) -> None:
        """Keep nothing."""

    def reset(self) -> None:
        """Have nothing to forget."""


class _Crew(Crew):
    """A crew that leaves no traces."""

    _task_output_handler: TaskOutputStorageHandler = PrivateAttr(default_factory=_NothingKept)


class _CrewTool(BaseTool):
    """One of our tools in CrewAI's clothes."""

    _use: Callable[[Mapping[str, Any]], str] = PrivateAttr()

    @classmethod
    def of(cls, tool: Tool, model: OpenModel) -> _CrewTool:
        """Wrap ``tool`` for an agent."""
        wrapped = cls(name=tool.name, description=tool.description, args_schema=tool.arguments)
        wrapped._use = lambda given: model.uses.by_agent(tool, given, model.agent_id)
        return wrapped

    def _run(self, **arguments: Any) -> str:
        return self._use(arguments)
