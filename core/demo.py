"""``python -m core demo``: one real run in the terminal, on the built-in model, with everything a run has."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from core import clock
from core.accounts.models import User
from core.bootstrap import Core, build_core
from core.config import ROOT, child_environment, load_settings
from core.keys.models import KeyDraft
from core.llm.local.about import MODEL_NAME
from core.llm.local.support import why_unavailable
from core.llm.local.weights import fetch_weights
from core.runs.models import RunEvent

TICKET = "I was charged twice for my March invoice and need one of the payments back. Order 48213."
AGENT = {
    "name": "Support ticket classifier",
    "department": "support",
    "role": "Support ticket classifier",
    "goal": "Decide which team should handle a ticket: Billing, Technical, Account or Other.",
    "expected_output": "One line: the team, a dash, and the reason in at most fifteen words.",
    "model": MODEL_NAME,
    "temperature": 0.0,
    "max_output_tokens": 120,
}
LONGEST_SECONDS = 300


def demo() -> int:
    """Fetch the model if needed, run the sample agent, print its trace, answer, tokens and cost."""
    settings = load_settings()
    reason = why_unavailable(settings.data_dir)
    if reason:
        print(reason, file=sys.stderr)
        return 1
    weights = settings.local_model or fetch_weights(settings.data_dir, on_progress=_print_progress)
    folder = Path(tempfile.mkdtemp(prefix="zoark-demo-"))
    try:
        return _run(folder, weights)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(folder: Path, weights: Path) -> int:
    # A database of its own: the demo leaves nothing behind in yours.
    environment = child_environment(
        ZOARK_DATA_DIR=str(folder),
        DATABASE_URL=f"sqlite:///{folder / 'zoark.db'}",
        ZOARK_MASTER_KEYS="",
        ZOARK_LOCAL_MODEL=str(weights),
        ZOARK_ADMIN_EMAIL="demo@zoark.example",
        ZOARK_ADMIN_PASSWORD=clock.new_token(),
    )
    subprocess.run(
        [sys.executable, "-m", "core", "migrate"], cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL
    )
    core = build_core(
        load_settings(
            ZOARK_DATA_DIR=folder,
            DATABASE_URL=environment["DATABASE_URL"],
            ZOARK_MASTER_KEYS="",
            ZOARK_LOCAL_MODEL=weights,
        )
    )
    user = core.accounts.authenticate(environment["ZOARK_ADMIN_EMAIL"], environment["ZOARK_ADMIN_PASSWORD"])
    key = core.keys.add(user, KeyDraft("Built-in model", "local"))
    agent = core.agents.create(user, {**AGENT, "key_id": key.id})
    run = core.runs.start_agent_run(user, agent.id, TICKET)
    print(f"Agent   {agent.definition.name} on {MODEL_NAME}\nTicket  {TICKET}\n\nStarting the worker …", flush=True)
    worker = subprocess.Popen(
        [sys.executable, "-m", "core.worker", "--embedded"],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        return _follow(core, user, run.id)
    finally:
        assert worker.stdin is not None  # noqa: S101 - it was opened with a pipe
        worker.stdin.close()
        worker.wait(20)
        core.close()


def _follow(core: Core, user: User, run_id: str) -> int:
    seen, end = 0, time.monotonic() + LONGEST_SECONDS
    while True:
        run = core.runs.get(user, run_id)
        for event in core.runs.events(user, run_id, seen):
            seen = event.seq
            _print_event(event)
        if not run.is_active or time.monotonic() > end:
            break
        time.sleep(0.1)
    totals = run.totals
    print(f"\nStatus  {run.status}")
    if run.error:
        print(f"Error   {run.error.message}")
    print(f"Answer  {run.output}")
    print(f"Tokens  {totals.input_tokens} in, {totals.output_tokens} out, {totals.calls} model call(s)")
    print(f"Cost    ${totals.cost_micros / 1_000_000:.6f} (own hardware)")
    return 0 if run.status == "succeeded" else 1


def _print_event(event: RunEvent) -> None:
    if event.kind == "model_text":
        print(event.data["text"], end="", flush=True)
    elif event.kind == "model_call_finished":
        print(f"\n  ← {event.data['input_tokens']} in, {event.data['output_tokens']} out", flush=True)
    else:
        names = ("model", "tool", "message", "code")
        facts = " ".join(str(event.data[name]) for name in names if name in event.data)
        print(f"  · {event.kind.replace('_', ' ')} {facts}", flush=True)


def _print_progress(done: int, total: int) -> None:
    if sys.stdout.isatty():
        print(f"\rFetching the built-in model: {done / 1e6:.0f} of {total / 1e6:.0f} MB ", end="", flush=True)
    if done >= total:
        print("Fetched the built-in model.", flush=True)
