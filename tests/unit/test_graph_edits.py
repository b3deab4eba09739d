"""What people do to a graph: each step keeps it of the right form, and does what its name says."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.engine import graph_edits
from core.engine.graph import MAX_LABEL, Edge, Graph, Handling, Node, in_order, read_graph
from core.engine.nodes.registry import all_kinds
from core.errors import Invalid

AGENT = all_kinds()["agent"]
TARGETS = [kind for kind in all_kinds().values() if kind.is_target and kind.is_source]


def graph(*edges: tuple[str, str] | tuple[str, str, str], **configs: dict[str, Any]) -> Graph:
    """Return agents a, b, c … with these edges."""
    names = sorted({name for edge in edges for name in edge[:2]} | set(configs))
    nodes = [{"id": name, "kind": "agent", **configs.get(name, {})} for name in names]
    return read_graph(
        {"nodes": nodes, "edges": [dict(zip(("source", "target", "when"), e, strict=False)) for e in edges]}
    )


def ends(found: Graph) -> set[tuple[str, ...]]:
    return {(e.source, e.target, e.when) if e.when else (e.source, e.target) for e in found.edges}


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Graphs without circles, of any kinds in between, some with a way on from a failure."""
    kinds = draw(st.lists(st.sampled_from(TARGETS), min_size=1, max_size=7))
    nodes = tuple(
        Node(
            f"n{number}",
            kind.name,
            dict(kind.initial),
            draw(st.sampled_from(["", "Name", "Näme 2"])),
            draw(st.none() | st.just((float(number) * 280, 0.0))),
            Handling(on_error=draw(st.sampled_from(["stop", "branch"]))),
        )
        for number, kind in enumerate(kinds)
    )
    edges = [
        Edge(a.id, b.id, way.name)
        for number, a in enumerate(nodes)
        for b in nodes[number + 1 :]
        for way in graph_edits.ways_on(a)
    ]
    chosen = draw(st.lists(st.sampled_from(edges), unique=True)) if edges else []
    return Graph(nodes, tuple(chosen))


def choose(data: st.DataObject, found: Graph) -> Node:
    return data.draw(st.sampled_from(found.nodes))


def is_sound(found: Graph) -> bool:
    """Whether it can be stored, and read as the same."""
    return read_graph(found.document()) == found


# --- properties ---------------------------------------------------------------------------------


@given(graphs(), st.data())
def test_any_step_gives_a_graph_that_can_be_stored(found: Graph, data: st.DataObject) -> None:
    node, other = choose(data, found), choose(data, found)
    way = data.draw(st.sampled_from(graph_edits.ways_on(other) or [None]))
    when = way.name if way else ""
    kind = data.draw(st.sampled_from(list(all_kinds().values())))
    steps = [
        lambda: graph_edits.add_node(found, kind)[0],
        lambda: graph_edits.add_node(found, kind, after=other.id, when=when, is_between=True)[0],
        lambda: graph_edits.remove_node(found, node.id),
        lambda: graph_edits.duplicate(found, node.id)[0],
        lambda: graph_edits.connect(found, other.id, node.id, when),
        lambda: graph_edits.move_node(found, node.id, other.id, when),
        lambda: graph_edits.rename_id(found, node.id, "another"),
        lambda: graph_edits.rename_label(found, node.id, "Another"),
    ]
    for step in steps:
        try:
            changed = step()
        except Invalid:
            continue
        assert is_sound(changed)


@given(graphs(), st.data())
def test_a_new_node_can_be_removed_without_a_trace(found: Graph, data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(TARGETS))
    other = choose(data, found)
    ways = graph_edits.ways_on(other)
    grown, node = graph_edits.add_node(found, kind, after=other.id, when=data.draw(st.sampled_from(ways)).name)
    assert grown.nodes[-1] is node
    assert graph_edits.remove_node(grown, node.id) == found


