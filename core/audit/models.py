"""An entry of the audit log, and what checking the chain says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

# So many entries are shown at once; the export has more.
LIST_LIMIT = 500


@dataclass(frozen=True)
class AuditEntry:
    """One entry; ``result`` is ``ok`` or an error code, ``detail`` never has a secret."""

    seq: int
    at: datetime
    actor_id: str | None
    actor_email: str
    address: str
    action: str
    object_type: str
    object_id: str
    result: str
    request_id: str
    detail: Mapping[str, Any]


@dataclass(frozen=True)
class ChainCheck:
    """How many entries were checked and the first that does not fit, if any."""

    entries: int
    broken_at: int | None
