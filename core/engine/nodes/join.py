"""Where ways come together again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from core.engine import settings
from core.engine.forms import FormField
from core.engine.graph import Node
from core.engine.nodes.base import Done, NodeContext, NodeKind, Scope
from core.engine.values import Shape

MODES = (("all", "All ways that are taken"), ("any", "The first one that arrives"))


class JoinKind(NodeKind):
    """``{mode: "all"}`` gives an object of what arrived, by node; ``{mode: "any"}`` the first, as it is."""

    name = "join"
    label = "Join"
    group = "Flow"
    icon = "call_merge"
    help = "Waits for the ways that lead here, or for the first of them."
    initial: ClassVar[Mapping[str, Any]] = {"mode": "all"}
    form = (FormField("mode", "Wait for", "choice", default="all", options=MODES),)

    def shape(self, node: Node) -> Shape:
        """Return an object, of which only the run knows the fields, or anything."""
        return Shape("any" if settings.text(node.config, "mode") == "any" else "object")

    def subtitle(self, node: Node) -> str:
        """Return what it waits for."""
        return dict(MODES).get(settings.text(node.config, "mode", "all"), "")

    def run(self, context: NodeContext, node: Node, scope: Scope) -> Done:
        """Return what arrived."""
        arrived = {name: scope.values.get(name) for name in scope.sources}
        is_any = settings.text(node.config, "mode") == "any"
        return Done(next(iter(arrived.values()), None) if is_any else arrived)


KIND = JoinKind()
