"""How long the largest graph takes to be judged, and to be read."""

from __future__ import annotations

import time
from collections.abc import Callable

from core.engine.graph import Graph, read_graph
from core.engine.rules import check_graph
from tests.support.graphs import KINDS, largest

TIMES = 30


def main(report: Callable[[str, list[float]], None]) -> None:
    """Report milliseconds of 200 nodes and nearly 1,000 edges."""
    graph = largest()
    document = graph.document()
    # Each time a new graph: what is found out about one is kept.
    judging = [_ms(lambda: check_graph(Graph(graph.nodes, graph.edges), KINDS)) for _ in range(TIMES)]
    report("judging 200 nodes, ms", judging)
    report("reading 200 nodes, ms", [_ms(lambda: read_graph(document)) for _ in range(TIMES)])


def _ms(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000
