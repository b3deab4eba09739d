"""Finds the tools: every module in ``builtin/`` that has a ``TOOL``."""

from __future__ import annotations

from functools import lru_cache

from core.discovery import found_in, in_order
from core.tools import builtin
from core.tools.base import Tool


@lru_cache
def all_tools() -> dict[str, Tool]:
    """Return every tool by name, sorted by label."""
    return in_order(found_in(builtin, "TOOL"), ())
