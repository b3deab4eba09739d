"""What a run works on, read as the fields of its graph's input node want it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from core.db.types import storable_tree
from core.engine.graph import Graph
from core.engine.nodes.registry import all_kinds
from core.engine.reading import read_inputs
from core.engine.values import Field
from core.errors import Invalid

MAX_INPUT = 200_000
INPUT = "input"


def fields_of(graph: Graph) -> tuple[Field, ...]:
    """Return the fields that whoever starts a workflow fills in."""
    kinds = all_kinds()
    return tuple(
        field
        for node in graph.nodes
        if node.kind == INPUT and INPUT in kinds
        for field in kinds[INPUT].shape(node).fields
    )


def inputs_for(graph: Graph, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the inputs of a run by name: each as its field's type, None where an optional one is missing.

    Raises:
        Invalid: a sentence about the first field that is missing or has not the right form, or is unknown.
    """
    read = read_inputs(fields_of(graph), storable_tree(dict(given)))
    _measure(read)
    return read


def read_texts(given: Mapping[str, str]) -> dict[str, str]:
    """Return inputs that are texts, none of them empty; raises ``Invalid``."""
    cleaned = {name: str(storable_tree(value)).strip() for name, value in given.items()}
    if not all(cleaned.values()):
        raise Invalid("Enter what the agent should work on.", "input")
    _measure(cleaned, "input")
    return cleaned


def _measure(read: Mapping[str, Any], field: str | None = None) -> None:
    characters = {
        name: len(value) if isinstance(value, str) else len(json.dumps(value)) for name, value in read.items()
    }
    if sum(characters.values()) > MAX_INPUT:
        longest = max(characters, key=lambda name: characters[name])
        raise Invalid(f"The input is longer than {MAX_INPUT:,} characters. Shorten it.", field or longest)
