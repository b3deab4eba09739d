"""The timeline of a run: who worked when, and who waited for whom. Facts in, figure out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from app.ui import formats, run_states
from core.engine.graph import Graph
from core.runs.models import RunEvent
from core.runs.nodes.models import NodeState
from core.usage.models import Totals

if TYPE_CHECKING:
    import plotly.graph_objects as go

Doing = Literal["Works", "Waits", "Failed"]
DOINGS: tuple[Doing, ...] = ("Works", "Waits", "Failed")
ROW_PIXELS, FRAME_PIXELS = 34, 110
# A bar of no length would not be seen.
SHORTEST_MS = 40


@dataclass(frozen=True)
class Span:
    """Something that a node did from one moment to another; ``cost`` is the node's, as a text for people."""

    node_id: str
    doing: Doing
    start: datetime
    end: datetime
    cost: str = ""

    @property
    def seconds(self) -> float:
        """How long it took."""
        return (self.end - self.start).total_seconds()


@dataclass(frozen=True)
class Handover:
    """A node that began after another had finished: it had waited for that one."""

    source: str
    target: str
    left: datetime
    begun: datetime


def spans(
    states: Sequence[NodeState], events: Iterable[RunEvent], totals: Mapping[str, Totals], now: datetime
) -> list[Span]:
    """Return what each node did, in the order of beginning. What was taken over or skipped did nothing."""
    pauses = _pauses(events)
    found: list[Span] = []
    for node_id, state in run_states.of_nodes(states).items():
        if state.started_at is None or state.is_cached or state.status == "skipped":
            continue
        used = totals.get(node_id, Totals())
        cost = formats.cost(used) if used.calls else ""
        end, at = state.ended_at or now, state.started_at
        for since, until in pauses.get(node_id, ()):
            stop = min(until or end, end)
            if since > at:
                found.append(Span(node_id, "Works", at, since, cost))
            found.append(Span(node_id, "Waits", since, stop, cost))
            at = stop
        if end > at or at == state.started_at:
            found.append(Span(node_id, "Failed" if state.status == "failed" else "Works", at, end, cost))
    return sorted(found, key=lambda span: (span.start, span.node_id))


def handovers(graph: Graph, states: Sequence[NodeState]) -> list[Handover]:
    """Return for each node that has begun the one before it that finished last: for that one it had waited."""
    own, found = run_states.of_nodes(states), []
    for node in graph.nodes:
        state = own.get(node.id)
        if state is None or state.started_at is None or state.status == "skipped" or state.is_cached:
            continue
        before = [
            (one.ended_at, edge.source)
            for edge in graph.incoming[node.id]
            if (one := own.get(edge.source)) and one.ended_at and one.status != "skipped" and not one.is_cached
        ]
        before = [(left, source) for left, source in before if left <= state.started_at]
        if before:
            left, source = max(before)
            found.append(Handover(source, node.id, left, state.started_at))
    return found


def figure(
    found: Sequence[Span], links: Sequence[Handover], titles: Mapping[str, str], colours: Sequence[str]
) -> go.Figure:
    """Return bars over time, a row a node, the first at the top; dotted lines lead from who was waited for.

    ``colours`` are those of working, waiting and failing.
    """
    import plotly.graph_objects as go

    rows = {node_id: number for number, node_id in enumerate(dict.fromkeys(span.node_id for span in found))}
    drawn = go.Figure()
    for link in links:
        if link.source in rows and link.target in rows:
            drawn.add_scatter(
                x=[link.left, link.left, link.begun],
                y=[rows[link.source], rows[link.target], rows[link.target]],
                mode="lines",
                line={"dash": "dot", "width": 1, "color": "gray"},
                hoverinfo="skip",
                showlegend=False,
            )
    for doing, colour in zip(DOINGS, colours, strict=True):
        mine = [span for span in found if span.doing == doing]
        if mine:
            drawn.add_bar(
                name=doing,
                orientation="h",
                base=[span.start for span in mine],
                x=[max(span.seconds * 1000, SHORTEST_MS) for span in mine],
                y=[rows[span.node_id] for span in mine],
                marker={"color": colour},
                width=0.6,
                customdata=[[_told(span, titles)] for span in mine],
                hovertemplate="%{customdata[0]}<extra></extra>",
            )
    drawn.update_layout(
        barmode="overlay",
        height=FRAME_PIXELS + ROW_PIXELS * len(rows),
        margin={"l": 8, "r": 8, "t": 36, "b": 8},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"},
        xaxis={"type": "date", "nticks": 6, "tickangle": 0},
        yaxis={
            "autorange": "reversed",
            "tickmode": "array",
            "tickvals": list(rows.values()),
            "ticktext": [_plain(titles.get(node_id, node_id)) for node_id in rows],
            "automargin": True,
            "showgrid": False,
            "zeroline": False,
        },
    )
    return drawn


def _pauses(events: Iterable[RunEvent]) -> dict[str, list[tuple[datetime, datetime | None]]]:
    """Return from when to when each node waited; None while it still does."""
    found: dict[str, list[tuple[datetime, datetime | None]]] = {}
    for event in events:
        if event.node_id is None:
            continue
        mine = found.setdefault(event.node_id, [])
        is_open = bool(mine) and mine[-1][1] is None
        if event.kind == "node_waiting" and not is_open:
            mine.append((event.at, None))
        elif event.kind in ("node_started", "node_finished", "node_failed", "node_settled") and is_open:
            mine[-1] = (mine[-1][0], event.at)
    return found


def _told(span: Span, titles: Mapping[str, str]) -> str:
    name = _plain(titles.get(span.node_id, span.node_id))
    return "<br>".join(filter(None, [name, f"{span.doing} {formats.duration(span.seconds)}", span.cost]))


def _plain(text: str) -> str:
    """Return text in which the chart finds no tags."""
    short = text if len(text) <= 28 else f"{text[:27]}…"
    return short.replace("&", "&amp;").replace("<", "&lt;")
