"""Puts a text or JSON data together from the results of other nodes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from core.engine import settings
from core.engine.forms import FormField
from core.engine.graph import Node
from core.engine.nodes.base import Done, NodeContext, NodeKind, Scope, Use
from core.engine.template import fill, fill_data, only_path, paths_in, paths_within
from core.engine.values import Field, Shape, ValueType

FORMATS = (("text", "Text"), ("json", "JSON"))


class TemplateKind(NodeKind):
    """``{text}`` gives text; ``{format: "json", json}`` gives data, in whose texts ``{{paths}}`` may stand."""

    name = "template"
    label = "Template"
    group = "Data"
    icon = "edit_note"
    help = "Puts a text or JSON together from earlier results."
    initial: ClassVar[Mapping[str, Any]] = {"format": "text", "text": ""}
    form = (
        FormField("format", "Format", "choice", default="text", options=FORMATS),
        FormField("text", "Text", "template", is_required=True, shown_when=("format", ("text",))),
        FormField(
            "json",
            "JSON",
            "json",
            help="A text that is nothing but {{path}} becomes that value, of whatever type.",
            is_required=True,
            shown_when=("format", ("json",)),
        ),
    )

    def shape(self, node: Node) -> Shape:
        """Return text, or what the JSON looks like."""
        return _shape_of(node.config.get("json")) if _is_json(node) else Shape("text")

    def uses(self, node: Node) -> Iterable[Use]:
        """Yield what the template asks for."""
        if _is_json(node):
            return [Use(path, "json") for path in paths_within(node.config.get("json"))]
        return [Use(path, "text") for path in paths_in(settings.text(node.config, "text"))]

    def subtitle(self, node: Node) -> str:
        """Return the beginning of the text."""
        return "JSON" if _is_json(node) else settings.text(node.config, "text")

    def run(self, context: NodeContext, node: Node, scope: Scope) -> Done:
        """Return the text or the data; a placeholder that is not known stays as it was written."""
        if _is_json(node):
            return Done(fill_data(node.config.get("json"), scope.values))
        return Done(fill(settings.text(node.config, "text"), scope.values))


def _is_json(node: Node) -> bool:
    return settings.text(node.config, "format") == "json"


def _shape_of(data: Any) -> Shape:
    if isinstance(data, Mapping):
        return Shape("object", tuple(Field(str(name), _type_of(value)) for name, value in data.items()))
    return Shape(_type_of(data))


def _type_of(data: Any) -> ValueType:
    if isinstance(data, str):
        return "text" if only_path(data) is None else "any"
    if isinstance(data, bool):
        return "boolean"
    if isinstance(data, int | float):
        return "number"
    if isinstance(data, Mapping):
        return "object"
    return "list" if isinstance(data, list) else "any"


KIND = TemplateKind()
