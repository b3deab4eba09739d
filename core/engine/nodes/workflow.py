"""Runs another workflow as a part of this one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from core.engine import settings
from core.engine.failures import ChildFailed
from core.engine.forms import FormField
from core.engine.graph import Node
from core.engine.nodes.base import Done, NodeContext, NodeKind, Resolver, Result, Scope, Use, Waiting
from core.engine.template import fill_value, paths_in
from core.engine.values import Shape
from core.runs.models import Run


class WorkflowKind(NodeKind):
    """``{workflow_id, inputs: {name: template}}``; a run's copy has the ``version`` that was published then.

    Its output is that of the other workflow: the value of its only output, or an object of several.
    """

    name = "workflow"
    label = "Workflow"
    group = "Flow"
    icon = "account_tree"
    help = "Runs another workflow and takes over its result."
    initial: ClassVar[Mapping[str, Any]] = {"inputs": {}}
    form = (
        FormField(
            "workflow_id",
            "Workflow",
            "workflow",
            help="The version that is published when this one starts is run.",
            is_required=True,
        ),
        FormField("inputs", "Inputs", "inputs", of="workflow_id"),
    )

    def prepare(self, node: Node, resolver: Resolver) -> Mapping[str, Any]:
        """Return the settings with the number of the published version."""
        return {**node.config, "version": resolver.workflow(node.config["workflow_id"])}

    def shape(self, node: Node) -> Shape:
        """Return that nothing is known before."""
        return Shape("any")

    def uses(self, node: Node) -> Iterable[Use]:
        """Yield what the inputs ask for."""
        texts = [text for text in settings.group(node.config, "inputs").values() if isinstance(text, str)]
        return [Use(path, "inputs") for text in texts for path in paths_in(text)]

    def run(self, context: NodeContext, node: Node, scope: Scope) -> Result:
        """Start the other workflow once, wait for its end, and take its result over; raises ``ChildFailed``."""
        templates = settings.group(node.config, "inputs")
        inputs = {name: fill_value(str(text), scope.values) for name, text in templates.items()}
        run = context.child(node.config["workflow_id"], inputs, node.config["version"])
        if run.is_active:
            return Waiting()
        if run.status != "succeeded":
            raise ChildFailed(reason=run.error.message if run.error else "it was cancelled.")
        return Done(_result(run))


def _result(run: Run) -> Any:
    if not run.outputs:
        return run.output or ""
    return next(iter(run.outputs.values())) if len(run.outputs) == 1 else dict(run.outputs)


KIND = WorkflowKind()
