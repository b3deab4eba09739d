"""The tool calls that are under way, so that a client can cancel them by another request.

The server keeps no sessions: a restart loses none, and nothing piles up. What it calls a session's id is a label
that the client repeats; it only tells apart whose call number 3 is meant. A call is found by caller and label.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

MAX_LABEL = 100


class Cancellable(Protocol):
    """A scope of anyio."""

    def cancel(self) -> None:
        """End what goes on in it."""


class Calls:
    """Calls by caller, session label and number."""

    def __init__(self) -> None:
        """Start empty."""
        self._open: dict[tuple[str, str], dict[str, Cancellable]] = {}

    @contextmanager
    def under_way(self, caller: str, label: str, number: str | int, scope: Cancellable) -> Iterator[None]:
        """Have a call cancelled on request while the block runs; one without a label cannot be named."""
        key, name = (caller, label[:MAX_LABEL]), json.dumps(number)
        if label:
            self._open.setdefault(key, {})[name] = scope
        try:
            yield
        finally:
            there = self._open.get(key, {})
            if there.get(name) is scope:
                del there[name]
            if not there:
                self._open.pop(key, None)

    def cancel(self, caller: str, label: str, number: object) -> None:
        """Cancel a call; do nothing when there is none."""
        scope = self._open.get((caller, label[:MAX_LABEL]), {}).get(json.dumps(number))
        if scope is not None:
            scope.cancel()

    def cancel_all(self, caller: str, label: str) -> None:
        """Cancel every call of a session."""
        for scope in list(self._open.get((caller, label[:MAX_LABEL]), {}).values()):
            scope.cancel()


CALLS = Calls()
