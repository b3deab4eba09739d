"""What a run of a graph asks for: the fields of its input, as they stand in a draft or a version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.engine.graph import read_graph
from core.engine.nodes.registry import all_kinds
from core.engine.values import Field
from core.engine.visible import Visible


def input_fields(document: Mapping[str, Any]) -> tuple[Field, ...]:
    """Return the fields that a run of a graph asks for; raises ``GraphInvalid`` when it has not the right form."""
    return tuple(Visible(read_graph(document), all_kinds()).inputs.values())