@given(graphs(), st.data())
def test_connecting_is_undone_by_disconnecting(found: Graph, data: st.DataObject) -> None:
    source, target = choose(data, found), choose(data, found)
    when = data.draw(st.sampled_from(graph_edits.ways_on(source))).name
    edge = Edge(source.id, target.id, when)
    if source == target or edge in found.edges or target.id in found.upstream[source.id]:
        with pytest.raises(Invalid):
            graph_edits.connect(found, source.id, target.id, when)
    else:
        connected = graph_edits.connect(found, source.id, target.id, when)
        assert edge in connected.edges
        assert graph_edits.disconnect(connected, source.id, target.id, when) == found


@given(graphs(), st.data())
def test_moving_a_node_makes_no_circle_and_puts_it_where_it_was_told(found: Graph, data: st.DataObject) -> None:
    node, after = choose(data, found), choose(data, found)
    if node == after:
        return
    when = data.draw(st.sampled_from(graph_edits.ways_on(after))).name
    moved = graph_edits.move_node(found, node.id, after.id, when)
    assert list(moved.incoming[node.id]) == [Edge(after.id, node.id, when)]
    assert len(in_order(moved)) == len(found.nodes)


@given(graphs(), st.data())
def test_a_renamed_node_keeps_its_place_and_comes_back(found: Graph, data: st.DataObject) -> None:
    node = choose(data, found)
    renamed = graph_edits.rename_id(found, node.id, "another-one")
    assert graph_edits.rename_id(renamed, "another-one", node.id) == found


@given(graphs(), st.data())
def test_a_copy_stands_alone_and_differs_only_in_its_names(found: Graph, data: st.DataObject) -> None:
    node = choose(data, found)
    grown, copy = graph_edits.duplicate(found, node.id)
    assert (copy.kind, copy.config, copy.handling) == (node.kind, node.config, node.handling)
    assert not grown.incoming[copy.id]
    assert not grown.outgoing[copy.id]
    assert len({one.id for one in grown.nodes}) == len(found.nodes) + 1


# --- adding, moving, connecting -----------------------------------------------------------------


def test_a_node_put_in_between_takes_over_what_followed() -> None:
    grown, node = graph_edits.add_node(graph(("a", "b"), ("a", "c")), AGENT, after="a", is_between=True)
    assert ends(grown) == {("a", node.id), (node.id, "b"), (node.id, "c")}
    grown, node = graph_edits.add_node(graph(("a", "b")), AGENT, after="a")
    assert ends(grown) == {("a", "b"), ("a", node.id)}


def test_new_nodes_are_told_apart_by_name() -> None:
    found = Graph(())
    for _ in range(3):
        found, _node = graph_edits.add_node(found, AGENT)
    assert [node.id for node in found.nodes] == ["agent_1", "agent_2", "agent_3"]
    assert [node.label for node in found.nodes] == ["Agent", "Agent 2", "Agent 3"]


def test_a_new_node_lies_on_no_other() -> None:
    found = graph(a={"position": {"x": 0, "y": 0}})
    for _ in range(4):
        found, _node = graph_edits.add_node(found, AGENT, after="a")
    places = [node.position for node in found.nodes]
    assert len(set(places)) == len(places)


def test_a_new_node_is_not_called_like_an_input() -> None:
    found = read_graph({"nodes": [{"id": "in", "kind": "input", "fields": [{"name": "agent_1"}]}], "edges": []})
    assert graph_edits.add_node(found, AGENT)[1].id == "agent_2"
    with pytest.raises(Invalid, match="already"):
        graph_edits.rename_id(found, "in", "agent_1")


def test_a_moved_node_leaves_its_neighbours_connected() -> None:
    found = graph(("a", "b"), ("b", "c"), ("c", "d"))
    assert ends(graph_edits.move_node(found, "b", "c")) == {("a", "c"), ("c", "b"), ("b", "d")}


def test_a_moved_node_takes_its_way_on_from_a_failure_along() -> None:
    found = graph(("a", "b"), ("b", "c"), ("b", "e", "error"), ("c", "d"), b={"on_error": "branch"})
    assert ends(graph_edits.move_node(found, "b", "c")) == {
        ("a", "c"),
        ("c", "b"),
        ("b", "d"),
        ("b", "e", "error"),
    }
    assert ("b", "e", "error") not in ends(graph_edits.move_node(found, "b", "e"))


