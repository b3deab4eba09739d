"""Calls one tool, without any model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from core.engine import settings
from core.engine.form_check import missing, wrong
from core.engine.forms import FormField
from core.engine.graph import Node
from core.engine.nodes.base import Done, NodeContext, NodeKind, Scope, Use
from core.engine.problems import Problem
from core.engine.template import fill_value, paths_in
from core.engine.values import Shape
from core.errors import ToolFailed
from core.tools.base import Tool
from core.tools.registry import all_tools


class ToolKind(NodeKind):
    """``{tool, arguments: {name: template}}``; its output is what the tool returns."""

    name = "tool"
    label = "Tool"
    group = "Data"
    icon = "build"
    help = "Calls one tool, without a model."
    initial: ClassVar[Mapping[str, Any]] = {"arguments": {}}
    form = (
        FormField("tool", "Tool", "tool", is_required=True),
        FormField("arguments", "Arguments", "arguments", of="tool"),
    )

    def problems(self, node: Node) -> Iterable[Problem]:
        """Yield what is wrong with its settings: a tool that is not there, or arguments that it does not take."""
        yield from super().problems(node)
        tool, arguments = _tool(node), settings.group(node.config, "arguments")
        if tool is None:
            if name := settings.text(node.config, "tool"):
                yield wrong(node, "tool", f"there is no tool called {name}.")
            return
        known = tool.arguments.model_fields
        for name in arguments:
            if name not in known:
                yield wrong(node, "arguments", f"{tool.label} takes no argument called {name}.")
        for name, field in known.items():
            if field.is_required() and not arguments.get(name):
                yield missing(node, "arguments", f"{tool.label} needs the argument {name}.")

    def uses(self, node: Node) -> Iterable[Use]:
        """Yield what the arguments ask for."""
        texts = [text for text in settings.group(node.config, "arguments").values() if isinstance(text, str)]
        return [Use(path, "arguments") for text in texts for path in paths_in(text)]

    def subtitle(self, node: Node) -> str:
        """Return the tool's label."""
        tool = _tool(node)
        return tool.label if tool else ""

    def run(self, context: NodeContext, node: Node, scope: Scope) -> Done:
        """Call the tool; raises ``CoreError``, and ``InDoubt`` when it may have acted before a crash."""
        from core.engine.tool_use import ToolUses  # which needs this package

        tool = _tool(node)
        if tool is None:
            raise ToolFailed(tool=settings.text(node.config, "tool"), reason="there is none of this name any more.")
        templates = settings.group(node.config, "arguments")
        given = {name: fill_value(str(text), scope.values) for name, text in templates.items()}
        return Done(ToolUses(context, node.id).by_node(tool, given))

    def shape(self, node: Node) -> Shape:
        """Return what the tool gives."""
        tool = _tool(node)
        return tool.shape if tool else Shape("any")


def _tool(node: Node) -> Tool | None:
    return all_tools().get(settings.text(node.config, "tool"))


KIND = ToolKind()
