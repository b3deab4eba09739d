"""Writes a project of CrewAI, as ``crewai create crew`` would lay it out. Texts of people stand in YAML only.

What is written into Python are names that ``identifier`` made, and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.workflows.interchange.archive import pack
from core.workflows.interchange.crewai_model import CrewAgent, CrewProject, CrewTask
from core.workflows.interchange.crewai_tasks import as_project
from core.workflows.interchange.formats import write_yaml
from core.workflows.interchange.models import Bundle

# What this was written for and is tested with.
CREWAI_VERSION = "1.15.30"
# The name of a provider's key, and the address of those that speak OpenAI's language.
KEYS: Mapping[str, str] = {
    "openai": "OPENAI_API_KEY",
    "anthropic": "ANTHROPIC_API_KEY",
    "gemini": "GEMINI_API_KEY",
    "groq": "GROQ_API_KEY",
    "mistral": "MISTRAL_API_KEY",
}
EXTRAS: Mapping[str, str] = {"anthropic": "anthropic", "gemini": "google-genai"}
_ADDRESSES: Mapping[str, str] = {
    "groq": "https://api.groq.com/openai/v1",
    "mistral": "https://api.mistral.ai/v1",
}

_CREW = '''"""The crew. Who its agents are and what their tasks are stands in config/."""

from os import environ
from typing import Any

from crewai import LLM, Agent, Crew, Process, Task
from crewai.agents.agent_builder.base_agent import BaseAgent
from crewai.project import CrewBase, agent, crew, task

# Providers that speak OpenAI's language, and the names of their keys. Others that do so are reached
# with OPENAI_API_BASE and OPENAI_API_KEY.
COMPATIBLE = {
%(compatible)s}
NATIVE = ("anthropic", "gemini", "ollama")


def model_of(settings: dict[str, Any]) -> LLM:
    """Return the model of an agent: "provider/model", with the settings beside it."""
    provider, model = settings["llm"].split("/", 1)
    more = {name: settings[name] for name in ("temperature", "max_tokens") if name in settings}
    if provider in COMPATIBLE:
        address, key = COMPATIBLE[provider]
        return LLM(model=model, provider="openai", base_url=address, api_key=environ[key], **more)
    return LLM(model=model, provider=provider if provider in NATIVE else "openai", **more)


@CrewBase
class %(class_name)s:
    """The agents, their tasks, and how they work together."""

    agents: list[BaseAgent]
    tasks: list[Task]
    agents_config = "config/agents.yaml"
    tasks_config = "config/tasks.yaml"
%(methods)s
    @crew
    def crew(self) -> Crew:
        """Return the crew."""
        return Crew(
            agents=self.agents,
            tasks=self.tasks,
            process=Process.%(process)s,
%(manager)s        )
'''
_AGENT = """
%(decorator)s    def %(key)s(self) -> Agent:
        settings = self.agents_config["%(key)s"]
        return Agent(config=settings, llm=model_of(settings))
"""
_TASK = """
    @task
    def %(key)s(self) -> Task:
        return Task(config=self.tasks_config["%(key)s"])
"""
_MAIN = '''"""Runs the crew. Inputs are given as name=value."""

import sys

from %(name)s.crew import %(class_name)s

# What the tasks ask for.
INPUTS: tuple[str, ...] = (%(inputs)s)


def run() -> None:
    """Run the crew once and print its result."""
    given = dict(argument.split("=", 1) for argument in sys.argv[1:] if "=" in argument)
    inputs = {name: given.get(name, "") for name in INPUTS}
    result = %(class_name)s().crew().kickoff(inputs=inputs or None)
    print(result.raw)


if __name__ == "__main__":
    run()
'''
_PYPROJECT = """[project]
name = "%(name)s"
version = "0.1.0"
description = "A crew that was exported from Zoark."
requires-python = ">=3.10,<3.14"
dependencies = ["crewai%(extras)s==%(version)s"]

[project.scripts]
%(name)s = "%(name)s.main:run"
run_crew = "%(name)s.main:run"

