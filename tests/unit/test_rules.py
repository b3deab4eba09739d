"""What is wrong with a graph is found, named and put where it can be mended; what is right is left alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.engine.graph import Edge, Graph, Handling
from core.engine.problems import Problem
from core.engine.rules import check_graph, upstream_values
from core.engine.template import paths_in
from tests.support.graphs import KINDS, acyclic_graphs, graph_of

FORK = {"kind": "fork"}
OUTPUT = {"kind": "output"}


def _check(graph: Graph) -> tuple[Problem, ...]:
    return check_graph(graph, KINDS)


def _codes(graph: Graph) -> list[str]:
    return [problem.code for problem in _check(graph)]


def _only(graph: Graph) -> Problem:
    (problem,) = _check(graph)
    return problem


def _inputs(**fields: str) -> dict[str, Any]:
    return {"kind": "input", "fields": [{"name": name, "type": of} for name, of in fields.items()]}


def _failing(graph: Graph, node_id: str, **handling: Any) -> Graph:
    nodes = (replace(n, handling=Handling(**handling)) if n.id == node_id else n for n in graph.nodes)
    return Graph(tuple(nodes), graph.edges)


# --- random graphs ---


@given(acyclic_graphs())
def test_a_graph_without_circles_that_asks_only_for_what_comes_before_has_no_errors(graph: Graph) -> None:
    assert [problem for problem in _check(graph) if problem.code != "node_alone"] == []


@given(acyclic_graphs(), st.data())
def test_an_edge_back_makes_one_circle_that_is_named(graph: Graph, data: st.DataObject) -> None:
    pairs = [(before, node.id) for node in graph.nodes for before in sorted(graph.upstream[node.id])]
    if not pairs:
        return
    before, after = data.draw(st.sampled_from(pairs))
    turned = Graph(graph.nodes, (*graph.edges, Edge(after, before)))
    (problem,) = [found for found in _check(turned) if found.code != "node_alone"]
    assert (problem.code, problem.node_id, problem.target) == ("circle", after, before)
    assert before in problem.sentence
    assert after in problem.sentence


@given(acyclic_graphs(), st.data())
def test_a_value_whose_edges_are_taken_away_becomes_a_problem(graph: Graph, data: st.DataObject) -> None:
    asking = [node for node in graph.nodes if paths_in(node.config["text"])]
    if not asking:
        return
    node = data.draw(st.sampled_from(asking))
    asked = data.draw(st.sampled_from(paths_in(node.config["text"])))
    cut = Graph(graph.nodes, tuple(edge for edge in graph.edges if asked not in (edge.source, edge.target)))
    found = [
        problem for problem in _check(cut) if problem.node_id == node.id and f"{{{{{asked}}}}}" in problem.sentence
    ]
    assert [(problem.code, problem.field) for problem in found] == [("value_not_upstream", "text")]


@given(acyclic_graphs())
def test_what_is_offered_is_what_may_be_asked_for(graph: Graph) -> None:
    for node in graph.nodes:
        offers = upstream_values(graph, node.id, KINDS)
        assert {offer.path for offer in offers} == graph.upstream[node.id]
        text = " ".join(f"{{{{{offer.path}}}}}" for offer in offers)
        asks = tuple(replace(n, config={"text": text}) if n.id == node.id else n for n in graph.nodes)
        assert [p for p in _check(Graph(asks, graph.edges)) if p.node_id == node.id and not p.is_warning] == []


# --- the form of a graph ---


def test_an_empty_graph_has_nothing_in_it() -> None:
    assert _codes(graph_of({})) == ["graph_empty"]


def test_a_node_that_waits_for_itself_is_named() -> None:
    problem = _only(graph_of({"a": {}}, "a > a"))
    assert (problem.code, problem.node_id, problem.target) == ("self_loop", "a", "a")


def test_every_circle_is_told_once() -> None:
    graph = graph_of({name: {} for name in "abcdef"}, "a > b", "b > a", "b > c", "c > d", "d > e", "e > c", "e > f")
    assert [(p.code, p.sentence) for p in _check(graph) if not p.is_warning] == [
        ("circle", "a and b wait for each other in a circle."),
        ("circle", "c, d and e wait for each other in a circle."),
    ]


def test_a_node_of_an_unknown_kind_is_named_and_gives_anything() -> None:
    graph = graph_of({"a": {"kind": "constructor"}, "b": {"text": "{{a.x.y}}", "wants": "number"}}, "a odd > b")
    assert (_only(graph).code, _only(graph).node_id) == ("kind_unknown", "a")


def test_a_node_says_what_is_wrong_with_its_own_settings() -> None:
    assert _only(graph_of({"a": {"wrong": "it is empty."}})) == Problem("own", "it is empty.", "a")


def test_a_lonely_node_among_others_is_only_warned_about() -> None:
    problem = _only(graph_of({"a": {}, "b": {}, "c": {}}, "a > b"))
    assert (problem.code, problem.node_id, problem.is_warning) == ("node_alone", "c", True)
    assert _codes(graph_of({"a": {}})) == []


def test_an_input_without_edges_is_fine_where_its_fields_are_used() -> None:
    assert _codes(graph_of({"in": _inputs(x="text"), "a": {"text": "{{x}}"}})) == ["node_alone"]
    assert _codes(graph_of({"in": _inputs(x="text"), "a": {}, "b": {"text": "{{x}}"}}, "a > b")) == []
    assert _codes(graph_of({"in": _inputs(x="text"), "a": {}, "b": {}}, "a > b")) == ["node_alone"]


def test_nothing_leads_to_a_beginning_or_away_from_an_end() -> None:
    graph = graph_of({"in": _inputs(), "a": {}, "out": OUTPUT}, "a > in", "out > a")
    assert {"edge_into_start", "edge_out_of_end"} <= set(_codes(graph))
    (start,) = [problem for problem in _check(graph) if problem.code == "edge_into_start"]
    assert (start.node_id, start.target) == ("a", "in")


def test_a_join_needs_two_ways() -> None:
    assert _codes(graph_of({"a": {}, "j": {"kind": "join"}}, "a > j")) == ["join_narrow"]
    assert _codes(graph_of({"a": {}, "j": {"kind": "join"}}, "a > a", "j > a")) == ["self_loop", "join_narrow"]
    assert _codes(graph_of({"f": FORK, "j": {"kind": "join"}}, "f yes > j", "f no > j")) == []


def test_a_body_of_another_kind_is_refused() -> None:
    assert _codes(graph_of({"a": {"kind": "for_each", "body": {"kind": "step"}}})) == []
    for kind in ("join", "for_each", ["step"], None):
        problem = _only(graph_of({"a": {"kind": "for_each", "body": {"kind": kind}}}))
        assert (problem.code, problem.field) == ("body_wrong", "body")


# --- names ---


def test_two_inputs_of_one_name_are_told() -> None:
    graph = graph_of({"in": {"kind": "input", "fields": [{"name": "x", "type": "text"}] * 2}})
    assert _codes(graph) == ["field_twice"]


@pytest.mark.parametrize("name", ["in", "a", "item", "constructor"])
def test_an_input_called_like_something_else_is_told(name: str) -> None:
    assert "field_like_node" in _codes(graph_of({"in": _inputs(**{name: "text"}), "a": {}}, "in > a"))


def test_two_outputs_of_one_name_are_told() -> None:
    graph = graph_of({"a": {}, "o": {**OUTPUT, "name": "x"}, "p": {**OUTPUT, "name": "x"}}, "a > o", "a > p")
    assert (_only(graph).code, _only(graph).node_id) == ("output_twice", "p")


def test_a_second_input_is_told() -> None:
    assert _codes(graph_of({"a": _inputs(), "b": _inputs(), "c": {}}, "a > c", "b > c")) == ["input_several"]


# --- ways ---


def test_a_way_that_nothing_follows_is_warned_about() -> None:
    problem = _only(graph_of({"f": FORK, "a": {}}, "f yes > a"))
    assert (problem.code, problem.is_warning, problem.sentence) == ("way_open", True, "nothing follows f on: No.")


@pytest.mark.parametrize(("edge", "word"), [("f > a", "Choose: Yes, No"), ("f maybe > a", "on maybe")])
def test_an_edge_for_an_answer_that_never_comes_is_told(edge: str, word: str) -> None:
    problem = _check(graph_of({"f": FORK, "a": {}}, edge))[0]
    assert (problem.code, problem.node_id, problem.target) == ("way_unknown", "f", "a")
    assert word in problem.sentence


def test_what_only_such_an_edge_leads_to_never_runs() -> None:
    graph = graph_of({"f": FORK, "a": {}, "b": {}, "c": {}}, "f maybe > a", "a > b", "f yes > c")
    assert [p.node_id for p in _check(graph) if p.code == "unreachable"] == ["a", "b"]


def test_a_way_on_after_a_failure_needs_both_ends() -> None:
    graph = graph_of({"a": {}, "b": {}}, "a error > b")
    assert _codes(graph) == ["error_way_without", "unreachable"]
    assert _codes(_failing(graph, "a", on_error="branch")) == []
    assert _codes(_failing(graph_of({"a": {}, "b": {}}, "a > b"), "a", on_error="branch")) == ["error_way_open"]


def test_a_fork_that_takes_a_value_after_a_failure_has_no_way_on() -> None:
    graph = graph_of({"f": FORK, "a": {}}, "f yes > a", "f no > a")
    assert _codes(_failing(graph, "f", on_error="default", default="x")) == ["default_way_open"]


@pytest.mark.parametrize(
    ("gives", "default", "is_right"),
    [("text", "x", True), ("text", 5, False), ("number", True, False), ("number", 5, True), ("any", [], True),
     ("boolean", False, True), ("boolean", "no", False), ("object", {}, True), ("list", {}, False)],
)  # fmt: skip
def test_a_default_has_the_type_of_the_output(gives: str, default: Any, is_right: bool) -> None:
    graph = _failing(graph_of({"a": {"gives": gives}}), "a", on_error="default", default=default)
    assert _codes(graph) == ([] if is_right else ["default_wrong"])


# --- values ---


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ("x", None), ("in", None), ("in.x", None), ("a.city", None), ("rows.0.name", None), ("rows.0", None),
        ("free.any.thing", None), ("doc.text", None), ("a.more.deep", None),
        ("nobody", "value_unknown"), ("later", "value_not_upstream"), ("z", "value_not_upstream"),
        ("item", "item_outside"), ("in.y", "value_field_unknown"), ("x.y", "value_field_unknown"),
        ("a.town", "value_field_unknown"), ("rows.name", "value_field_unknown"),
        ("rows.0.town", "value_field_unknown"), ("doc.pages", "value_field_unknown"),
    ],
)  # fmt: skip
def test_a_value_is_there_or_its_problem_is_told(asked: str, code: str | None) -> None:
    graph = graph_of(
        {
            "in": _inputs(x="text"),
            "a": {"gives": "object", "fields": {"city": "text", "more": "object"}},
            "rows": {"gives": "list", "fields": {"name": "text"}},
            "free": {"gives": "any"},
            "doc": {"gives": "file"},
            "z": {"text": f"{{{{{asked}}}}}"},
            "later": {},
        },
        "in > a", "a > rows", "rows > free", "free > doc", "doc > z", "z > later",
    )  # fmt: skip
    assert [(p.code, p.node_id, p.field) for p in _check(graph)] == ([(code, "z", "text")] if code else [])


@pytest.mark.parametrize(
    ("gives", "wants", "is_right"),
    [("text", "number", False), ("number", "text", True), ("object", "text", True), ("any", "number", True),
     ("number", "any", True), ("list", "list", True), ("object", "list", False), ("date", "number", False)],
)  # fmt: skip
def test_a_value_of_another_type_is_told(gives: str, wants: str, is_right: bool) -> None:
    graph = graph_of({"a": {"gives": gives}, "b": {"text": "{{a}}", "wants": wants}}, "a > b")
    assert _codes(graph) == ([] if is_right else ["value_type"])


def test_an_item_is_seen_in_a_for_each_with_the_fields_of_its_list() -> None:
    nodes = {
        "rows": {"gives": "list", "fields": {"name": "text"}},
        "f": {"kind": "for_each", "items": "rows", "body": {"kind": "step"}, "text": "{{item.name}} {{item.town}}"},
    }
    graph = graph_of(nodes, "rows > f")
    assert [(p.code, "town" in p.sentence) for p in _check(graph)] == [("value_field_unknown", True)]
    offers = upstream_values(graph, "f", KINDS, in_body=True)
    assert [offer.path for offer in offers] == ["item", "item.name", "rows"]
    assert [offer.path for offer in upstream_values(graph, "f", KINDS)] == ["rows"]


def test_offers_have_titles_and_types_and_certain_ones_come_first() -> None:
    graph = graph_of(
        {
            "in": _inputs(amount="number"),
            "f": FORK,
            "a": {"label": "Extract", "gives": "object", "fields": {"city": "text"}},
            "b": {},
        },
        "in > f", "f yes > a", "f no > b", "a > b",
    )  # fmt: skip
    assert [(o.path, o.title, o.type, o.is_certain) for o in upstream_values(graph, "b", KINDS)] == [
        ("amount", "amount", "number", True),
        ("in", "in", "object", True),
        ("f", "f", "text", True),
        ("a", "Extract", "object", False),
        ("a.city", "Extract: city", "text", False),
    ]
    assert upstream_values(graph, "nobody", KINDS) == ()
