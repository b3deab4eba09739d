"""What a node may give: plain data, without secrets, of a size that others can read. Pure."""

from __future__ import annotations

import json
from typing import Any

from core.db.types import storable_tree
from core.engine.failures import OutputTooLarge
from core.security.redact import redact_tree

MAX_OUTPUT_BYTES = 1_000_000


def fitting(output: Any) -> Any:
    """Return an output as plain data without secrets.

    Raises:
        OutputTooLarge: it has more than 1 MB as JSON.
    """
    plain = redact_tree(storable_tree(output))
    if len(json.dumps(plain, ensure_ascii=False).encode()) > MAX_OUTPUT_BYTES:
        raise OutputTooLarge(limit="1 MB")
    return plain
