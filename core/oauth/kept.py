"""What providers publish and seldom change, kept in the process: their metadata and their keys.

A sign-in then costs the one call that is about the person. What could not be read is never kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from core import clock

T = TypeVar("T")

KEPT_SECONDS = 600.0
# The addresses come from settings and from what the providers there publish: more of them is a mistake.
MOST = 50


class Kept:
    """Values by the address they were read from. Two threads may read one at once; either value is good."""

    def __init__(self) -> None:
        """Keep nothing yet."""
        self._found: dict[tuple[str, str], tuple[float, object]] = {}

    def get(self, kind: str, url: str, read: Callable[[], T], *, is_fresh: bool = False) -> T:
        """Return what was read from ``url``, by ``read`` when that is ten minutes ago or must be fresh.

        ``kind`` names the type that ``read`` returns. What ``read`` raises passes on and changes nothing.
        """
        found = self._found.get((kind, url))
        if found is not None and not is_fresh and clock.monotonic_seconds() - found[0] < KEPT_SECONDS:
            return found[1]  # type: ignore[return-value]
        value = read()
        if len(self._found) >= MOST:
            self._found.clear()
        self._found[kind, url] = (clock.monotonic_seconds(), value)
        return value
