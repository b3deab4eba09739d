"""Programs that run one agent through the API, ready to be copied. Tests run them as they are."""

from __future__ import annotations

from dataclasses import dataclass, replace

# What the programs read the token from.
TOKEN = "ZOARK_TOKEN"  # noqa: S105 - a name
INPUT = "I was charged twice."

CURL = """\
API="{api}"
TOKEN="Authorization: Bearer $ZOARK_TOKEN"

# Start a run.
RUN=$(curl -sS "$API/custom-agents/{agent_id}/execute" -H "$TOKEN" -H "Content-Type: application/json" \\
  -d '{"input": "{input}"}' | sed 's/.*"run_id": *"\\([^"]*\\)".*/\\1/')

# Follow every step to the end.
curl -sSN "$API/runs/$RUN/events" -H "$TOKEN" -H "Accept: text/event-stream"

# Read the result.
curl -sS "$API/runs/$RUN?wait=30" -H "$TOKEN"
"""

PYTHON = """\
import json
import os

import httpx

zoark = httpx.Client(
    base_url="{api}",
    headers={"Authorization": f"Bearer {os.environ['ZOARK_TOKEN']}"},
    timeout=60,
)

# Start a run.
started = zoark.post("/custom-agents/{agent_id}/execute", json={"input": "{input}"})
run = "/runs/" + started.raise_for_status().json()["run_id"]

# Follow every step to the end.
with zoark.stream("GET", f"{run}/events", headers={"Accept": "text/event-stream"}) as events:
    for line in events.iter_lines():
        if line.startswith("data:"):
            print(json.loads(line.removeprefix("data:")))

# Read the result.
result = zoark.get(run, params={"wait": 30}).raise_for_status().json()
print(result["status"], result["output"], result["cost_micros"])
"""

JAVASCRIPT = """\
const zoark = (path, options = {}) =>
  fetch("{api}" + path, {
    ...options,
    headers: {
      Authorization: `Bearer ${process.env.ZOARK_TOKEN}`,
      "Content-Type": "application/json",
      ...options.headers,
    },
  });

// Start a run.
const started = await zoark("/custom-agents/{agent_id}/execute", {
  method: "POST",
  body: JSON.stringify({ input: "{input}" }),
});
const run = "/runs/" + (await started.json()).run_id;

// Follow every step to the end.
const events = await zoark(`${run}/events`, { headers: { Accept: "text/event-stream" } });
for await (const text of events.body.pipeThrough(new TextDecoderStream())) {
  process.stdout.write(text);
}

// Read the result.
const result = await (await zoark(`${run}?wait=30`)).json();
console.log(result.status, result.output, result.cost_micros);
"""

OPENAI = """\
import os

from openai import OpenAI

client = OpenAI(base_url="{api}/openai/v1", api_key=os.environ["ZOARK_TOKEN"])
answer = client.chat.completions.create(
    model="{agent_id}",
    messages=[{"role": "user", "content": "{input}"}],
)
print(answer.choices[0].message.content)
"""

MCP = """\
{
  "mcpServers": {
    "zoark": {
      "type": "http",
      "url": "{api}/mcp",
      "headers": { "Authorization": "Bearer ${ZOARK_TOKEN}" }
    }
  }
}
"""


@dataclass(frozen=True)
class Snippet:
    """A program, or what another one is told. ``facts`` are single values for forms that ask for them."""

    name: str
    about: str
    language: str
    text: str
    facts: tuple[tuple[str, str], ...] = ()


TEMPLATES = (
    Snippet("curl", "Starts a run, follows its events to the end, and reads the result.", "bash", CURL),
    Snippet("Python", "The same with the package `httpx`.", "python", PYTHON),
    Snippet("JavaScript", "The same with Node 18 or newer: save it as `agent.mjs`.", "javascript", JAVASCRIPT),
    Snippet(
        "OpenAI-compatible",
        "Whatever talks to OpenAI can talk to this agent: LangChain, Open WebUI, or the package `openai`.",
        "python",
        OPENAI,
        (("Base URL", "{api}/openai/v1"), ("Model", "{agent_id}")),
    ),
    Snippet(
        "MCP",
        "Your agents are the tools of an MCP server (streamable HTTP). This tells an assistant of it.",
        "json",
        MCP,
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
