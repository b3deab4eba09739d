"""What an administrator sees of the master keys: numbers and counts, never a key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

# Who has started a rotation where it was no administrator.
COMMAND_LINE = "command line"

# The newest seals. An old one is needed as long as it has rows. A lost one is not here, and what it sealed is to be
# entered again; an unknown one is not here either, but nobody has said that it is lost.
MasterKeyState = Literal["newest", "needed", "unneeded", "lost", "unknown"]


@dataclass(frozen=True)
class MasterKey:
    """A master key by its number, how many secrets are sealed with it, and how many of these people entered."""

    number: int
    rows: int
    entered: int
    state: MasterKeyState


@dataclass(frozen=True)
class Rotation:
    """Sealing everything anew with the key ``target``; it is under way while ``finished_at`` is None."""

    target: int
    started_by: str
    started_at: datetime
    finished_at: datetime | None

    @property
    def is_under_way(self) -> bool:
        """Whether some of it is left to do."""
        return self.finished_at is None


@dataclass(frozen=True)
class MasterKeyStatus:
    """The master keys, newest first, what each kind of secret is sealed with, and the newest rotation.

    ``is_in_file`` says that they are in a file of the data dir, which Zoark changes by itself; else they are a
    setting, which an operator changes.
    """

    keys: Sequence[MasterKey]
    secrets: Mapping[str, Mapping[int, int]]
    rotation: Rotation | None
    is_in_file: bool

    @property
    def newest(self) -> int:
        """The number of the key that seals."""
        return self.keys[0].number

    @property
    def next_number(self) -> int:
        """The number that a new key gets."""
        return max(key.number for key in self.keys) + 1

    @property
    def total(self) -> int:
        """How many secrets there are that can be opened."""
        return sum(key.rows for key in self.keys if key.state not in ("lost", "unknown"))

    @property
    def done(self) -> int:
        """How many secrets are sealed with the newest key."""
        return self.keys[0].rows

    @property
    def shown(self) -> Sequence[MasterKey]:
        """The keys that anybody can still do something about."""
        return [key for key in self.keys if key.state != "lost" or key.entered]

    @property
    def removable(self) -> Sequence[int]:
        """The numbers of old keys that nothing is sealed with any more."""
        return [key.number for key in self.keys if key.state == "unneeded"]

    @property
    def is_rotating(self) -> bool:
        """Whether a rotation is under way."""
        return self.rotation is not None and self.rotation.is_under_way


@dataclass(frozen=True)
class Loss:
    """Which master keys are gone for good, and how many secrets of each kind: entered by people, or ours."""

    numbers: Sequence[int]
    secrets: Mapping[str, int]
    ours: Mapping[str, int]
