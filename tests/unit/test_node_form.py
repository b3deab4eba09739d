"""The form of a node: what is typed becomes the settings, whatever the widget."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from app.ui import node_form, node_form_trial, workflow_inputs
from app.ui.node_form_fields import WIDGETS
from core.engine.forms import Widget
from core.engine.graph import read_graph
from core.engine.nodes.registry import all_kinds
from core.engine.rules import Offer, upstream_values
from core.errors import Invalid


def test_there_is_a_way_to_draw_every_widget() -> None:
    assert set(WIDGETS) == set(get_args(Widget))


def test_every_kind_asks_for_what_can_be_drawn() -> None:
    for kind in all_kinds().values():
        assert {field.widget for field in kind.form} <= set(WIDGETS), kind.name


@pytest.mark.parametrize(
    ("typed", "wanted", "value"),
    [
        ("nobody", "text", "nobody"),
        ("5,000", "number", 5000),
        ("yes", "boolean", True),
        ("[1]", "list", [1]),
        ('{"a": 1}', "any", {"a": 1}),
        ("just words", "any", "just words"),
    ],
)
def test_a_default_is_read_as_what_the_node_gives(typed: str, wanted: Any, value: Any) -> None:
    assert node_form.read_default(typed, wanted) == value


def test_a_default_of_another_type_is_refused() -> None:
    with pytest.raises(ValueError, match="number"):
        node_form.read_default("many", "number")


def test_a_node_is_tried_with_what_it_asks_for_and_what_leads_to_it() -> None:
    graph = read_graph(
        {
            "nodes": [
                {"id": "start", "kind": "input", "fields": [{"name": "text", "type": "text"}, {"name": "other"}]},
                {"id": "first", "kind": "template", "text": "{{text}}"},
                {"id": "second", "kind": "template", "text": "{{first}} and {{text}}"},
            ],
            "edges": [{"source": "start", "target": "first"}, {"source": "first", "target": "second"}],
        }
    )

    def asked(node_id: str) -> list[str]:
        offers = {offer.path: offer for offer in upstream_values(graph, node_id)}
        return [offer.path for offer in node_form_trial.wanted(graph, node_id, offers)]

    assert asked("first") == ["text"]
    assert asked("second") == ["first", "text"]


def test_a_value_to_try_with_is_read_as_its_type() -> None:
    assert node_form_trial.read(" ", Offer("a", "A", "number")) is None
    assert node_form_trial.read("12.5", Offer("a", "A", "number")) == 12.5
    assert node_form_trial.read("words", Offer("a", "A", "any")) == "words"
    with pytest.raises(Invalid, match="A: Enter a number"):
        node_form_trial.read("words", Offer("a", "A", "number"))


def test_a_list_is_typed_line_by_line_or_as_json() -> None:
    assert workflow_inputs.as_list("one\n\n  two ") == ["one", "two"]
    assert workflow_inputs.as_list(' ["one"]') == ' ["one"]'
    assert workflow_inputs.as_list(" \n") == ""
