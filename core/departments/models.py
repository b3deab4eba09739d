"""What a department is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Department:
    """A department: ``slug`` is stable, ``name`` is what people read, ``position`` counts from 1."""

    slug: str
    name: str
    position: int
