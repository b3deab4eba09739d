"""Which of the canvas's changes have become which revision: Python and the browser run apart, each ahead at times.

A change is told by the run in which ``draw`` returns it, but the revision it becomes reaches the canvas one run
later. Without this, the next change would look as if it were based on an old revision.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from app.ui.canvas.payload import Message
from app.ui.canvas.values import CanvasEvent, Graph


@dataclass(frozen=True)
class Hearing:
    """What was told to the page up to now."""

    number: int = 0
    opening: int = 0
    # The newest change whose base was the newest revision: the page has taken it, or refused it for good.
    settled: int = 0
    settled_graph: Graph | None = None
    # The revision that ``settled`` has become, once a page has drawn it.
    became: int = -1
    # The newest message; the node that the page believes to be selected; how often it has wished another one.
    telling: int = 0
    selected: str | None = None
    wishes: int = 0
    has_wished: bool = False

    def drawn(self, graph: Graph, revision: int, selected: str | None = None) -> Hearing:
        """Return what is known when ``graph`` is drawn as ``revision`` and a node is to be selected."""
        is_saved = self.settled_graph is not None and revision > self.became and graph == self.settled_graph
        is_wish = selected is not None and selected != self.selected
        return replace(
            self,
            became=revision if is_saved else self.became,
            selected=selected if is_wish else self.selected,
            wishes=self.wishes + is_wish,
            has_wished=is_wish,
        )

    def told(self, message: Message, revision: int) -> tuple[Hearing, CanvasEvent]:
        """Return what is known after ``message``, and what to tell the page that has drawn ``revision``."""
        base = message.base_revision
        if message.number >= self.settled:
            base = max(base, self.became)
        settles = message.number > self.settled and message.graph is not None and base >= revision
        is_heard = message.telling > self.telling and not self.has_wished
        after = replace(
            self,
            number=max(self.number, message.number),
            opening=max(self.opening, message.opening),
            settled=message.number if settles else self.settled,
            settled_graph=message.graph if settles else self.settled_graph,
            telling=max(self.telling, message.telling),
            selected=message.selected if is_heard else self.selected,
        )
        return after, CanvasEvent(
            graph=message.graph,
            base_revision=base,
            number=message.number,
            opened=message.opened if message.opening > self.opening else None,
            selected=after.selected,
        )
