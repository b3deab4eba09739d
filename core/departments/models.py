"""What a department is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Department:
    """A department: ``slug`` is stable, ``name`` is what people read."""

    slug: str
    name: str