def test_a_way_that_is_not_there_cannot_be_taken() -> None:
    with pytest.raises(Invalid, match="Nothing can follow"):
        graph_edits.connect(graph(a={}, b={}), "a", "b", "no such way")
    with pytest.raises(Invalid, match="follow itself"):
        graph_edits.connect(graph(a={}), "a", "a")
    with pytest.raises(Invalid, match="wait for each other"):
        graph_edits.connect(graph(("a", "b"), ("b", "c")), "c", "a")


@pytest.mark.parametrize(
    "step",
    [
        lambda g: graph_edits.add_node(g, AGENT, after="gone"),
        lambda g: graph_edits.remove_node(g, "gone"),
        lambda g: graph_edits.duplicate(g, "gone"),
        lambda g: graph_edits.connect(g, "gone", "a"),
        lambda g: graph_edits.connect(g, "a", "gone"),
        lambda g: graph_edits.disconnect(g, "a", "gone"),
        lambda g: graph_edits.move_node(g, "a", "gone"),
        lambda g: graph_edits.rename_id(g, "gone", "b"),
        lambda g: graph_edits.configure(g, "gone", label="", config={}, handling=Handling()),
    ],
)
def test_a_node_that_somebody_removed_is_missed_with_a_sentence(step: Any) -> None:
    with pytest.raises(Invalid):
        step(graph(a={}))


# --- names --------------------------------------------------------------------------------------


def test_references_follow_a_renamed_node() -> None:
    found = graph(("a", "b"), b={"task": "Sum {{a}}, {{ a.total }} and {{a-1}}, {{ab}}, not {{b.a}} nor {a}"})
    renamed = graph_edits.rename_id(found, "a", "invoice")
    assert renamed.by_id["b"].config["task"] == (
        "Sum {{invoice}}, {{ invoice.total }} and {{a-1}}, {{ab}}, not {{b.a}} nor {a}"
    )
    assert ends(renamed) == {("invoice", "b")}


@pytest.mark.parametrize("name", ["", "two words", "a.b", "{{a}}", "item", "__proto__", "x" * 81, "b"])
def test_a_short_name_that_cannot_stand_in_a_reference_is_refused(name: str) -> None:
    with pytest.raises(Invalid):
        graph_edits.rename_id(graph(a={}, b={}), "a", name)


def test_a_name_is_kept_in_one_line_and_short() -> None:
    assert graph_edits.rename_label(graph(a={}), "a", "  Ask \n Finance ").by_id["a"].label == "Ask Finance"
    with pytest.raises(Invalid):
        graph_edits.rename_label(graph(a={}), "a", "x" * (MAX_LABEL + 1))


def test_no_reference_of_any_kind_is_left_behind() -> None:
    """What a kind says it uses is what is renamed."""
    for kind in all_kinds().values():
        for node in (Node("b", kind.name, config) for config in EXAMPLES.get(kind.name, [])):
            used = {use.path.split(".")[0] for use in kind.uses(node)}
            assert "a" in used, kind.name
            changed = graph_edits.rename_id(Graph((Node("a", "agent", {}), node)), "a", "other").by_id["b"]
            after = {use.path.split(".")[0] for use in kind.uses(changed)}
            assert after == (used - {"a"}) | {"other"}, kind.name


EXAMPLES: dict[str, list[dict[str, Any]]] = {"agent": [{"task": "{{a.x}} and {{b}}"}]}


# --- saving a form ------------------------------------------------------------------------------


def test_a_saved_form_replaces_settings_and_keeps_the_rest() -> None:
    found = graph(("a", "b"), a={"task": "old", "position": {"x": 1, "y": 2}})
    changed = graph_edits.configure(found, "a", label="Sum", config={"task": "new"}, handling=Handling(3, 10.0))
    node = changed.by_id["a"]
    assert (node.config, node.label, node.position, node.handling) == (
        {"task": "new"},
        "Sum",
        (1.0, 2.0),
        Handling(3, 10.0),
    )
    assert changed.edges == found.edges


def test_a_way_on_that_is_given_up_takes_its_edges_with_it() -> None:
    found = graph(("a", "b"), ("a", "c", "error"), a={"on_error": "branch"})
    changed = graph_edits.configure(found, "a", label="", config={}, handling=Handling())
    assert ends(changed) == {("a", "b")}
