"""Finds the tools: every module in ``builtin/`` that has a ``TOOL``."""

from __future__ import annotations

import importlib
import pkgutil
from functools import lru_cache

from core.tools import builtin
from core.tools.base import Tool


@lru_cache
def all_tools() -> dict[str, Tool]:
    """Return every tool by name, sorted by label."""
    modules = (
        importlib.import_module(f"{builtin.__name__}.{m.name}") for m in pkgutil.iter_modules(builtin.__path__)
    )
    tools: list[Tool] = [module.TOOL for module in modules]
    return {tool.name: tool for tool in sorted(tools, key=lambda tool: tool.label)}
