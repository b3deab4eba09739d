"""Turns a run's events into what a person reads: steps, calls, tools and the text as it comes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from app.ui import formats
from core.runs.models import RunEvent

IN_DOUBT = "It is not known whether this has happened. Say what did, and the run goes on."

Kind = Literal["model", "tool", "note", "problem"]


@dataclass
class Item:
    """A line of the trace; ``text`` grows while a model speaks, ``detail`` is small print."""

    kind: Kind
    title: str
    detail: str = ""
    text: str = ""
    is_open: bool = False


@dataclass
class Step:
    """A node of the run with its lines."""

    node_id: str
    state: Literal["running", "waiting", "done", "failed", "skipped"] = "running"
    items: list[Item] = field(default_factory=list)


def _at_most(data: Mapping[str, Any]) -> str:
    """Say why a call that was cut off costs something: see decision 0002."""
    micros = data.get("cost_micros")
    return f" What was cut off counts at the most it may have cost: {formats.money(micros)}." if micros else ""


@dataclass
class Trace:
    """The whole story so far; feed it events in order."""

    steps: dict[str, Step] = field(default_factory=dict)
    last_seq: int = 0
    was_resumed: bool = False
    _calls: dict[str, Item] = field(default_factory=dict)

    def add(self, events: Iterable[RunEvent]) -> None:
        """Take the next events."""
        for event in events:
            self.last_seq = event.seq
            if event.kind == "run_resumed":
                self.was_resumed = True
            if event.node_id is not None:
                self._add(event, self.steps.setdefault(event.node_id, Step(event.node_id)))

    def _add(self, event: RunEvent, step: Step) -> None:
        data = event.data
        match event.kind:
            case "node_started":
                step.state = "running"
            case "model_call_waiting":
                step.items.append(Item("note", f"Waiting: {data['limit']}"))
            case "model_call_started":
                if step.items and step.items[-1].kind == "note":
                    step.items[-1].title = step.items[-1].title.replace("Waiting:", "Waited:", 1)
                item = Item("model", str(data["model"]), "thinking …", is_open=True)
                self._calls[data["call_id"]] = item
                step.items.append(item)
            case "model_text":
                self._calls[data["call_id"]].text += data["text"]
            case "model_call_finished":
                item = self._calls[data["call_id"]]
                item.is_open = False
                item.detail = " · ".join(
                    (
                        f"{formats.tokens(data['input_tokens'])} in, {formats.tokens(data['output_tokens'])} out",
                        formats.money(data["cost_micros"]),
                        formats.duration(data["duration_ms"] / 1000),
                    )
                )
                if not item.text:
                    item.text = "Asks for a tool."
            case "model_call_failed":
                item = self._calls[data["call_id"]]
                item.kind, item.is_open = "problem", False
                item.detail = f"{data['message']}{_at_most(data)}"
            case "model_calls_interrupted":
                self._close_open(step)
                title = f"The worker was interrupted in a call; it is made again.{_at_most(data)}"
                step.items.append(Item("problem", title))
            case "tool_started":
                arguments = ", ".join(f"{name} = {value}" for name, value in data["arguments"].items())
                step.items.append(Item("tool", str(data["tool"]), arguments, is_open=True))
            case "tool_finished":
                tool = next((i for i in reversed(step.items) if i.kind == "tool" and i.is_open), None)
                if tool:
                    tool.is_open, tool.text = False, str(data["result"])
            case "node_retry":
                pause = formats.duration(data["pause_seconds"])
                step.items.append(Item("problem", f"{data['message']} Next try in {pause}."))
            case "node_waiting" | "round_waiting":
                step.state = "waiting"
            case "node_in_doubt" | "round_in_doubt":
                self._close_open(step)
                step.items.append(Item("problem", IN_DOUBT))
            case "node_settled":
                step.items.append(Item("note", "It did happen." if data["happened"] else "It is done again."))
            case "node_skipped":
                step.state = "skipped"
            case "round_failed":
                step.items.append(Item("problem", f"Round {data['round'] + 1}: {data['message']}"))
            case "round_started" | "round_finished":
                pass  # what it does is told by itself
            case "node_finished":
                step.state = "done"
            case "node_failed":
                self._close_open(step)
                step.state = "failed"
                if not step.items or not step.items[-1].detail.startswith(data["message"]):
                    step.items.append(Item("problem", str(data["message"])))

    @staticmethod
    def _close_open(step: Step) -> None:
        for item in step.items:
            if item.is_open:
                item.is_open, item.detail = False, "cut off"
