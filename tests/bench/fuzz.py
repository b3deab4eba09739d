"""Random requests to the API for minutes, as each role: ``python -m tests.bench.fuzz 5`` is five minutes a role.

The values are other ones each time. What is found is printed with the curl command that shows it again.
"""

from __future__ import annotations

import os
import subprocess
import sys

MINUTES = 2.0


def main(minutes: float = MINUTES) -> None:
    """Run the test of the same name with more effort."""
    print(f"random requests, {minutes:g} minutes a role", flush=True)
    command = [sys.executable, "-m", "pytest", "-q", "--show-capture=no", "tests/api/test_fuzz.py"]
    subprocess.run(command, env={**os.environ, "FUZZ_MINUTES": str(minutes)}, check=False)


if __name__ == "__main__":
    main(*map(float, sys.argv[1:2]))
