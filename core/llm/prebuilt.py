"""Builds the pydantic models that an SDK reads answers with, before two threads read their first answer at once.

The SDKs of OpenAI, Anthropic and Groq put that off until a model is first used (``defer_build``), and pydantic lets
only the thread that builds wait: another one that comes to the model in that moment fails.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import cache
from typing import Any, get_args

_lock = threading.Lock()


def build_models(*roots: Any) -> None:
    """Build the models that are ``roots``, or stand in them or in their fields; once in each process."""
    with _lock:
        _build(roots)


def models_within(*roots: Any) -> Iterator[Any]:
    """Yield each model among ``roots`` and in their fields once."""
    from pydantic import BaseModel

    seen: set[Any] = set()
    waiting = list(roots)
    while waiting:
        one = waiting.pop()
        if parts := get_args(one):
            waiting += parts
        elif isinstance(one, type) and issubclass(one, BaseModel) and one not in seen:
            seen.add(one)
            yield one
            waiting += [field.annotation for field in one.model_fields.values()]


@cache
def _build(roots: tuple[Any, ...]) -> None:
    for model in models_within(*roots):
        model.model_rebuild()
