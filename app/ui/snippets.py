"""Programs that run one agent through the API, ready to be copied. Tests run them as they are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

# What the programs read the token from.
TOKEN = "ZOARK_TOKEN"  # noqa: S105 - a name
INPUT = "I was charged twice."

PROGRAMS = Path(__file__).with_name("assets") / "snippets"


@dataclass(frozen=True)
class Snippet:
    """A program, or what another one is told. ``facts`` are single values for forms that ask for them."""

    name: str
    about: str
    language: str
    text: str
    facts: tuple[tuple[str, str], ...] = ()


def _program(name: str) -> str:
    return (PROGRAMS / f"{name}.txt").read_text("utf-8")


TEMPLATES = (
    Snippet("curl", "Starts a run, follows its events to the end, and reads the result.", "bash", _program("curl")),
    Snippet("Python", "The same with the package `httpx`.", "python", _program("python")),
    Snippet(
        "JavaScript",
        "The same with Node 18 or newer: save it as `agent.mjs`.",
        "javascript",
        _program("javascript"),
    ),
    Snippet(
        "OpenAI-compatible",
        "Whatever talks to OpenAI can talk to this agent: LangChain, Open WebUI, or the package `openai`.",
        "python",
        _program("openai"),
        (("Base URL", "{api}/openai/v1"), ("Model", "{agent_id}")),
    ),
    Snippet(
        "MCP",
        "Your agents are the tools of an MCP server (streamable HTTP). This tells an assistant of it.",
        "json",
        _program("mcp"),
        (("Server URL", "{api}/mcp"),),
    ),
)


def snippets(site: str, agent_id: str) -> list[Snippet]:
    """Return the programs for an agent; ``site`` is the address that people open, without a slash at its end."""

    def filled(text: str) -> str:
        values = {"{api}": f"{site}/api/v1", "{agent_id}": agent_id, "{input}": INPUT}
        for name, value in values.items():
            text = text.replace(name, value)
        return text

    return [
        replace(one, text=filled(one.text), facts=tuple((name, filled(value)) for name, value in one.facts))
        for one in TEMPLATES
    ]
