"""What a tool is: one small file in ``builtin/``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from core.accounts.models import User
from core.engine.control import Abortable
from core.engine.values import Shape
from core.keys.service import Keys
from core.notify.tool_mail import ToolMail


@dataclass(frozen=True)
class ToolServices:
    """What tools work with."""

    keys: Keys
    mail: ToolMail


@dataclass(frozen=True)
class ToolContext:
    """For whom a tool works, and through what.

    ``key`` is the same each time the same thing is to be done outside; empty where a tool does nothing outside.
    ``agent_id`` is the agent that uses the tool. What may take its time goes to ``attach``: a stop aborts it.
    """

    services: ToolServices
    user: User
    key: str = ""
    agent_id: str | None = None
    attach: Callable[[Abortable], None] = lambda _: None


def never(arguments: BaseModel) -> bool:
    """Return that a tool does not, whatever its arguments."""
    return False


def always(arguments: BaseModel) -> bool:
    """Return that a tool does, whatever its arguments."""
    return True


@dataclass(frozen=True)
class Tool:
    """A tool an agent may call, or a node of a workflow.

    Attributes:
        name: what the model calls it by; letters, digits and underscores.
        label: what people read.
        description: one sentence that tells the model when to use it.
        arguments: the model of its arguments; its schema goes to the language model.
        run: does the work and returns plain data, text as a rule; raises ``ToolFailed``, another ``CoreError`` or
            ``ValueError`` with a sentence that the language model can act on. One that acts raises ``InDoubt`` when
            it may have acted.
        shape: what is known of its result beforehand.
        acts: whether it changes something outside, given these arguments. It is then never done again by itself
            after a crash, unless it ``is_repeatable``.
        is_repeatable: whether doing it again with the same key does no harm.
        may_act: whether there are arguments with which it acts.
    """

    name: str
    label: str
    description: str
    arguments: type[BaseModel]
    run: Callable[[BaseModel, ToolContext], Any]
    shape: Shape = field(default_factory=Shape)
    may_act: bool = False
    acts: Callable[[BaseModel], bool] = never
    is_repeatable: Callable[[BaseModel], bool] = never
