"""The arithmetic of "so many in a minute": a sliding window, kept in slots of one second.

Guarantee: in any 60 seconds no more is let through than is allowed. Slots are whole seconds, and one is kept until
its last moment is 60 seconds old: what was used comes back after 60 to 61 seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.quotas.models import Allowance

WINDOW_SECONDS = 60


@dataclass(frozen=True)
class Slot:
    """What was used in one second (since 1970)."""

    second: int
    requests: int
    tokens: int


@dataclass(frozen=True)
class Window:
    """What was used lately, oldest first, no two slots of one second."""

    slots: tuple[Slot, ...] = ()

    @classmethod
    def load(cls, stored: Sequence[Sequence[int]]) -> Window:
        """Read what ``dump`` gave."""
        return cls(tuple(Slot(*numbers) for numbers in stored))

    def dump(self) -> list[list[int]]:
        """Return plain data to store."""
        return [[slot.second, slot.requests, slot.tokens] for slot in self.slots]

    def second_of(self, moment: float) -> int:
        """Return the slot of a moment; never one before the newest, wherever the clock says that was."""
        return max(int(moment), self.slots[-1].second if self.slots else 0)

    def moved_to(self, second: int) -> Window:
        """Forget what is so old that it counts no more."""
        return Window(tuple(slot for slot in self.slots if slot.second >= second - WINDOW_SECONDS))

    @property
    def requests(self) -> int:
        """All requests in it."""
        return sum(slot.requests for slot in self.slots)

    @property
    def tokens(self) -> int:
        """All tokens in it."""
        return sum(slot.tokens for slot in self.slots)

    def lacks(self, allowance: Allowance, tokens: int) -> str | None:
        """Return what there is no room for, ``requests`` or ``tokens``, with one more request of so many tokens."""
        if allowance.requests_per_minute is not None and self.requests >= allowance.requests_per_minute:
            return "requests"
        if allowance.tokens_per_minute is not None and self.tokens + tokens > allowance.tokens_per_minute:
            return "tokens"
        return None

    def wait_seconds(self, allowance: Allowance, tokens: int, moment: float) -> float:
        """Return how long it takes until a request of so many tokens has room, when nothing else happens."""
        window, until = self.moved_to(self.second_of(moment)), moment
        while window.slots and window.lacks(allowance, tokens):
            until = window.slots[0].second + WINDOW_SECONDS + 1
            window = Window(window.slots[1:])
        return max(0.0, until - moment)

    def added(self, second: int, requests: int, tokens: int) -> Window:
        """Return the window with more used in a second that is not older than the newest."""
        if self.slots and self.slots[-1].second == second:
            last = self.slots[-1]
            return Window((*self.slots[:-1], Slot(second, last.requests + requests, last.tokens + tokens)))
        return Window((*self.slots, Slot(second, requests, tokens)))

    def corrected(self, second: int, requests: int, tokens: int) -> Window:
        """Return the window with so much more, or less, in a second; the same when that counts no more."""
        return Window(
            tuple(
                Slot(slot.second, max(0, slot.requests + requests), max(0, slot.tokens + tokens))
                if slot.second == second
                else slot
                for slot in self.slots
            )
        )