[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[tool.hatch.build.targets.wheel]
packages = ["src/%(name)s"]

[tool.crewai]
type = "crew"
"""
_README = """# %(title)s

A crew for [CrewAI](https://docs.crewai.com), exported from Zoark.

1. Copy `.env.example` to `.env` and fill in your keys. None came along.
2. `crewai install`
3. `crewai run`, or with inputs: `uv run run_crew %(example)s`

Agents are in `src/%(name)s/config/agents.yaml`, tasks in `src/%(name)s/config/tasks.yaml`.
%(notes)s"""


def project_files(bundle: Bundle) -> Mapping[str, str]:
    """Return the files of a project by their paths; raises ``ExportRefused``."""
    return _files(as_project(bundle))


def write_project(bundle: Bundle) -> bytes:
    """Return a project as a zip file; raises ``ExportRefused``."""
    return pack(project_files(bundle))


def _files(project: CrewProject) -> Mapping[str, str]:
    name = project.name
    class_name = "".join(part.capitalize() for part in name.split("_"))
    providers = sorted({str(agent.fields["llm"]).partition("/")[0] for agent in project.agents})
    extras = ",".join(EXTRAS[provider] for provider in providers if provider in EXTRAS)
    words = {
        "name": name,
        "title": project.title,
        "class_name": class_name,
        "inputs": "".join(f'"{one}",' for one in project.inputs),
        "example": " ".join(f'{one}="…"' for one in project.inputs),
        "extras": f"[{extras}]" if extras else "",
        "version": CREWAI_VERSION,
        "notes": _notes(project.notes),
    }
    source = f"src/{name}"
    return {
        "README.md": _README % words,
        "pyproject.toml": _PYPROJECT % words,
        ".env.example": _environment(providers),
        f"{source}/__init__.py": "",
        f"{source}/main.py": _MAIN % words,
        f"{source}/crew.py": _crew(project, class_name),
        f"{source}/config/agents.yaml": write_yaml({agent.key: dict(agent.fields) for agent in project.agents}),
        f"{source}/config/tasks.yaml": write_yaml({task.key: _task(task) for task in project.tasks}),
    }


def _crew(project: CrewProject, class_name: str) -> str:
    methods = [_agent(agent, project.manager) for agent in project.agents]
    methods += [_TASK % {"key": task.key} for task in project.tasks]
    compatible = "".join(
        f'    "{provider}": ("{address}", "{KEYS[provider]}"),\n' for provider, address in _ADDRESSES.items()
    )
    return _CREW % {
        "class_name": class_name,
        "compatible": compatible,
        "methods": "".join(methods),
        "process": project.process,
        "manager": f"            manager_agent=self.{project.manager}(),\n" if project.manager else "",
    }


def _agent(agent: CrewAgent, manager: str) -> str:
    # A manager is none of the agents that it leads.
    decorator = "" if agent.key == manager else "    @agent\n"
    return _AGENT % {"key": agent.key, "decorator": decorator}


def _task(task: CrewTask) -> Mapping[str, Any]:
    fields: dict[str, Any] = {"name": task.name} if task.name else {}
    fields |= {"description": task.description, "expected_output": task.expected_output}
    if task.agent:
        fields["agent"] = task.agent
    # Always said: without it CrewAI gives a task the results of all before it.
    fields["context"] = list(task.context)
    return {**fields, "human_input": True} if task.asks_person else fields


def _environment(providers: list[str]) -> str:
    names = dict.fromkeys(KEYS.get(provider, "OPENAI_API_KEY") for provider in providers)
    lines = [f"{name}=" for name in names]
    if any(provider not in KEYS and provider != "ollama" for provider in providers):
        lines += ["# The address of a server that speaks OpenAI's language", "OPENAI_API_BASE="]
    return "\n".join(["# Copy to .env. Never hand it on.", *lines, ""])


def _notes(notes: tuple[str, ...]) -> str:
    if not notes:
        return ""
    return "\n".join(["\n## What is different here", "", *(f"- {note}" for note in notes), ""])
