"""Waits for a time, without holding a worker."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar

from core import clock
from core.engine import settings
from core.engine.forms import FormField
from core.engine.graph import Node
from core.engine.nodes.base import Done, NodeContext, NodeKind, Result, Scope, Use, Waiting
from core.engine.reading import read_moment, value_at
from core.engine.values import Shape

LONGEST_MINUTES = 60 * 24 * 366
MODES = (("for", "For some minutes"), ("until", "Until a moment"), ("value", "Until a date from a node before"))


class WaitKind(NodeKind):
    """``{mode: "for", minutes}``, ``{mode: "until", moment}`` or ``{mode: "value", value: path}``.

    Its output is the moment at which it was to go on. A moment without an offset is UTC, a date its midnight.
    """

    name = "wait"
    label = "Wait"
    group = "Flow"
    icon = "schedule"
    help = "Waits for some minutes or until a moment."
    initial: ClassVar[Mapping[str, Any]] = {"mode": "for", "minutes": 60}
    form = (
        FormField("mode", "Wait", "choice", default="for", options=MODES),
        FormField(
            "minutes",
            "Minutes",
            "number",
            is_required=True,
            minimum=0,
            maximum=LONGEST_MINUTES,
            shown_when=("mode", ("for",)),
        ),
        FormField("moment", "Moment", "moment", is_required=True, shown_when=("mode", ("until",))),
        FormField("value", "Date", "reference", is_required=True, shown_when=("mode", ("value",))),
    )

    def shape(self, node: Node) -> Shape:
        """Return a moment."""
        return Shape("date")

    def uses(self, node: Node) -> Iterable[Use]:
        """Yield the value that says until when."""
        path = settings.text(node.config, "value")
        return [Use(path, "value", "date")] if settings.text(node.config, "mode") == "value" and path else []

    def subtitle(self, node: Node) -> str:
        """Return how long."""
        config = node.config
        match settings.text(config, "mode", "for"):
            case "for":
                return f"{settings.number(config, 'minutes'):g} minutes"
            case "until":
                return f"until {settings.text(config, 'moment')}"
            case _:
                return f"until {settings.text(config, 'value')}"

    def run(self, context: NodeContext, node: Node, scope: Scope) -> Result:
        """Wait until the moment has come; raises ``ValueMissing`` or ``ValueWrong``."""
        due_at = _due_at(context, node, scope)
        return Done(due_at.isoformat()) if due_at <= clock.now() else Waiting(due_at)


def _due_at(context: NodeContext, node: Node, scope: Scope) -> datetime:
    match settings.text(node.config, "mode", "for"):
        case "until":
            return read_moment(settings.text(node.config, "moment"), "the moment")
        case "value":
            path = settings.text(node.config, "value")
            return read_moment(value_at(path, scope.values), path)
    # Counted from when the node began, whoever asks and however often.
    state = context.services.journal.nodes.state(context.run_id, context.node_id, context.item)
    began_at = state.started_at if state and state.started_at else clock.now()
    return began_at + timedelta(minutes=settings.number(node.config, "minutes"))


KIND = WaitKind()
