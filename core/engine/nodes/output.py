"""What a workflow gives: a text, checked data or a file, by a name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from core.engine import settings
from core.engine.form_check import wrong
from core.engine.forms import FormField
from core.engine.graph import Node
from core.engine.nodes.base import NodeKind, Use
from core.engine.problems import Problem
from core.engine.template import paths_in
from core.engine.values import Shape, ValueType

FORMATS = (("text", "Text"), ("json", "JSON"), ("file", "File"))
# By the ending of a file's name. All of them are shown and sent as text: nothing of a file is ever run.
MEDIA_TYPES: Mapping[str, str] = {
    "txt": "text/plain",
    "md": "text/markdown",
    "csv": "text/csv",
    "json": "application/json",
    "html": "text/plain",
}
_SHAPES: Mapping[str, ValueType] = {"text": "text", "json": "any", "file": "file"}


class OutputKind(NodeKind):
    """``{name, format: "text" | "json" | "file", value: template, fields?, file_name?}``.

    JSON is the value itself where ``value`` is nothing but ``{{path}}``, and is checked against ``fields`` if there
    are any. A file is ``{name, media_type, text}``.
    """

    name = "output"
    label = "Output"
    group = "Start and end"
    icon = "output"
    help = "Gives a result of the workflow."
    initial: ClassVar[Mapping[str, Any]] = {"name": "result", "format": "text", "value": ""}
    form = (
        FormField("name", "Name", "line", is_required=True, maximum=80),
        FormField("format", "Format", "choice", default="text", options=FORMATS),
        FormField("value", "Value", "template", is_required=True),
        FormField(
            "fields",
            "Fields",
            "fields",
            help="What the data must have. Empty: any data.",
            maximum=100,
            shown_when=("format", ("json",)),
        ),
        FormField(
            "file_name",
            "File name",
            "line",
            help=f"Ends with {', '.join('.' + ending for ending in MEDIA_TYPES)}.",
            is_required=True,
            maximum=120,
            shown_when=("format", ("file",)),
        ),
    )
    is_source = False

    def problems(self, node: Node) -> Iterable[Problem]:
        """Yield what is wrong with its settings; a file needs an ending that says what it is."""
        yield from super().problems(node)
        file_name = settings.text(node.config, "file_name")
        is_file = settings.text(node.config, "format") == "file"
        if is_file and file_name and file_name.rpartition(".")[2].lower() not in MEDIA_TYPES:
            endings = ", ".join(f".{ending}" for ending in MEDIA_TYPES)
            yield wrong(node, "file_name", f"the file's name has none of the endings {endings}.")

    def shape(self, node: Node) -> Shape:
        """Return the shape of the result."""
        if settings.text(node.config, "format") == "json" and (found := settings.fields(node.config, "fields")):
            return Shape("object", found)
        return Shape(_SHAPES.get(settings.text(node.config, "format"), "text"))

    def uses(self, node: Node) -> Iterable[Use]:
        """Yield what the result is made of."""
        names = ["value", *(["file_name"] if settings.text(node.config, "format") == "file" else [])]
        return [Use(path, name) for name in names for path in paths_in(settings.text(node.config, name))]

    def subtitle(self, node: Node) -> str:
        """Return its name, or that of its file."""
        is_file = settings.text(node.config, "format") == "file"
        return settings.text(node.config, "file_name" if is_file else "name")


KIND = OutputKind()
