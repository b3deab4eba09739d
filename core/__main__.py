"""Entry of ``python -m core <command>``."""

from __future__ import annotations

import sys

from core.commands import COMMANDS
from core.errors import CoreError


def main(arguments: list[str]) -> int:
    """Run a command; a ``CoreError`` becomes one sentence on stderr and exit code 2."""
    if len(arguments) != 1 or arguments[0] not in COMMANDS:
        print(f"usage: python -m core {'|'.join(COMMANDS)}", file=sys.stderr)
        return 64
    try:
        return COMMANDS[arguments[0]]()
    except CoreError as error:
        print(error.sentence, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
