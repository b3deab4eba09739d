"""Names the places at which a test kills a process, so that it is known what a crash there costs.

In production nothing listens, and reaching a place does nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

Point = Literal[
    "run row written",
    "run let begin",
    "segment enqueued",
    "segment begun",
    "node started",
    "model call opened",
    "model call answering",
    "model call answered",
    "model call settled",
    "node done",
    "node finished",
    "node skipped",
    "step recorded",
    "node waits",
    "run waits",
    "run woken",
    "about to act",
    "acted",
    "act remembered",
    "round started",
    "round finished",
    "child started",
    "run about to end",
    "run ended",
]

_listener: Callable[[str], None] | None = None


def reach(point: Point) -> None:
    """Say that this process has come to a place."""
    if _listener is not None:
        _listener(point)


def listen(listener: Callable[[str], None]) -> None:
    """Call ``listener`` at each place; for tests."""
    global _listener
    _listener = listener
