"""Thousands of calls of eight processes against one budget; ``python -m tests.bench.contention 5000`` makes more.

The test of the same name tries a few hundred each time; this looks for what happens once in ten thousand.
"""

from __future__ import annotations

import os
import subprocess
import sys

CALLS = 1000


def main(calls: int = CALLS) -> None:
    """Run the test with more effort."""
    print(f"one budget, 8 processes, {calls} calls each", flush=True)
    command = [sys.executable, "-m", "pytest", "-q", "tests/integration/test_budget_contention.py"]
    subprocess.run(command, env={**os.environ, "CONTENTION_CALLS": str(calls)}, check=False)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
