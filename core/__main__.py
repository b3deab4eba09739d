"""Entry of ``python -m core <command>``."""

from __future__ import annotations

import sys

from core.commands import COMMANDS
from core.errors import CoreError


def main(arguments: list[str]) -> int:
    """Run a command, ``audit-verify`` or ``audit verify``; a ``CoreError`` is one sentence and exit code 2."""
    command = "-".join(arguments)
    if command not in COMMANDS:
        print(f"usage: python -m core {'|'.join(COMMANDS)}", file=sys.stderr)
        return 64
    try:
        return COMMANDS[command]()
    except CoreError as error:
        print(error.sentence, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
