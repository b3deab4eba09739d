"""What a message to a trigger says, and which part of it becomes which input. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from core.engine.values import lookup
from core.errors import Invalid
from core.triggers.models import MAX_BODY_BYTES


def read_body(body: bytes) -> dict[str, Any]:
    """Return the object that a message carries as JSON.

    Raises:
        Invalid: it is none, or longer than 256,000 bytes.
    """
    if len(body) > MAX_BODY_BYTES:
        raise Invalid(f"The message is longer than {MAX_BODY_BYTES:,} bytes.", "body")
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise Invalid("The message is not JSON.", "body") from None
    if not isinstance(found, dict):
        raise Invalid('The message is not an object, such as {"amount": 1}.', "body")
    return found


def picked(mapping: Mapping[str, str], document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parts of a message by the names of inputs; one that is missing is left out."""
    found = {}
    for name, path in mapping.items():
        try:
            found[name] = lookup(path, document)
        except KeyError:
            continue  # whether it is needed, the workflow says
    return found
