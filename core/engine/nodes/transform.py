"""Changes the form of a value by fixed operations. There are no expressions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from core.engine import comparison, settings
from core.engine.forms import FormField
from core.engine.graph import Node
from core.engine.nodes.base import Done, NodeContext, NodeKind, Scope, Use
from core.engine.reading import value_at
from core.engine.template import paths_in
from core.engine.transforming import transformed
from core.engine.values import Shape, ValueType

OPERATIONS = (
    ("pick", "Keep some fields"),
    ("rename", "Rename fields"),
    ("filter", "Keep entries of a list"),
    ("sort", "Sort a list"),
    ("unique", "Leave out what is there twice"),
    ("first", "First entry of a list"),
    ("last", "Last entry of a list"),
    ("count", "Count the entries of a list"),
    ("sum", "Add up a list"),
    ("join", "Join a list to a text"),
    ("split", "Split a text into a list"),
    ("parse_json", "Read JSON"),
    ("to_text", "To text"),
    ("to_number", "To a number"),
    ("to_date", "To a date"),
)
# What an operation asks of its source, where that is always the same; and what it gives.
TAKES: Mapping[str, ValueType] = dict.fromkeys(
    ("filter", "sort", "unique", "first", "last", "count", "sum", "join"), "list"
)
GIVES: Mapping[str, ValueType] = {
    **dict.fromkeys(("filter", "sort", "unique", "split"), "list"),
    **dict.fromkeys(("count", "sum", "to_number"), "number"),
    **dict.fromkeys(("join", "to_text"), "text"),
    "to_date": "date",
}
_BY_FIELD = ("filter", "sort", "unique", "sum", "join")


def _when(*operations: str) -> tuple[str, tuple[str, ...]]:
    return "operation", operations


class TransformKind(NodeKind):
    """``{operation, source: path, …}`` with what the operation asks for."""

    name = "transform"
    label = "Transform"
    group = "Data"
    icon = "transform"
    help = "Picks, filters, counts or converts a value."
    initial: ClassVar[Mapping[str, Any]] = {"operation": "pick"}
    form = (
        FormField("operation", "Do", "choice", default="pick", options=OPERATIONS),
        FormField("source", "Value", "reference", is_required=True),
        FormField(
            "fields",
            "Fields",
            "rows",
            help="Of an object, or of each object of a list.",
            is_required=True,
            maximum=100,
            columns=(FormField("name", "Name", "line", is_required=True, maximum=200),),
            shown_when=_when("pick"),
        ),
        FormField(
            "names",
            "New names",
            "rows",
            is_required=True,
            maximum=100,
            columns=(
                FormField("old", "Field", "line", is_required=True, maximum=200),
                FormField("new", "New name", "line", is_required=True, maximum=200),
            ),
            shown_when=_when("rename"),
        ),
        FormField(
            "field",
            "Field of each entry",
            "line",
            help="Empty: the entry itself.",
            maximum=200,
            shown_when=_when(*_BY_FIELD),
        ),
        *comparison.form(_when("filter")),
        FormField("is_descending", "Largest first", "switch", default=False, shown_when=_when("sort")),
        FormField(
            "separator",
            "Separator",
            "line",
            help="Empty: a new line.",
            maximum=20,
            shown_when=_when("join", "split"),
        ),
    )

    def shape(self, node: Node) -> Shape:
        """Return what the operation gives."""
        operation = settings.text(node.config, "operation", "pick")
        return Shape(GIVES.get(operation, "any"))

    def uses(self, node: Node) -> Iterable[Use]:
        """Yield the source, and what a filter compares with."""
        config = node.config
        operation = settings.text(config, "operation", "pick")
        if source := settings.text(config, "source"):
            yield Use(source, "source", TAKES.get(operation, "any"))
        if operation == "filter" and settings.text(config, "operator") not in comparison.ALONE:
            yield from (Use(path, "right") for path in paths_in(settings.text(config, "right")))

    def subtitle(self, node: Node) -> str:
        """Return the operation and its source."""
        operation = settings.text(node.config, "operation", "pick")
        words = [dict(OPERATIONS).get(operation, ""), settings.text(node.config, "source")]
        return ": ".join(filter(None, words))

    def run(self, context: NodeContext, node: Node, scope: Scope) -> Done:
        """Return the changed value; raises ``ValueMissing`` or ``ValueWrong``."""
        path, config = settings.text(node.config, "source"), node.config
        given = value_at(path, scope.values)
        return Done(transformed(given, config, path, scope.values))


KIND = TransformKind()
