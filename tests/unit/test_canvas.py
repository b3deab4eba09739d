"""What goes to the canvas and what comes back from it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.ui.canvas import KindCard, NodeFace, NodeState, Outcome
from app.ui.canvas.hearing import Hearing
from app.ui.canvas.payload import Message, read, scene

EMPTY: dict[str, Any] = {"nodes": [], "edges": []}
ONE: dict[str, Any] = {"nodes": [{"id": "a", "kind": "agent"}], "edges": []}
TWO: dict[str, Any] = {"nodes": [*ONE["nodes"], {"id": "b", "kind": "agent"}], "edges": []}


def test_a_scene_is_json_and_keeps_the_graph_as_it_is() -> None:
    graph = {**ONE, "edges": ({"source": "a", "target": "a", "note": [1]},), "version": 3}
    drawn = scene(
        graph,
        7,
        kinds=[KindCard("agent", "Agent", "agent", "Work", "One agent.", {"task": ""})],
        faces={"__proto__": NodeFace("A", outcomes=(Outcome("", "then"),), problems=("The task is empty.",))},
        states={"a": NodeState("running", cost="$0.01")},
        selected="a",
        is_read_only=True,
        height=400,
    )
    again = json.loads(json.dumps(drawn))
    assert again["graph"] == json.loads(json.dumps(graph))
    assert again["faces"][0][0] == "__proto__"
    assert again["faces"][0][1]["outcomes"] == [{"name": "", "label": "then"}]
    assert again["kinds"][0]["initial"] == {"task": ""}
    assert again["states"] == [["a", {**again["states"][0][1], "status": "running", "cost": "$0.01"}]]


@pytest.mark.parametrize(
    "sent",
    [
        None,
        "text",
        [],
        {"graph": 3, "number": "1", "opened": 5, "selected": ""},
        {"graph": {"nodes": "no", "edges": []}, "number": -1},
        {"graph": {"nodes": [1], "edges": []}, "base_revision": True},
        {"graph": {"nodes": [{"id": 1}], "edges": []}},
        {"graph": {"nodes": [], "edges": [{"source": "a"}]}},
    ],
)
def test_a_message_of_another_form_says_nothing(sent: object) -> None:
    assert read(sent) == Message()


def test_a_message_is_read_whole() -> None:
    sent: dict[str, Any] = {"graph": ONE, "base_revision": 2, "number": 3, "opened": "a", "opening": 1}
    assert read({**sent, "selected": "b", "telling": 9}) == Message(ONE, 2, 3, "a", 1, "b", 9)


def test_a_change_that_follows_a_saved_one_is_based_on_what_that_became() -> None:
    hearing = Hearing().drawn(EMPTY, 1)
    hearing, event = hearing.told(Message(ONE, 1, 1), 1)
    assert (event.base_revision, event.number, hearing.settled) == (1, 1, 1)
    # The page saves it as revision 2; the canvas, which has not heard of that, sends its next change.
    hearing = hearing.drawn(ONE, 2)
    hearing, event = hearing.told(Message(TWO, 1, 2), 2)
    assert (event.base_revision, event.number, hearing.settled) == (2, 2, 2)


def test_a_change_that_lacks_somebody_elses_is_told_with_its_old_base() -> None:
    hearing, _ = Hearing().drawn(EMPTY, 1).told(Message(), 1)
    hearing = hearing.drawn(TWO, 2)
    hearing, event = hearing.told(Message(ONE, 1, 1), 2)
    assert (event.base_revision, hearing.settled) == (1, 0)
    hearing, event = hearing.drawn(TWO, 2).told(Message(TWO, 2, 2), 2)
    assert (event.base_revision, hearing.settled) == (2, 2)


def test_a_form_is_asked_for_once_per_request() -> None:
    hearing, event = Hearing().told(Message(None, 1, 0, "a", 1), 1)
    assert event.opened == "a"
    hearing, event = hearing.told(Message(None, 1, 0, "a", 1), 1)
    assert event.opened is None
    hearing, event = hearing.told(Message(None, 1, 0, "a", 2), 1)
    assert event.opened == "a"


def test_counting_never_goes_back() -> None:
    hearing, _ = Hearing().told(Message(ONE, 1, 5, "a", 3), 1)
    hearing, _ = hearing.told(Message(), 1)
    assert (hearing.number, hearing.opening) == (5, 3)


def test_the_selection_is_the_newest_wish_of_page_or_person() -> None:
    hearing, event = Hearing().drawn(ONE, 1, None).told(Message(selected="a", telling=1), 1)
    assert (event.selected, hearing.wishes) == ("a", 0)
    # A page that passes back what it was told has wished nothing.
    hearing, event = hearing.drawn(ONE, 1, "a").told(Message(selected="c", telling=2), 1)
    assert (event.selected, hearing.wishes) == ("c", 0)
    # A wish holds against what was sent before it.
    hearing, event = hearing.drawn(ONE, 1, "b").told(Message(selected="a", telling=3), 1)
    assert (event.selected, hearing.wishes) == ("b", 1)
    hearing, event = hearing.drawn(ONE, 1, "b").told(Message(selected="a", telling=3), 1)
    assert (event.selected, hearing.wishes) == ("b", 1)
    # And the same wish is one again after the person has selected something else.
    hearing, event = hearing.drawn(ONE, 1, "b").told(Message(selected="a", telling=4), 1)
    hearing, event = hearing.drawn(ONE, 1, "b").told(Message(selected="a", telling=4), 1)
    assert (event.selected, hearing.wishes) == ("b", 2)
