"""Finds what is one file each: providers, tools, kinds of nodes, transports. A new file is all it takes."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Collection, Sequence
from types import ModuleType
from typing import Any


def found_in(package: ModuleType, name: str, *, but: Collection[str] = ()) -> list[Any]:
    """Return what is called ``name`` in each module of ``package``, leaving out the modules ``but``."""
    modules = (module.name for module in pkgutil.iter_modules(package.__path__) if module.name not in but)
    return [getattr(importlib.import_module(f"{package.__name__}.{module}"), name) for module in modules]


def in_order(found: Sequence[Any], order: Sequence[str]) -> dict[str, Any]:
    """Return ``found`` by name: those in ``order`` first, the others after them by label."""
    ranked = sorted(found, key=lambda one: (order.index(one.name) if one.name in order else len(order), one.label))
    return {one.name: one for one in ranked}
