"""What was answered to a request."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Answer:
    """An HTTP answer: its status, the headers worth repeating, and its body."""

    status: int
    headers: dict[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True)
class Attempt:
    """The right to execute a request; ``finish`` takes it back."""

    id: str
    number: str
