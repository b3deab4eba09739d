"""What a project of CrewAI consists of, and the words that both directions agree on."""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

# CrewAI asks for both; an agent of ours may be without.
BACKSTORY = "You do careful work."
EXPECTED = "A careful answer to the task."
# How a task asks for the result of another one, whose text CrewAI gives it as context.
RESULT = "[result of {key}]"
RESULT_PATTERN = re.compile(r"\[result of ([A-Za-z_]\w*)\]")
PART = "[{part} in the result of {key}]"
# What stands at the end of a task of ours that expects something else than its agent usually does.
ASKS_FOR = "\n\nYour answer should be: "
# CrewAI fills these in, and fails on one that it does not know.
PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_\-]*)\}")
_LITERAL = re.compile(r"\{ ([A-Za-z_][A-Za-z0-9_\-]*) \}")
# Fields of an agent: here, and in agents.yaml.
SETTINGS: Mapping[str, str] = {
    "max_iterations": "max_iter",
    "time_limit_seconds": "max_execution_time",
    "max_output_tokens": "max_tokens",
    "temperature": "temperature",
}
LIMITS: Mapping[str, tuple[float, float]] = {
    "max_iterations": (1, 50),
    "time_limit_seconds": (5, 3600),
    "max_output_tokens": (16, 32_000),
    "temperature": (0, 2),
}
# Providers as CrewAI calls them, and as they are called here.
PROVIDERS: Mapping[str, str] = {
    **{name: name for name in ("openai", "anthropic", "gemini", "groq", "mistral", "ollama")},
    **{name: name for name in ("openai_compatible", "lm_studio", "vllm", "local")},
    "claude": "anthropic",
    "google": "gemini",
    "hosted_vllm": "vllm",
    "ollama_chat": "ollama",
}
# Names that a class of CrewAI has already.
_TAKEN = frozenset({"agents", "tasks", "crew", "agents_config", "tasks_config", "load_configurations", "manager"})


@dataclass(frozen=True)
class CrewAgent:
    """An agent by its key; ``fields`` are those of agents.yaml."""

    key: str
    fields: Mapping[str, Any]


@dataclass(frozen=True)
class CrewTask:
    """A task by its key. ``context`` are the tasks whose results it gets, before it in the list."""

    key: str
    name: str
    description: str
    expected_output: str
    agent: str
    context: tuple[str, ...] = ()
    asks_person: bool = False


@dataclass(frozen=True)
class CrewProject:
    """A project: agents, tasks in the order of their work, names of inputs, and what could not be said."""

    name: str
    title: str
    agents: tuple[CrewAgent, ...]
    tasks: tuple[CrewTask, ...]
    inputs: tuple[str, ...] = ()
    process: Literal["sequential", "hierarchical"] = "sequential"
    manager: str = ""
    notes: tuple[str, ...] = field(default=())


def identifier(text: str, taken: Collection[str] = ()) -> str:
    """Return a name of Python made from ``text`` that is not ``taken``."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    name = re.sub(r"\W+", "_", plain).strip("_").lower()[:60] or "one"
    if name[0].isdigit() or keyword.iskeyword(name) or name in _TAKEN or name.startswith("_"):
        name = f"the_{name}"
    found, count = name, 1
    while found in taken:
        count += 1
        found = f"{name}_{count}"
    return found


def literal(text: str) -> str:
    """Return text in which CrewAI fills in nothing."""
    return PLACEHOLDER.sub(r"{ \1 }", text)


def unliteral(text: str) -> str:
    """Return text as it was before ``literal``."""
    return _LITERAL.sub(r"{\1}", text)
