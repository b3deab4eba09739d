"""A graph runs in the order of its edges, or it is refused with a sentence before anything is sent."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.engine.graph import MAX_NODES, Node, parse_graph
from core.engine.nodes.registry import check_node
from core.errors import GraphInvalid

Document = dict[str, Any]


def _document(nodes: list[str], *edges: tuple[str, str]) -> Document:
    return {
        "nodes": [{"id": name, "kind": "agent"} for name in nodes],
        "edges": [{"source": source, "target": target} for source, target in edges],
    }


@st.composite
def acyclic_documents(draw: st.DrawFn) -> Document:
    """Any names in any order; edges lead from a smaller hidden number to a larger one, so never in circles."""
    names = draw(st.lists(st.from_regex(r"[\w-]{1,8}", fullmatch=True), min_size=1, max_size=12, unique=True))
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    edges = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    return _document(draw(st.permutations(names)), *edges)


@given(acyclic_documents())
def test_a_graph_is_ordered_so_that_sources_come_first(document: Document) -> None:
    graph = parse_graph(document)
    place = {node.id: index for index, node in enumerate(graph.nodes)}
    assert sorted(place) == sorted(node["id"] for node in document["nodes"])
    for edge in document["edges"]:
        assert place[edge["source"]] < place[edge["target"]]
        assert edge["source"] in graph.sources_of(edge["target"])
    assert graph.final_nodes()


@given(acyclic_documents())
def test_a_graph_reads_its_own_document_as_itself(document: Document) -> None:
    graph = parse_graph(document)
    assert parse_graph(graph.document()) == graph


@given(acyclic_documents(), st.data())
def test_a_graph_with_any_edge_turned_back_is_refused(document: Document, data: st.DataObject) -> None:
    if not document["edges"]:
        return
    edge = data.draw(st.sampled_from(document["edges"]))
    document["edges"].append({"source": edge["target"], "target": edge["source"]})
    with pytest.raises(GraphInvalid, match="circle"):
        parse_graph(document)


def test_equals_keep_the_order_in_which_they_were_given() -> None:
    graph = parse_graph(_document(["z", "b", "a", "c"], ("c", "a")))
    assert [node.id for node in graph.nodes] == ["z", "b", "c", "a"]
    assert graph.final_nodes() == ("z", "b", "a")


def test_a_node_keeps_its_settings() -> None:
    graph = parse_graph({"nodes": [{"id": "a", "kind": "agent", "task": "t", "x": [1]}]})
    assert graph.nodes == (Node("a", "agent", {"task": "t", "x": [1]}),)


def test_a_graph_of_the_largest_size_is_ordered_quickly() -> None:
    names = [f"n{i}" for i in range(MAX_NODES)]
    edges = [(names[i], names[j]) for i in range(MAX_NODES) for j in range(i + 1, min(i + 6, MAX_NODES))]
    graph = parse_graph(_document(names[::-1], *edges[:1000]))
    assert [node.id for node in graph.nodes] == names


NODE = {"id": "a", "kind": "agent"}
WRONG: dict[str, Any] = {
    "not an object": [],
    "text": "nodes",
    "nothing": None,
    "no nodes": {},
    "empty nodes": {"nodes": []},
    "nodes as object": {"nodes": {"a": NODE}},
    "nodes as number": {"nodes": 5},
    "node as text": {"nodes": ["a"]},
    "node as nothing": {"nodes": [None]},
    "10,000 nodes": _document([f"n{i}" for i in range(10_000)]),
    "1,001 edges": {"nodes": [NODE], "edges": [{"source": "a", "target": "a"}] * 1001},
    "no id": {"nodes": [{"kind": "agent"}]},
    "id as number": {"nodes": [{"id": 1, "kind": "agent"}]},
    "id as list": {"nodes": [{"id": ["a"], "kind": "agent"}]},
    "empty id": {"nodes": [{"id": "", "kind": "agent"}]},
    "long id": {"nodes": [{"id": "a" * 81, "kind": "agent"}]},
    "unprintable id": {"nodes": [{"id": "a\x00", "kind": "agent"}]},
    "lone surrogate id": {"nodes": [{"id": "\ud800", "kind": "agent"}]},
    "no kind": {"nodes": [{"id": "a"}]},
    "kind as object": {"nodes": [{"id": "a", "kind": {}}]},
    "duplicate id": _document(["a", "a"]),
    "edges as object": {"nodes": [NODE], "edges": {}},
    "edges as nothing": {"nodes": [NODE], "edges": None},
    "edge as text": {"nodes": [NODE], "edges": ["a"]},
    "edge as pair": {"nodes": [NODE], "edges": [["a", "a"]]},
    "edge end as list": {"nodes": [NODE], "edges": [{"source": ["a"], "target": "a"}]},
    "edge from unknown": _document(["a"], ("b", "a")),
    "edge to unknown": _document(["a"], ("a", "b")),
    "edge to a prototype": _document(["a"], ("a", "__proto__")),
    "edge to a method": _document(["a"], ("a", "__class__")),
    "self loop": _document(["a"], ("a", "a")),
    "circle of two": _document(["a", "b"], ("a", "b"), ("b", "a")),
    "circle behind a start": _document(["s", "a", "b"], ("s", "a"), ("a", "b"), ("b", "a")),
    "duplicate edge": _document(["a", "b"], ("a", "b"), ("a", "b")),
}


@pytest.mark.parametrize("document", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_graph_is_refused_with_a_sentence(document: Any) -> None:
    with pytest.raises(GraphInvalid) as caught:
        parse_graph(document)
    assert caught.value.sentence.startswith("This workflow cannot run: ")
    assert caught.value.sentence.endswith(".")


@pytest.mark.parametrize("kind", ["__proto__", "__class__", "constructor", "base", "registry", "", "AGENT"])
def test_a_node_of_a_kind_nobody_wrote_is_refused(kind: str) -> None:
    with pytest.raises(GraphInvalid, match="unknown kind"):
        check_node(Node("a", kind, {}))


@pytest.mark.parametrize("name", ["__proto__", "constructor", "prototype", "item", "a b", "a.b", "{{a}}", "ä" * 81])
def test_a_node_with_a_name_that_means_something_else_is_refused(name: str) -> None:
    with pytest.raises(GraphInvalid, match=r"no node can be called|no proper id"):
        parse_graph(_document([name]))


AGENT = {"name": "n", "department": "hr", "role": "r", "goal": "g", "key_id": "key_1", "model": "m"}


def test_a_complete_agent_node_passes_its_check() -> None:
    check_node(Node("a", "agent", {"agent": AGENT, "task": "{{input}}"}))


@pytest.mark.parametrize(
    "config",
    [{}, {"agent": None}, {"agent": []}, {"agent": {**AGENT, "goal": ""}}, {"agent": AGENT, "task": 1}],
    ids=str,
)
def test_an_incomplete_agent_node_is_refused(config: dict[str, Any]) -> None:
    with pytest.raises(GraphInvalid):
        check_node(Node("a", "agent", config))
