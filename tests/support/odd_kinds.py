"""Kinds of nodes for tests with real workers: they write to files what they do, or never end."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from core import clock
from core.engine.graph import Node
from core.engine.nodes.base import Done, NodeContext, NodeKind, Outcome, Result, Scope, Waiting
from core.engine.nodes.registry import all_kinds


class Mark(NodeKind):
    """``{seconds?, ways?, way?}``: writes down that it ran, and in which process."""

    name, label, group = "mark", "Mark", "Data"

    def outcomes(self, node: Node) -> tuple[Outcome, ...]:
        return tuple(Outcome(way) for way in node.config.get("ways", [""]))

    def run(self, context: NodeContext, node: Node, scope: Scope) -> Result:
        note(context.services.data_dir, "marks", f"{context.run_id}:{node.id}:{context.item}")
        note(context.services.data_dir, "pids", str(os.getpid()))
        note(
            context.services.data_dir,
            "times",
            f"{context.run_id}:{node.id}:{context.item} {clock.now().isoformat()}",
        )
        end = time.monotonic() + node.config.get("seconds", 0)
        while time.monotonic() < end:
            context.control.check()
            time.sleep(0.02)
        return Done(node.id, node.config.get("way", ""))


class Act(NodeKind):
    """``{repeatable?}``: changes something outside, a file."""

    name, label, group = "act", "Act", "Data"

    def run(self, context: NodeContext, node: Node, scope: Scope) -> Result:
        def act(key: str) -> str:
            note(context.services.data_dir, "acts", key)
            return f"done for {key}"

        return Done(context.act_once(act, is_repeatable=bool(node.config.get("repeatable"))))


class Pause(NodeKind):
    """``{seconds}``: waits without a worker."""

    name, label, group = "pause", "Pause", "Flow"

    def run(self, context: NodeContext, node: Node, scope: Scope) -> Result:
        state = context.services.journal.nodes.state(context.run_id, node.id)
        assert state is not None
        assert state.started_at is not None
        due_at = state.started_at + timedelta(seconds=node.config["seconds"])
        return Waiting(due_at) if clock.now() < due_at else Done("waited")


class Rounds(NodeKind):
    """``{count, parallel?}``: a round that marks, for each number."""

    name, label, group = "rounds", "Rounds", "Flow"

    def run(self, context: NodeContext, node: Node, scope: Scope) -> Result:
        return context.rounds(
            range(node.config["count"]),
            node.config.get("parallel", 1),
            lambda inner, _: Mark().run(inner, node, scope),
        )


class Inner(NodeKind):
    """``{workflow_id}``: runs another workflow."""

    name, label, group = "inner", "Inner", "Flow"

    def run(self, context: NodeContext, node: Node, scope: Scope) -> Result:
        child = context.child(node.config["workflow_id"], {"input": "x"}, None)
        return Waiting() if child.is_active else Done(child.status)


class Spin(NodeKind):
    """Hears nothing until a file says so."""

    name, label, group = "spin", "Spin", "Data"

    def run(self, context: NodeContext, node: Node, scope: Scope) -> Result:
        note(context.services.data_dir, "marks", f"{context.run_id}:{node.id}:{context.item}")
        while not (context.services.data_dir / "spin.end").exists():
            time.sleep(0.05)
        return Done("too late")


def add_odd_kinds() -> None:
    """Have them found like any other kind, in this process."""
    for kind in (Mark(), Act(), Pause(), Rounds(), Inner(), Spin()):
        all_kinds()[kind.name] = kind


@contextmanager
def odd_kinds() -> Iterator[None]:
    """Have them found for a while."""
    before = dict(all_kinds())
    add_odd_kinds()
    try:
        yield
    finally:
        all_kinds().clear()
        all_kinds().update(before)


def note(folder: Path, name: str, line: str) -> None:
    """Append a line to a file in one piece, whoever else does."""
    file = os.open(folder / f"{name}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(file, f"{line}\n".encode())
    os.close(file)


def noted_at(folder: Path) -> dict[str, list[datetime]]:
    """Return when each mark was made."""
    found: dict[str, list[datetime]] = {}
    for line in noted(folder, "times").elements():
        key, moment = line.split()
        found.setdefault(key, []).append(datetime.fromisoformat(moment))
    return found


def noted(folder: Path, name: str) -> Counter[str]:
    """Return how often each line was noted."""
    file = folder / f"{name}.log"
    return Counter(file.read_text().splitlines()) if file.exists() else Counter()
