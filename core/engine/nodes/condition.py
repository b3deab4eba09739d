"""A fork: by a comparison of values, or by what a model judges."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from core.agents.models import AgentDefinition
from core.engine import comparison, settings
from core.engine.control import Stopped
from core.engine.form_check import wrong
from core.engine.forms import FormField
from core.engine.graph import ERROR, MAX_ID, Node
from core.engine.model_access import open_model
from core.engine.nodes.base import Done, NodeContext, NodeKind, Outcome, Resolver, Scope, Use
from core.engine.problems import Problem
from core.engine.reading import value_at
from core.engine.template import fill, fill_value, paths_in
from core.engine.values import Shape

MAX_CLASSES = 20
# What a model answers that names no class.
OTHER = "other"
_COMPARES = ("mode", ("compare",))
_JUDGES = ("mode", ("judge",))


class ConditionKind(NodeKind):
    """``{mode: "compare", left, type, operator, right?}`` or ``{mode: "judge", question, classes, agent_id}``."""

    name = "condition"
    label = "Condition"
    group = "Flow"
    icon = "call_split"
    help = "Goes on one way or another: by comparing a value, or by letting a model judge."
    initial: ClassVar[Mapping[str, Any]] = {"mode": "compare", "type": "number", "operator": ">"}
    form = (
        FormField(
            "mode",
            "Decide",
            "choice",
            default="compare",
            options=(("compare", "By comparing a value"), ("judge", "By a model's judgement")),
        ),
        FormField("left", "Value", "reference", is_required=True, shown_when=_COMPARES),
        *comparison.form(_COMPARES),
        FormField(
            "question",
            "Question",
            "template",
            help="What the model should decide, with the text it should read.",
            is_required=True,
            maximum=20_000,
            shown_when=_JUDGES,
        ),
        FormField(
            "classes",
            "Answers",
            "rows",
            help="Each is a way on. What fits none of them goes the way “other”.",
            is_required=True,
            minimum=1,
            maximum=MAX_CLASSES,
            columns=(
                FormField("name", "Name", "line", is_required=True, maximum=MAX_ID),
                FormField("description", "When it fits", "line", maximum=500),
            ),
            shown_when=_JUDGES,
        ),
        FormField(
            "agent_id",
            "Agent",
            "agent",
            help="Its model and key are used, for one short call.",
            is_required=True,
            shown_when=_JUDGES,
        ),
    )

    def problems(self, node: Node) -> Iterable[Problem]:
        """Yield what is wrong with its settings; answers need names that tell them apart."""
        yield from super().problems(node)
        if not _is_judge(node):
            return
        names = [name.casefold() for name in _names(node)]
        for name in dict.fromkeys(names):
            if name in (OTHER, ERROR):
                yield wrong(node, "classes", f"no answer can be called {name}, for this way on is there already.")
            elif names.count(name) > 1:
                yield wrong(node, "classes", f"two answers are called {name}.")

    def prepare(self, node: Node, resolver: Resolver) -> Mapping[str, Any]:
        """Return the settings with a copy of the agent that judges."""
        if not _is_judge(node):
            return node.config
        return {**node.config, "agent": resolver.agent(node.config["agent_id"])}

    def outcomes(self, node: Node) -> tuple[Outcome, ...]:
        """Return yes and no, or the answers and “other”."""
        if not _is_judge(node):
            return Outcome("true", "Yes"), Outcome("false", "No")
        names = [name for name in dict.fromkeys(_names(node)) if name not in (OTHER, ERROR)]
        return (*(Outcome(name, name) for name in names), Outcome(OTHER, "Other"))

    def shape(self, node: Node) -> Shape:
        """Return whether the comparison holds, or the name of the answer."""
        return Shape("text" if _is_judge(node) else "boolean")

    def uses(self, node: Node) -> Iterable[Use]:
        """Yield the compared values, or what the question asks for."""
        config = node.config
        if _is_judge(node):
            return [Use(path, "question") for path in paths_in(settings.text(config, "question"))]
        wanted = comparison.type_of(config)
        left = settings.text(config, "left")
        right = () if settings.text(config, "operator") in comparison.ALONE else settings.text(config, "right")
        return [
            *([Use(left, "left", wanted)] if left else []),
            *(Use(path, "right") for path in paths_in(right or "")),
        ]

    def subtitle(self, node: Node) -> str:
        """Return the comparison, or the question."""
        config = node.config
        if _is_judge(node):
            return settings.text(config, "question")
        name = settings.text(config, "operator")
        right = "" if name in comparison.ALONE else settings.text(config, "right")
        words = comparison.words(name, settings.text(config, "type", "text"))
        return " ".join(filter(None, [settings.text(config, "left"), words, right]))

    def run(self, context: NodeContext, node: Node, scope: Scope) -> Done:
        """Decide; raises ``ValueMissing`` or ``ValueWrong``, or what a call of the model raises."""
        if _is_judge(node):
            return _judged(context, node, scope)
        config, path = node.config, settings.text(node.config, "left")
        does_hold = comparison.holds(
            value_at(path, scope.values),
            settings.text(config, "operator"),
            fill_value(settings.text(config, "right"), scope.values),
            comparison.type_of(config),
            called=path,
            ignore_case=settings.switch(config, "ignore_case", default=True),
        )
        return Done(does_hold, "true" if does_hold else "false")


def _judged(context: NodeContext, node: Node, scope: Scope) -> Done:
    definition = AgentDefinition.model_validate(node.config.get("agent")).model_copy(update={"temperature": 0.0})
    with open_model(context, node.id, definition, settings.text(node.config, "agent_id")) as model:
        from core.engine.crew import ask

        try:
            answer = ask(model, _question(node, scope))
        except Stopped as stop:
            raise stop.error from None
    said = answer.strip(" \t\n\"'`*.").casefold()
    name = next((name for name in _names(node) if name.casefold() == said), OTHER)
    return Done(name, name)


def _question(node: Node, scope: Scope) -> str:
    rows = [(settings.text(row, "name").strip(), settings.text(row, "description")) for row in _classes(node)]
    lines = [f"- {name}: {description}" if description else f"- {name}" for name, description in rows]
    return (
        f"{fill(settings.text(node.config, 'question'), scope.values)}\n\n"
        "Which one of these fits? Answer with its name alone, as it is written here.\n"
        + "\n".join([*lines, f"- {OTHER}: none of these"])
    )


def _is_judge(node: Node) -> bool:
    return settings.text(node.config, "mode") == "judge"


def _classes(node: Node) -> list[Mapping[str, Any]]:
    return settings.rows(node.config, "classes")


def _names(node: Node) -> list[str]:
    found = (settings.text(row, "name").strip() for row in _classes(node))
    return [name for name in found if 0 < len(name) <= MAX_ID]


KIND = ConditionKind()
