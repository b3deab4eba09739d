"""Where a workflow begins: the fields that whoever starts it fills in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from core.engine import settings
from core.engine.forms import FormField
from core.engine.graph import Node
from core.engine.nodes.base import Done, NodeContext, NodeKind, Scope
from core.engine.reading import read_inputs
from core.engine.values import Shape

MAX_FIELDS = 50


class InputKind(NodeKind):
    """``{id, kind: "input", fields: [{name, type, help?, is_required?}]}``; its output is an object of them."""

    name = "input"
    label = "Input"
    group = "Start and end"
    icon = "input"
    help = "Asks for what the workflow works on."
    initial: ClassVar[Mapping[str, Any]] = {"fields": [{"name": "input", "type": "text", "is_required": True}]}
    form = (
        FormField(
            "fields",
            "Fields",
            "fields",
            help="What is asked when the workflow starts. Every node can use them by their names.",
            is_required=True,
            maximum=MAX_FIELDS,
        ),
    )
    is_target = False

    def shape(self, node: Node) -> Shape:
        """Return an object of the fields."""
        return Shape("object", settings.fields(node.config, "fields"))

    def subtitle(self, node: Node) -> str:
        """Return the names of the fields."""
        return ", ".join(field.name for field in settings.fields(node.config, "fields"))

    def run(self, context: NodeContext, node: Node, scope: Scope) -> Done:
        """Return the run's inputs as an object; raises ``Invalid`` when one is missing or of another type."""
        fields = settings.fields(node.config, "fields")
        given = {field.name: scope.values.get(field.name) for field in fields}
        return Done(read_inputs(fields, given))


KIND = InputKind()
