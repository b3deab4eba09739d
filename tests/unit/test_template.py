"""Only ``{{name}}`` is filled; whatever a model or a person wrote is never read as a template."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.engine.template import fill, names_in


def test_a_template_is_filled_wherever_a_name_is_known() -> None:
    assert fill("{{a}}, {{ b-1 }} and {{\n_c }}{{a}}", {"a": "1", "b-1": "2", "_c": "3"}) == "1, 2 and 31"


def test_an_unknown_name_stays_as_it_was_written() -> None:
    assert fill("{{ who }} {{a}}", {"a": "1"}) == "{{ who }} 1"


def test_a_value_that_looks_like_a_template_is_not_filled_again() -> None:
    assert fill("{{a}}", {"a": "{{b}} \\1 \\g<0>", "b": "secret"}) == "{{b}} \\1 \\g<0>"


@pytest.mark.parametrize(
    "text",
    ["{a}", "{{}}", "{{a|upper}}", "{{1+1}}", "{% raw %}", "${a}", "{{a b}}", "{{a", "a}}"],
)
def test_nothing_else_means_anything(text: str) -> None:
    assert fill(text, {"a": "filled", "b": "filled"}) == text
    assert names_in(text) == set()


@pytest.mark.parametrize(
    "path", ["a.__class__", "a.upper", "a.0", "o.__len__", "o.keys", "l.9", "l.-1", "l.x", "o.x.y"]
)
def test_a_path_leads_to_data_only(path: str) -> None:
    text = "{{" + path + "}}"
    assert fill(text, {"a": "filled", "o": {"x": "1"}, "l": ["1"]}) == text


def test_a_path_leads_into_objects_and_lists() -> None:
    values = {"o": {"x": {"y": 2}, "flag": True}, "l": ["a", {"b": None}]}
    assert fill("{{o.x.y}} {{o.flag}} {{l.0}} {{l.1.b}}{{o.x}}", values) == '2 true a {\n  "y": 2\n}'


def test_a_template_tells_which_names_it_asks_for() -> None:
    assert names_in("{{a}} {{ b }} {{a}} {c}") == {"a", "b"}


@given(st.text(), st.dictionaries(st.text(), st.text()))
def test_a_text_without_placeholders_is_never_changed(text: str, values: dict[str, str]) -> None:
    if not names_in(text):
        assert fill(text, values) == text
