"""What somebody has entered about a workflow, in the form in which it is stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.db.types import storable, storable_tree
from core.engine.graph import read_graph
from core.errors import Invalid
from core.workflows.models import MAX_DESCRIPTION


def stored_form(graph: Mapping[str, Any]) -> dict[str, Any]:
    """Return a graph in the one form that is stored; raises ``GraphInvalid``."""
    found: dict[str, Any] = storable_tree(read_graph(graph).document())
    return found


def clean_description(text: str) -> str:
    """Return a description without spaces around it; raises ``Invalid`` when it is too long."""
    cleaned = storable(text).strip()
    if len(cleaned) > MAX_DESCRIPTION:
        raise Invalid(f"The description is longer than {MAX_DESCRIPTION:,} characters. Shorten it.", "description")
    return cleaned
