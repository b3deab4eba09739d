"""Kinds of nodes for tests with real workers: they write to files what they do, or never end."""

from __future__ import annotations

import os
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

from core import clock
from core.engine.graph import Node
from core.engine.nodes.base import Done, NodeContext, NodeKind, Result, Scope, Waiting
from core.engine.nodes.registry import all_kinds


class Mark(NodeKind):
    """``{seconds?}``: writes down that it ran."""

    name, label, group = "mark", "Mark", "Data"

    def run(self, context: NodeContext, node: Node, scope: Scope) -> Result:
        note(context.services.data_dir, "marks", f"{context.run_id}:{node.id}:{context.item}")
        end = time.monotonic() + node.config.get("seconds", 0)
        while time.monotonic() < end:
            context.control.check()
            time.sleep(0.02)
        return Done(node.id)


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
    for kind in (Mark(), Act(), Pause(), Rounds(), Spin()):
        all_kinds()[kind.name] = kind


def note(folder: Path, name: str, line: str) -> None:
    """Append a line to a file in one piece, whoever else does."""
    file = os.open(folder / f"{name}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(file, f"{line}\n".encode())
    os.close(file)


def noted(folder: Path, name: str) -> Counter[str]:
    """Return how often each line was noted."""
    file = folder / f"{name}.log"
    return Counter(file.read_text().splitlines()) if file.exists() else Counter()
