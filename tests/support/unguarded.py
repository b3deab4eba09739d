"""Takes one guard out of the code, to prove that the test of an attack would notice."""

from __future__ import annotations
import __future__

import inspect
import textwrap
from typing import Any

import pytest


def take_out(patch: pytest.MonkeyPatch, owner: Any, name: str, guard: str, instead: str = "") -> None:
    """Put ``owner.name`` in place without the piece of its source that is ``guard``; it has to be there once."""
    function = inspect.unwrap(getattr(owner, name))
    source = textwrap.dedent(inspect.getsource(function))
    assert source.count(guard) == 1, f"{name} has no such guard, or has it more than once: {guard}"
    scope: dict[str, Any] = {}
    flags = __future__.annotations.compiler_flag
    code = compile(source.replace(guard, instead), f"<{name} without a guard>", "exec", flags=flags)
    exec(code, function.__globals__, scope)
    patch.setattr(owner, name, scope[name])
