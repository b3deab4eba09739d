"""Does the same with each entry of a list, several at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from core.engine import settings
from core.engine.failures import TooManyEntries
from core.engine.forms import FormField
from core.engine.graph import Node
from core.engine.nodes.base import NodeContext, NodeKind, Resolver, Result, Scope, Use
from core.engine.problems import Problem
from core.engine.reading import read_as, value_at
from core.engine.values import Shape

MOST_PARALLEL = 8
MAX_ENTRIES = 1000
# What may stand in a body: what does its work in one go.
BODIES = (
    ("agent", "Agent"),
    ("crew", "Crew"),
    ("tool", "Tool"),
    ("template", "Template"),
    ("transform", "Transform"),
    ("workflow", "Workflow"),
)


class ForEachKind(NodeKind):
    """``{items: path, parallel: 1–8, body: {kind, …}}``; its output is the list of the body's outputs, in order."""

    name = "for_each"
    label = "For each"
    group = "Flow"
    icon = "repeat"
    help = "Does the same with every entry of a list."
    initial: ClassVar[Mapping[str, Any]] = {"parallel": 1, "body": {"kind": "agent", "task": "{{item}}"}}
    form = (
        FormField("items", "List", "reference", is_required=True),
        FormField(
            "body",
            "Do",
            "node",
            help="The entry is called {{item}}; fields of it are {{item.name}}.",
            is_required=True,
            options=BODIES,
        ),
        FormField("parallel", "At once", "whole", default=1, minimum=1, maximum=MOST_PARALLEL),
    )

    def problems(self, node: Node) -> Iterable[Problem]:
        """Yield what is wrong with its settings and those of its body."""
        yield from super().problems(node)
        if found := body_of(node):
            kind, body = found
            for problem in kind.problems(body):
                yield Problem(problem.code, problem.sentence, node.id, "body")

    def prepare(self, node: Node, resolver: Resolver) -> Mapping[str, Any]:
        """Return the settings with a prepared body."""
        found = body_of(node)
        if found is None:
            return node.config
        kind, body = found
        return {**node.config, "body": {**kind.prepare(body, resolver), "kind": kind.name}}

    def shape(self, node: Node) -> Shape:
        """Return a list of what the body gives."""
        found = body_of(node)
        return Shape("list", found[0].shape(found[1]).fields if found else ())

    def uses(self, node: Node) -> Iterable[Use]:
        """Yield the list, and what the body asks for, of the entry too."""
        if items := settings.text(node.config, "items"):
            yield Use(items, "items", "list")
        if found := body_of(node):
            kind, body = found
            yield from (Use(use.path, "body", use.wanted) for use in kind.uses(body))

    def subtitle(self, node: Node) -> str:
        """Return what is done with what."""
        found = body_of(node)
        return ": ".join(filter(None, [settings.text(node.config, "items"), found[0].label if found else ""]))

    def time_limit_seconds(self, node: Node) -> float:
        """Return the limit of one round."""
        found = body_of(node)
        return found[0].time_limit_seconds(found[1]) if found else super().time_limit_seconds(node)

    def run(self, context: NodeContext, node: Node, scope: Scope) -> Result:
        """Run the body with each entry; raises ``ValueMissing``, ``ValueWrong``, or what a round raises."""
        path, found = settings.text(node.config, "items"), body_of(node)
        assert found is not None  # noqa: S101 - a node without a body has a problem
        kind, body = found
        items = read_as(value_at(path, scope.values), "list", path)
        if len(items) > MAX_ENTRIES:
            raise TooManyEntries(called=path, count=len(items), limit=MAX_ENTRIES)
        parallel = int(settings.number(node.config, "parallel", 1))
        return context.rounds(
            items, parallel, lambda inner, item: kind.run(inner, body, Scope({**scope.values, "item": item}))
        )


def body_of(node: Node) -> tuple[NodeKind, Node] | None:
    """Return the kind of a node's body and the body as a node of the same name; None when there is none."""
    from core.engine.nodes.registry import all_kinds  # which imports this module

    body = settings.group(node.config, "body")
    name = settings.text(body, "kind")
    if name not in dict(BODIES):
        return None
    config = {key: value for key, value in body.items() if key != "kind"}
    return all_kinds()[name], Node(node.id, name, config, node.label)


KIND = ForEachKind()
