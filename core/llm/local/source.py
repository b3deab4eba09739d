"""The contract of a place that has the model file: a name for people and a stream of bytes."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

Cancelled = Callable[[], bool]


class SourceFailed(Exception):
    """This source did not deliver; ``str()`` says why, to be read after its name. Others are tried."""


@dataclass(frozen=True)
class Source:
    """One place to fetch from.

    Attributes:
        name: as a person reads it.
        chunks: gives the file's bytes in order. It takes a folder for scratch files, emptied afterwards,
            and a function that says whether to give up; it raises SourceFailed, RunCancelled or OSError.
    """

    name: str
    chunks: Callable[[Path, Cancelled], Generator[bytes, None, None]]
