"""Nodes that work on values only: numbers are read alike everywhere, and what does not fit is said by its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.engine.graph import read_graph
from core.engine.nodes.base import Done, NodeContext, Scope
from core.engine.nodes.output import clean_file_name
from core.engine.nodes.registry import all_kinds
from core.engine.reading import ValueMissing, ValueWrong, read_inputs
from core.engine.values import Field
from core.errors import CoreError, Invalid

NOBODY = cast(NodeContext, None)


def run(kind: str, config: Mapping[str, Any], sources: tuple[str, ...] = (), **values: Any) -> Done:
    """Run a node that has no problems; it may look at nothing but values."""
    node = read_graph({"nodes": [{"id": "n", "kind": kind, **config}]}).nodes[0]
    assert list(all_kinds()[kind].problems(node)) == []
    done = all_kinds()[kind].run(NOBODY, node, Scope(values, sources))
    assert isinstance(done, Done)
    assert done.branch in {outcome.name for outcome in all_kinds()[kind].outcomes(node)} | {""}
    return done


def refused(kind: str, config: Mapping[str, Any], **values: Any) -> str:
    with pytest.raises(CoreError) as caught:
        run(kind, config, **values)
    assert caught.value.code in ("value_wrong", "value_missing", "invalid")
    assert not caught.value.retryable
    return caught.value.sentence


# --- inputs --------------------------------------------------------------------------------------

FIELDS = [
    {"name": "amount", "type": "number"},
    {"name": "due", "type": "date"},
    {"name": "is_new", "type": "boolean"},
    {"name": "lines", "type": "list"},
    {"name": "note", "is_required": False},
]
TYPED = {"amount": " 5,000 ", "due": "2026-11-30", "is_new": "yes", "lines": "[1, 2]"}


def test_an_input_reads_what_was_typed_and_again_what_it_has_read() -> None:
    read = run("input", {"fields": FIELDS}, **TYPED, other="x").output
    assert read == {"amount": 5000, "due": "2026-11-30", "is_new": True, "lines": [1, 2], "note": None}
    assert run("input", {"fields": FIELDS}, **read).output == read


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"amount": ""}, "amount is missing. Enter it."),
        ({"amount": None}, "amount is missing. Enter it."),
        ({"amount": "5,00"}, "amount: Enter a number, such as 5000 or 12.5."),
        ({"amount": True}, "amount: Enter a number."),
        ({"due": "soon"}, "due: Enter a date, such as 2026-11-30."),
        ({"is_new": "perhaps"}, "is_new: Enter yes or no."),
        ({"lines": "{}"}, "lines: Enter a list, such as [1, 2]."),
    ],
)
def test_a_person_who_enters_something_else_is_told_which_input_it_is(
    changes: dict[str, Any], sentence: str
) -> None:
    assert refused("input", {"fields": FIELDS}, **{**TYPED, **changes}) == sentence


def test_a_value_that_no_input_asks_for_is_refused() -> None:
    with pytest.raises(Invalid, match="no input called b") as caught:
        read_inputs([Field("a")], {"a": "x", "b": "y"})
    assert caught.value.field == "b"


# --- conditions ----------------------------------------------------------------------------------

LEFT_AND_RIGHT: list[tuple[str, Any, str, str, bool]] = [
    ("number", "5,000", "=", "5000", True),
    ("number", 5000, "=", "5,000.0", True),
    ("number", "4,999.99", ">", "5,000", False),
    ("number", "5,001", ">", "5,000", True),
    ("number", 9, "<", "10", True),
    ("number", "9", ">=", "10", False),
    ("number", 0.1, "<=", "0.1", True),
    ("number", -1, "!=", "1", True),
    ("text", " Invoice ", "equals", "invoice", True),
    ("text", "Invoice 7", "starts", "INVOICE", True),
    ("text", "Invoice 7", "ends", "8", False),
    ("text", "an invoice", "contains", "Invoice", True),
    ("text", "an invoice", "lacks", "Invoice", False),
    ("text", "a", "differs", "b", True),
    ("text", "STRASSE", "equals", "straße", True),
    ("text", "", "empty", "", True),
    ("text", None, "empty", "", True),
    ("text", " ", "filled", "", False),
    ("text", 5, "equals", "5", True),
    ("date", "2026-11-30", "before", "2026-12-01", True),
    ("date", "2026-11-30T23:30-02:00", "on", "2026-12-01", True),
    ("date", "2026-11-30T12:00", "after", "2026-11-30T12:30+01:00", True),
    ("boolean", "Yes", "true", "", True),
    ("boolean", False, "false", "", True),
    ("list", ["a", 2], "contains", "2", True),
    ("list", ["a", 2], "lacks", "a", False),
    ("list", "[1, 2, 3]", "longer", "2", True),
    ("list", [1], "shorter", "1", False),
    ("list", [], "empty", "", True),
    ("list", [], "filled", "", False),
]


@pytest.mark.parametrize(("wanted", "left", "operator", "right", "result"), LEFT_AND_RIGHT)
def test_a_condition_compares_by_type(wanted: str, left: Any, operator: str, right: str, result: bool) -> None:
    config = {"left": "x.y", "type": wanted, "operator": operator, **({"right": right} if right else {})}
    done = run("condition", config, x={"y": left})
    assert (done.output, done.branch) == (result, "true" if result else "false")


def test_a_condition_may_mind_capitals_and_take_its_right_side_from_a_value() -> None:
    config = {"left": "a", "type": "text", "operator": "equals", "right": "{{b}}", "ignore_case": False}
    assert run("condition", config, a="X", b="x").branch == "false"
    numbers = {"left": "a", "type": "number", "operator": ">", "right": "{{limits.high}}"}
    assert run("condition", numbers, a="6,000", limits={"high": 5000}).branch == "true"


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"left": "b.c"}, "There is no value at b.c. Did the step that gives it run?"),
        ({}, "“about 5” is not a number, which a.x should be."),
        (
            {"left": "n", "right": "{{a.x}}"},
            "“about 5” is not a number, which the value to compare with should be.",
        ),
        ({"type": "date", "operator": "before"}, "“about 5” is not a date, which a.x should be."),
        ({"type": "boolean", "operator": "true"}, "“about 5” is not yes or no, which a.x should be."),
        ({"type": "list", "operator": "empty"}, "“about 5” is not a list, which a.x should be."),
    ],
)
def test_a_condition_names_the_value_that_it_cannot_compare(config: dict[str, Any], sentence: str) -> None:
    base = {"left": "a.x", "type": "number", "operator": ">", "right": "1"}
    assert refused("condition", {**base, **config}, a={"x": "about 5"}, n=1) == sentence


@given(st.integers(-(10**12), 10**12), st.integers(-(10**12), 10**12))
def test_numbers_mean_the_same_however_they_are_written(left: int, right: int) -> None:
    config = {"left": "a", "type": "number", "operator": "<", "right": f"{right:,}"}
    assert run("condition", config, a=f"{left:,}").output is (left < right)


# --- joins, templates ----------------------------------------------------------------------------


def test_a_join_gives_what_arrived() -> None:
    assert run("join", {"mode": "all"}, ("b", "a"), a=1, b=[2], c=3).output == {"b": [2], "a": 1}
    assert run("join", {"mode": "any"}, ("b",), a=1, b=[2]).output == [2]


def test_a_template_gives_text() -> None:
    assert run("template", {"text": "Dear {{p.name}}, {{n}}{{gone}}"}, p={"name": "Zoë"}, n=5).output == (
        "Dear Zoë, 5{{gone}}"
    )


def test_json_keeps_the_type_of_a_value_that_stands_alone() -> None:
    config = {
        "format": "json",
        "json": {"n": "{{n}}", "t": "{{n}} pieces", "l": ["{{ o.l }}", 1, None], "{{n}}": True},
    }
    done = run("template", config, n=5, o={"l": [1, {"a": None}]})
    assert done.output == {"n": 5, "t": "5 pieces", "l": [[1, {"a": None}], 1, None], "{{n}}": True}


def test_a_value_in_json_stays_one_text_whatever_is_in_it() -> None:
    evil = '", "admin": true, "x": "{{secret}}'
    assert run("template", {"format": "json", "json": {"a": "{{v}}!"}}, v=evil, secret="s").output == {
        "a": f"{evil}!"
    }
    output = {"name": "r", "format": "json", "value": '{"a": "{{v}}!"}'}
    assert run("output", output, v=evil, secret="s").output == {"a": f"{evil}!"}


# --- transforms ----------------------------------------------------------------------------------

ORDERS = [{"id": "b", "amount": "1,200"}, {"id": "a", "amount": 900.5}, {"id": "c", "amount": "7"}]
TRANSFORMS: list[tuple[dict[str, Any], Any]] = [
    ({"operation": "pick", "fields": [{"name": "id"}, {"name": "x"}]}, [{"id": "b"}, {"id": "a"}, {"id": "c"}]),
    ({"operation": "pick", "source": "orders.0", "fields": [{"name": "amount"}]}, {"amount": "1,200"}),
    (
        {"operation": "rename", "source": "orders.2", "names": [{"old": "id", "new": "name"}]},
        {"name": "c", "amount": "7"},
    ),
    (
        {"operation": "filter", "field": "amount", "type": "number", "operator": ">", "right": "{{limit}}"},
        [ORDERS[0], ORDERS[1]],
    ),
    ({"operation": "sort", "field": "amount"}, [ORDERS[2], ORDERS[1], ORDERS[0]]),
    ({"operation": "sort", "field": "id", "is_descending": True}, [ORDERS[2], ORDERS[0], ORDERS[1]]),
    ({"operation": "unique", "source": "words"}, ["b", "a"]),
    ({"operation": "first"}, ORDERS[0]),
    ({"operation": "last", "source": "words"}, "b"),
    ({"operation": "count"}, 3),
    ({"operation": "sum", "field": "amount"}, 2107.5),
    ({"operation": "sum", "source": "cents"}, 0.3),
    ({"operation": "sum", "source": "none"}, 0),
    ({"operation": "join", "source": "words", "separator": ", "}, "b, a, b"),
    ({"operation": "join", "field": "id"}, "b\na\nc"),
    ({"operation": "split", "source": "text"}, ["one", "two"]),
    ({"operation": "split", "source": "text", "separator": "o"}, ["ne\n\n tw"]),
    ({"operation": "parse_json", "source": "json"}, {"a": [1]}),
    ({"operation": "parse_json"}, ORDERS),
    ({"operation": "to_text", "source": "cents"}, "[\n  0.1,\n  0.2\n]"),
    ({"operation": "to_number", "source": "orders.0.amount"}, 1200),
    ({"operation": "to_date", "source": "day"}, "2026-11-30"),
]
VALUES: dict[str, Any] = {
    "orders": ORDERS,
    "words": ["b", "a", "b"],
    "cents": [0.1, 0.2],
    "none": "[]",
    "limit": "800",
    "text": "one\n\n two ",
    "json": '{"a": [1]}',
    "day": " 2026-11-30 ",
}


@pytest.mark.parametrize(("config", "result"), TRANSFORMS, ids=lambda value: str(value)[:60])
def test_a_transform_does_its_operation(config: dict[str, Any], result: Any) -> None:
    assert run("transform", {"source": "orders", **config}, **VALUES).output == result


def test_every_operation_is_tested() -> None:
    form = next(field for field in all_kinds()["transform"].form if field.name == "operation")
    assert {config["operation"] for config, _ in TRANSFORMS} == {name for name, _ in form.options}


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"operation": "sum", "field": "id"}, "“b” is not a number, which id of entry 1 of orders should be."),
        (
            {"operation": "sum", "field": "x"},
            "There is no value at x of entry 1 of orders. Did the step that gives",
        ),
        ({"operation": "first", "source": "none"}, "“[]” is not a list with an entry, which none should be."),
        ({"operation": "count", "source": "text"}, "“one two” is not a list, which text should be."),
        (
            {"operation": "pick", "source": "words", "fields": [{"name": "a"}]},
            "“b” is not an object, which entry 1 of words should be.",
        ),
        ({"operation": "parse_json", "source": "text"}, "“one two” is not JSON, which text should be."),
        ({"operation": "to_number", "source": "orders"}, "“[ { "),
        ({"operation": "to_date", "source": "limit"}, "“800” is not a date, which limit should be."),
    ],
)
def test_a_transform_names_what_does_not_fit(config: dict[str, Any], sentence: str) -> None:
    assert refused("transform", {"source": "orders", **config}, **VALUES).startswith(sentence)


@pytest.mark.parametrize("text", ["NaN", "[1, Infinity]", "{'a': 1}", "[" * 100_000, "", '{"a": 1'])
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(ValueWrong, match="not JSON"):
        run("transform", {"operation": "parse_json", "source": "t"}, t=text)


# --- outputs -------------------------------------------------------------------------------------


def test_an_output_is_text() -> None:
    assert run("output", {"name": "r", "value": "It is {{n}}."}, n=5).output == "It is 5."
    assert run("output", {"name": "r", "value": "{{o}}"}, o={"a": 1}).output == '{\n  "a": 1\n}'


def test_an_output_without_a_value_gives_what_leads_to_it() -> None:
    assert run("output", {}, ("b",), a=1, b="It is 5.").output == "It is 5."
    assert run("output", {"format": "json"}, ("b",), b={"a": [1]}).output == {"a": [1]}
    assert run("output", {}, ("a", "b"), a=1, b="x").output == "**a**\n\n1\n\n**b**\n\nx"
    assert run("output", {"format": "json"}, ("a", "b"), a=1, b="x").output == {"a": 1, "b": "x"}
    assert run("output", {"format": "file", "file_name": "a.md"}, ("b",), b="x").output["text"] == "x"
    assert run("output", {}).output == ""


def test_an_output_is_data_that_is_checked() -> None:
    fields = [{"name": "amount", "type": "number"}, {"name": "note", "is_required": False}]
    config = {"name": "r", "format": "json", "value": "{{e}}", "fields": fields}
    assert run("output", config, e={"amount": "5,000", "more": 1}).output == {"amount": 5000, "note": None}
    assert run("output", config, e='{"amount": 7, "note": "x"}').output == {"amount": 7, "note": "x"}
    with pytest.raises(ValueMissing, match="amount in the result"):
        run("output", config, e={"note": "x"})
    with pytest.raises(ValueWrong, match="“much” is not a number, which amount should be"):
        run("output", config, e={"amount": "much"})
    with pytest.raises(ValueWrong, match="“much” is not an object, which the result should be"):
        run("output", config, e='"much"')
    assert run("output", {**config, "fields": []}, e=[1]).output == [1]
    assert run("output", {**config, "fields": [], "value": '{"n": {{n}}}'}, n=5).output == {"n": 5}


def test_an_output_is_a_file_of_the_ending_that_the_settings_say() -> None:
    config = {"name": "r", "format": "file", "value": "<b>{{n}}</b>", "file_name": "Letter {{who}}.HTML"}
    assert run("output", config, n=5, who="../../etc/Zoë.exe\x00").output == {
        "name": "Letter .._.._etc_Zoë.exe_.html",
        "media_type": "text/plain",
        "text": "<b>5</b>",
    }
    assert run("output", {**config, "file_name": "{{who}}.csv"}, n=5, who=" .. ").output["name"] == "n.csv"


@given(st.text(max_size=200))
def test_a_file_name_leads_into_no_folder(name: str) -> None:
    cleaned = clean_file_name(name)
    assert not set(cleaned) & set('/\\:*?"<>|\x00\n\r\t‮')
    assert not cleaned.startswith(".")
    assert not cleaned.endswith((".", " "))
    assert len(cleaned) <= 101
    assert clean_file_name("con") == "_con"
