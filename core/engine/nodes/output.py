"""What a workflow gives: a text, checked data or a file, by a name."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from core.engine import settings
from core.engine.form_check import wrong
from core.engine.forms import FormField
from core.engine.graph import Node
from core.engine.nodes.base import Done, NodeContext, NodeKind, Scope, Use
from core.engine.problems import Problem
from core.engine.reading import checked_fields, read_json
from core.engine.template import fill, fill_data, fill_value, paths_in
from core.engine.values import Shape, ValueType, as_text

MAX_FILE_NAME = 100
# Windows takes these for devices, whatever follows them.
DEVICES = frozenset({"CON", "PRN", "AUX", "NUL", *(f"{port}{n}" for port in ("COM", "LPT") for n in range(10))})
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
    """``{name?, format?: "text" | "json" | "file", value?: template, fields?, file_name?}``.

    Without a name it is called by its id, without a value it gives what leads to it. JSON is the value itself where
    ``value`` is nothing but ``{{path}}``, and is checked against ``fields`` if there are any. A file is
    ``{name, media_type, text}``.
    """

    name = "output"
    label = "Output"
    group = "Start and end"
    icon = "output"
    help = "Gives a result of the workflow."
    initial: ClassVar[Mapping[str, Any]] = {"name": "result", "format": "text", "value": ""}
    form = (
        FormField("name", "Name", "line", help="What the result is called.", maximum=80),
        FormField("format", "Format", "choice", default="text", options=FORMATS),
        FormField("value", "Value", "template", help="Empty: the result of the step that leads here."),
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

    def run(self, context: NodeContext, node: Node, scope: Scope) -> Done:
        """Return the result; raises ``ValueWrong`` when it has not the form that it should have."""
        template, wanted = settings.text(node.config, "value"), settings.text(node.config, "format", "text")
        given = fill_value(template, scope.values) if template else _brought(scope, wanted)
        match wanted:
            case "json":
                return Done(_data(template, given, node.config, scope))
            case "file":
                return Done(_file(node, as_text(given), scope))
        return Done(as_text(given))


def _brought(scope: Scope, wanted: str) -> Any:
    """Return what leads here: one value as it is, several by their names."""
    found = {name: scope.values.get(name) for name in scope.sources}
    if len(found) < 2:
        return next(iter(found.values()), None)
    return found if wanted == "json" else "\n\n".join(f"**{name}**\n\n{as_text(found[name])}" for name in found)


def _data(template: str, given: Any, config: Mapping[str, Any], scope: Scope) -> Any:
    try:
        # First read, then filled: a value with quotation marks in it cannot break the JSON around it.
        data = fill_data(json.loads(template), scope.values)
    except (ValueError, RecursionError):
        data = read_json(given, "the result")
    fields = settings.fields(config, "fields")
    return checked_fields(data, fields, "the result") if fields else data


def _file(node: Node, text: str, scope: Scope) -> dict[str, str]:
    pattern = settings.text(node.config, "file_name")
    stem = clean_file_name(fill(pattern.rpartition(".")[0], scope.values)) or node.id
    # The ending is that of the settings: what a value brings along does not decide what a file is.
    ending = pattern.rpartition(".")[2].lower()
    return {"name": f"{stem}.{ending}", "media_type": MEDIA_TYPES[ending], "text": text}


def clean_file_name(name: str) -> str:
    """Return a name without ending that every system takes, and that leads into no folder."""
    plain = unicodedata.normalize("NFC", name)
    kept = "".join(char if char.isalnum() or char in " ._-()" else "_" for char in plain)
    name = " ".join(kept.split())[:MAX_FILE_NAME].strip(". ")
    return f"_{name}" if name.upper() in DEVICES else name


KIND = OutputKind()
