"""What a tool is: one small file in ``builtin/``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pydantic import BaseModel


@dataclass(frozen=True)
class Tool:
    """A tool an agent may call.

    Attributes:
        name: what the model calls it by; letters, digits and underscores.
        label: what people read.
        description: one sentence that tells the model when to use it.
        arguments: the model of its arguments; its schema goes to the language model.
        run: does the work and returns text; raises ``ToolFailed`` or ``ValueError`` with a sentence that
            the language model can act on.
    """

    name: str
    label: str
    description: str
    arguments: type[BaseModel]
    run: Callable[[BaseModel], str]
