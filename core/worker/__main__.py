"""Entry of ``python -m core.worker``: one process that executes runs until it is told to end."""

from __future__ import annotations

import argparse
import gc
import os
import signal
import sys
import threading


def main() -> int:
    """Run until SIGTERM, or with ``--embedded`` until the parent closes stdin."""
    parser = argparse.ArgumentParser(prog="python -m core.worker", description="Executes runs.")
    parser.add_argument("--embedded", action="store_true", help="end when stdin is closed")
    embedded = parser.parse_args().embedded
    end = threading.Event()
    if embedded:
        # Before the slow imports: a parent that dies early must not leave an orphan.
        threading.Thread(target=_end_with_parent, args=(end,), name="parent", daemon=True).start()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: end.set())

    from core.bootstrap import build_core
    from core.config import load_settings
    from core.engine.startup import prepare_process
    from core.errors import CoreError
    from core.worker.lock import WorkerLock
    from core.worker.supervisor import EXIT_LOCKED

    try:
        settings = load_settings()
        core = build_core(settings)
    except CoreError as error:
        print(error.sentence, file=sys.stderr)
        return 2
    prepare_process(settings.data_dir)
    lock = WorkerLock(settings.data_dir)
    if settings.is_sqlite and not lock.acquire():
        print("Another worker is running on this SQLite database; one is all it takes.", file=sys.stderr)
        return EXIT_LOCKED

    gc.disable()  # nothing of the imports is garbage; collecting while they run costs a second
    from core.worker.process import WorkerProcess

    gc.enable()
    gc.freeze()
    return WorkerProcess(core, is_embedded=embedded).serve(end)


def _end_with_parent(end: threading.Event) -> None:
    while os.read(0, 4096):
        pass
    end.set()
    # A stuck import or step must not outlive the parent.
    threading.Timer(10, os._exit, args=(1,)).start()


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # Threads of libraries may still wait on sockets; everything that matters is in the database.
    os._exit(code)
