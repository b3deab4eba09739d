"""An entry of the audit log, and what checking the chain says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

# So many entries are shown at once; the export has more.
LIST_LIMIT = 500
# The entry that says that a master key was lost, and with it the keys of the entries before.
RECOVERED = "master_key.recovered"


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
    # For whom somebody else acted: a worker for who started the run, a command for whom it names.
    on_behalf_of: str = ""

    @property
    def person_email(self) -> str:
        """In whose name it was done; empty where nobody was known."""
        return self.on_behalf_of or self.actor_email

    @property
    def doer(self) -> str | None:
        """What did it in the person's name, such as a token or a worker; None where it was the person."""
        return self.actor_email if self.on_behalf_of else None


ChainProblem = Literal["changed", "cut", "unsealed"]


@dataclass(frozen=True)
class ChainCheck:
    """How many entries there are, the first that does not fit or is missing, and what is wrong with it.

    ``unchecked`` is how many cannot be checked, because the master key that they were sealed under was lost.
    """

    entries: int
    broken_at: int | None = None
    problem: ChainProblem | None = None
    unchecked: int = 0

    @property
    def sentence(self) -> str:
        """What an administrator reads."""
        if self.problem == "changed":
            return f"The audit log is broken at entry {self.broken_at}: it was changed, removed or inserted."
        if self.problem == "cut":
            return f"The audit log was cut: entry {self.broken_at} and those after it were removed."
        if self.problem == "unsealed":
            return "The seal of the newest entry is missing or forged, so entries may have been cut off the end."
        if self.unchecked:
            rest = self.entries - self.unchecked
            return (
                f"The audit log is whole since the master key was lost: {rest:,} "
                f"{'entry' if rest == 1 else 'entries'}. The {self.unchecked:,} before that cannot be checked."
            )
        return f"The audit log is whole: {self.entries:,} {'entry' if self.entries == 1 else 'entries'}."
