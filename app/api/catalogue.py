"""Every error there is, read off the errors themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

# Only workers use them, and every error is told.
import core.engine.answers
import core.engine.failures
import core.engine.reading  # noqa: F401
from app.api.statuses import STATUS
from core.errors import CoreError


class Entry(NamedTuple):
    """An error: ``status`` is None where no request is answered with it, but a run tells it."""

    code: str
    status: int | None
    retryable: bool
    sentence: str


def catalogue() -> list[Entry]:
    """Return the errors by status and code; what a sentence says of the single case is an ellipsis in it."""
    found: dict[str, Entry] = {}
    for error in _below(CoreError):
        if error.code not in (CoreError.code, *found):
            told = re.sub(r"\{[^}]*\}", "…", " ".join((error.__doc__ or "").split()))
            sentence = "The sentence says what is in the way." if told == "…" else told
            found[error.code] = Entry(error.code, STATUS.get(error.code), error.retryable, sentence)
    return sorted(found.values(), key=lambda entry: (entry.status or 1000, entry.code))


def table() -> str:
    """Return them as a table of Markdown."""
    rows = (
        f"| `{entry.code}` | {entry.status or '–'} | {'yes' if entry.retryable else 'no'} | {entry.sentence} |"
        for entry in catalogue()
    )
    return "\n".join(("| code | status | retryable | sentence |", "|---|---|---|---|", *rows))


def _below(error: type[CoreError]) -> Iterator[type[CoreError]]:
    for one in error.__subclasses__():
        yield one
        yield from _below(one)
