"""Entry of ``python -m core <command>``."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable

from core.audit.origin import set_doer
from core.commands import COMMANDS
from core.errors import CoreError


def main(arguments: list[str]) -> int:
    """Run a command, of one word or two, with its values; a ``CoreError`` is one sentence and exit code 2."""
    for words in (2, 1):
        command = COMMANDS.get(" ".join(arguments[:words]))
        values = arguments[words:]
        if command and _takes(command, values):
            set_doer("command line")
            try:
                return command(*values)
            except CoreError as error:
                print(error.sentence, file=sys.stderr)
                return 2
    print("usage:", file=sys.stderr)
    for name, command in COMMANDS.items():
        print(f"  python -m core {' '.join([name, *_named(command)])}", file=sys.stderr)
    return 64


def _takes(command: Callable[..., int], values: list[str]) -> bool:
    try:
        inspect.signature(command).bind(*values)
    except TypeError:
        return False
    return True


def _named(command: Callable[..., int]) -> list[str]:
    parameters = inspect.signature(command).parameters.values()
    return [f"<{p.name}>" if p.default is inspect.Parameter.empty else f"[<{p.name}>]" for p in parameters]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
