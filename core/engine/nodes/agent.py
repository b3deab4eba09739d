"""A node that lets one agent work: CrewAI runs it, through the metered bridge."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

from core.agents.models import AgentDefinition
from core.agents.service import parse_definition
from core.engine import settings
from core.engine.answers import AnswerForm, form_of, read_or_repair
from core.engine.control import Stopped
from core.engine.form_check import wrong
from core.engine.forms import FormField
from core.engine.graph import Node
from core.engine.model_access import open_model
from core.engine.nodes.base import Done, NodeContext, NodeKind, Resolver, Scope, Use, added_results
from core.engine.problems import Problem
from core.engine.template import fill, paths_in
from core.engine.values import Shape
from core.errors import Invalid

AGENT_SECONDS = 120.0


# An agent that stands in the node itself; the fields are those of ``AgentDefinition``.
_OWN = (
    FormField("role", "Role", "line", help="Who the agent is, in a few words.", is_required=True, maximum=200),
    FormField("goal", "Goal", "text", help="What it should achieve.", is_required=True, maximum=4000),
    FormField("backstory", "Backstory", "text", help="What it knows and how it works.", maximum=4000),
    FormField("expected_output", "Expected output", "text", help="What a good answer looks like.", maximum=4000),
    FormField("key_id", "Key", "key", is_required=True),
    FormField("model", "Model", "model", is_required=True, maximum=200),
    FormField("tools", "Tools", "tools"),
    FormField("temperature", "Temperature", "number", default=0.2, minimum=0, maximum=2),
    FormField("max_iterations", "Most steps", "whole", default=10, minimum=1, maximum=50),
    FormField("max_output_tokens", "Longest answer", "whole", default=1024, minimum=16, maximum=32_000),
    FormField("output_schema", "Output schema", "json", help="JSON Schema that its answers have to fit."),
    FormField("time_limit_seconds", "Time limit", "whole", default=120, minimum=5, maximum=3600),
)
ANSWERS = (("text", "Text"), ("fields", "Fields that you name"), ("schema", "As the agent's output schema says"))


class AgentKind(NodeKind):
    """``{agent_id, task, answer?, answer_fields?}``, or ``{is_inline: true, agent: {role, goal, …}, task, …}``.

    A run's copy always has ``agent``, the definition.
    """

    name = "agent"
    label = "Agent"
    group = "Agents"
    icon = "smart_toy"
    help = "Lets one agent work on a task."
    initial: ClassVar[Mapping[str, Any]] = {"task": "", "answer": "text"}
    form = (
        FormField("is_inline", "Describe the agent here", "switch", default=False),
        FormField("agent_id", "Agent", "agent", is_required=True, shown_when=("is_inline", (False,))),
        FormField("agent", "Agent", "group", is_required=True, columns=_OWN, shown_when=("is_inline", (True,))),
        FormField(
            "task",
            "Task",
            "template",
            help="What it should do. Results that lead here are added by themselves.",
            maximum=20_000,
        ),
        FormField("answer", "Answer", "choice", default="text", options=ANSWERS),
        FormField(
            "answer_fields",
            "Fields of the answer",
            "fields",
            help="Other nodes can use each of them by its name.",
            is_required=True,
            maximum=50,
            shown_when=("answer", ("fields",)),
        ),
    )

    def problems(self, node: Node) -> Iterable[Problem]:
        """Yield what is wrong with its settings and with an agent that stands in the node itself."""
        if node.config.get("is_inline") is None:
            node = replace(node, config={**node.config, "is_inline": is_inline(node)})
        found = list(super().problems(node))
        yield from found
        if is_inline(node) and not found:
            fields = {"name": node.title[:80], "department": "unset", **settings.group(node.config, "agent")}
            try:
                parse_definition(fields)
            except Invalid as error:
                yield wrong(node, "agent", error.sentence)

    def prepare(self, node: Node, resolver: Resolver) -> Mapping[str, Any]:
        """Return the settings with a copy of the agent."""
        if not is_inline(node):
            return {**node.config, "agent": resolver.agent(node.config["agent_id"])}
        # Without an id: else a key that is lent to that agent would open for whatever stands here.
        own = {name: value for name, value in node.config.items() if name != "agent_id"}
        return {**own, "agent": resolver.inline_agent(settings.group(own, "agent"), node.title)}

    def shape(self, node: Node) -> Shape:
        """Return text, or the fields that the answer has."""
        match settings.text(node.config, "answer", "text"):
            case "fields":
                return Shape("object", settings.fields(node.config, "answer_fields"))
            case "schema":
                return Shape("any")
        return Shape("text")

    def uses(self, node: Node) -> Iterable[Use]:
        """Yield what the task asks for."""
        return [Use(path, "task") for path in paths_in(settings.text(node.config, "task"))]

    def subtitle(self, node: Node) -> str:
        """Return the task, or the role of an agent that stands in the node."""
        agent = settings.group(node.config, "agent") if is_inline(node) else {}
        return settings.text(agent, "role") or settings.text(node.config, "task")

    def time_limit_seconds(self, node: Node) -> float:
        """Return the agent's time limit."""
        return settings.seconds(settings.group(node.config, "agent"), "time_limit_seconds", AGENT_SECONDS)

    def run(self, context: NodeContext, node: Node, scope: Scope) -> Done:
        """Let the agent work on the node's task; raises ``CoreError``."""
        definition = AgentDefinition.model_validate(node.config.get("agent"))
        form = form_of(node.config, definition)
        task = _task_text(definition, settings.text(node.config, "task"), scope, form)
        with open_model(context, node.id, definition, node.config.get("agent_id")) as model:
            from core.engine.crew import ask, run_agent

            try:
                answer = run_agent(model, task)
                if form is None:
                    return Done(answer)
                return Done(read_or_repair(form, answer, partial(ask, model)))
            except Stopped as stop:
                raise stop.error from None


def is_inline(node: Node) -> bool:
    """Whether the agent stands in the node itself and has no id."""
    has_id = node.config.get("agent_id") not in (None, "")
    return settings.switch(node.config, "is_inline", default="agent" in node.config and not has_id)


def _task_text(definition: AgentDefinition, template: str, scope: Scope, form: AnswerForm | None) -> str:
    parts = [fill(template, scope.values).strip(), *added_results(scope, [template])]
    if definition.expected_output:
        parts.append(f"Your answer should be: {definition.expected_output}")
    if form is not None:
        parts.append(form.instruction)
    return "\n\n".join(part for part in parts if part)


KIND = AgentKind()
