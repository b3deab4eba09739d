"""What every kind of node must do. A new file in ``core/engine/nodes`` is found by itself; it needs an example."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.engine.form_check import MISSING
from core.engine.forms import FormField, Widget, setting, shown
from core.engine.graph import MAX_ID, Node, read_graph
from core.engine.nodes.base import Group, NodeKind, Outcome
from core.engine.nodes.registry import ORDER, all_kinds
from core.engine.values import VALUE_TYPES
from core.errors import GraphInvalid, NotFound
from tests.support.kind_examples import EXAMPLES, MORE, Resolver

KINDS = all_kinds()
FILLED = [(name, config) for name, first in EXAMPLES.items() for config in [first, *MORE.get(name, [])]]


@pytest.fixture(params=KINDS.values(), ids=KINDS.keys())
def kind(request: pytest.FixtureRequest) -> NodeKind:
    return request.param


def node_of(kind: str, config: Mapping[str, Any]) -> Node:
    document = {"nodes": [{"id": "n", "kind": kind, "label": "My node", **config}]}
    return read_graph(document).nodes[0]


def fields_of(form: tuple[FormField, ...]) -> Iterator[FormField]:
    for field in form:
        yield field
        yield from fields_of(field.columns)


def test_every_kind_has_an_example_and_a_place_in_the_palette() -> None:
    assert list(KINDS) == list(ORDER)
    assert set(EXAMPLES) == set(KINDS)
    assert set(MORE) <= set(KINDS)


def test_a_kind_says_what_it_is(kind: NodeKind) -> None:
    assert re.fullmatch(r"[a-z][a-z_]{0,30}", kind.name)
    assert 0 < len(kind.label) <= 20
    assert kind.group in get_args(Group)
    assert re.fullmatch(r"[a-z0-9_]+", kind.icon)
    assert kind.icon != NodeKind.icon
    assert 20 <= len(kind.help) <= 100
    assert kind.help.endswith(".")
    assert kind.is_source or kind.is_target


def test_a_form_can_be_drawn(kind: NodeKind) -> None:
    assert kind.form
    assert len(kind.form) <= 20
    for field in fields_of(kind.form):
        assert field.widget in get_args(Widget)
        assert re.fullmatch(r"[a-z][a-z_]*", field.name)
        assert field.name not in ("id", "kind", "label", "position", "attempts", "timeout_seconds", "on_error")
        assert 0 < len(field.label) <= 40
        assert field.help == "" or field.help[-1] in ".”"
        assert bool(field.options) == (field.widget in ("choice", "choices", "node"))
        assert bool(field.columns) == (field.widget in ("rows", "group"))
        assert bool(field.of) == (field.widget in ("arguments", "inputs"))
        assert len(dict(field.options)) == len(field.options)
        assert all(label for _, label in field.options)
        if field.widget == "choice" and field.default is not None:
            assert field.default in dict(field.options)
        if field.widget == "model":
            assert any(other.name == "key_id" for other in fields_of(kind.form))


def test_what_is_shown_depends_on_fields_before_it(kind: NodeKind) -> None:
    for form in [kind.form, *(field.columns for field in kind.form)]:
        seen: dict[str, list[FormField]] = {}
        for field in form:
            if field.shown_when is not None:
                other, wanted = field.shown_when
                assert wanted
                for controlling in seen[other]:
                    assert controlling.widget in ("choice", "switch")
                options = {name for one in seen[other] for name, _ in one.options} or {True, False}
                assert set(wanted) <= options
            if field.name in seen:
                assert {one.widget for one in seen[field.name]} == {field.widget}, "alternatives look alike"
            if field.of:
                assert field.of in seen
            seen.setdefault(field.name, []).append(field)


def test_a_new_node_lacks_some_things_and_has_nothing_wrong(kind: NodeKind) -> None:
    node = node_of(kind.name, kind.initial)
    assert {problem.code for problem in kind.problems(node)} <= {MISSING}
    assert set(kind.initial) <= {field.name for field in kind.form}
    visible = {field.name: field for field in shown(kind.form, kind.initial)}
    for field in visible.values():
        if field.default is not None:
            assert type(setting(field, kind.initial)) is type(field.default)


@pytest.mark.parametrize(("name", "config"), FILLED, ids=lambda value: value if isinstance(value, str) else "")
def test_a_filled_node_has_no_problems_and_its_settings_stand_in_its_form(
    name: str, config: dict[str, Any]
) -> None:
    kind, node = KINDS[name], node_of(name, config)
    assert list(kind.problems(node)) == []
    known = {field.name for field in shown(kind.form, config)}
    assert set(config) <= (known | {"agent"} if name == "agent" else known)
    outcomes = kind.outcomes(node)
    assert bool(outcomes) == kind.is_source
    assert len({outcome.name for outcome in outcomes}) == len(outcomes)
    assert all(outcome.label for outcome in outcomes) or outcomes == (Outcome(),)
    assert kind.shape(node).type in VALUE_TYPES
    assert {use.field for use in kind.uses(node)} <= {field.name for field in kind.form}
    assert kind.time_limit_seconds(node) > 0


@pytest.mark.parametrize(("name", "config"), FILLED, ids=lambda value: value if isinstance(value, str) else "")
def test_a_prepared_node_stays_right_and_is_prepared_the_same_again(name: str, config: dict[str, Any]) -> None:
    kind, node = KINDS[name], node_of(name, config)
    prepared = replace(node, config=kind.prepare(node, Resolver()))
    assert read_graph({"nodes": [prepared.document()]}).nodes == (prepared,)
    if name != "agent" or "agent_id" in config:
        assert list(kind.problems(prepared)) == []
    assert {key: prepared.config[key] for key in config if key not in ("agent", "body")} == {
        key: value for key, value in config.items() if key not in ("agent", "body")
    }
    assert kind.prepare(prepared, Resolver()) == prepared.config


def test_what_is_used_is_said() -> None:
    used = {
        name: [use.path for use in KINDS[name].uses(node_of(name, config))] for name, config in EXAMPLES.items()
    }
    assert used == {
        "input": [],
        "agent": ["invoice"],
        "crew": ["topic"],
        "tool": ["extract.amount"],
        "condition": ["extract.amount"],
        "for_each": ["orders", "item.name", "customer"],
        "join": [],
        "approval": ["extract.amount", "invoice", "extract", "invoice", "extract.amount"],
        "wait": [],
        "template": ["extract.amount", "name"],
        "transform": ["orders", "limit"],
        "workflow": ["topic"],
        "output": ["write", "customer"],
    }


def test_a_person_who_may_not_run_an_agent_starts_nothing_with_it() -> None:
    body = {"kind": "agent", "agent_id": "gone", "task": "x"}
    configs: list[tuple[str, dict[str, Any]]] = [
        ("agent", {"agent_id": "gone"}),
        ("crew", {"process": "sequential", "tasks": [{"agent_id": "gone", "task": "x"}]}),
        ("crew", {**MORE["crew"][0], "manager_id": "gone"}),
        ("crew", {**MORE["crew"][0], "agent_ids": ["agent_2", "gone"]}),
        ("condition", {**MORE["condition"][3], "agent_id": "gone"}),
        ("for_each", {**EXAMPLES["for_each"], "body": body}),
    ]
    for name, config in configs:
        with pytest.raises(NotFound):
            KINDS[name].prepare(node_of(name, config), Resolver())


def test_what_a_draft_brings_along_for_a_run_is_replaced() -> None:
    forged = {"name": "x", "key_id": "somebody's"}
    agent = KINDS["agent"].prepare(node_of("agent", {"agent_id": "agent_1", "agent": forged}), Resolver())
    assert agent["agent"]["key_id"] == "key of agent_1"
    crew = KINDS["crew"].prepare(node_of("crew", {**EXAMPLES["crew"], "agents": {"agent_1": forged}}), Resolver())
    assert {one["key_id"] for one in crew["agents"].values()} == {"key of agent_1", "key of agent_2"}
    workflow = KINDS["workflow"].prepare(node_of("workflow", {"workflow_id": "w", "version": 99}), Resolver())
    assert workflow["version"] == 3
    inline = node_of("agent", {"is_inline": True, "agent_id": "agent_1", "agent": forged})
    assert "agent_id" not in KINDS["agent"].prepare(inline, Resolver())


# --- hostile settings ---------------------------------------------------------------------------

NAMES = st.sampled_from(["name", "type", "kind", "id", "agent_id", "task", "body", "x", "__proto__"])
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=30)
    | st.sampled_from(
        ["{{a.b}}", "a.b", "__proto__", "item", "error", "x" * 100_000, "{{" * 20_000, "\x00", "agent"]
    )
)
DATA = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["name", "type", "kind", "id", "agent_id", "task", "body", "x", "__proto__"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)
WRONG: list[Any] = [
    None,
    True,
    0,
    -1,
    1e300,
    2**63 - 1,
    "",
    " ",
    "x" * 50_000,
    "{{",
    [],
    [None],
    [[]],
    {},
    {"": {}},
]


def looked_at(kind: NodeKind, node: Node) -> list[str]:
    """Do everything that is done with a draft, and return the sentences about it."""
    problems = list(kind.problems(node))
    for problem in problems:
        assert problem.node_id == "n"
        assert problem.field in {field.name for field in kind.form}
        assert problem.sentence.startswith("My node: ")
        assert problem.sentence[-1] in ".!?”"
    outcomes = kind.outcomes(node)
    assert all(isinstance(one.name, str) and len(one.name) <= MAX_ID for one in outcomes)
    assert len({one.name for one in outcomes}) == len(outcomes)
    assert kind.shape(node).type in VALUE_TYPES
    for use in kind.uses(node):
        assert isinstance(use.path, str)
        assert use.path
    assert isinstance(kind.subtitle(node), str)
    assert 0 < kind.time_limit_seconds(node) < 1e9
    return [problem.sentence for problem in problems]


@settings(max_examples=30, deadline=None)
@given(st.data())
@pytest.mark.parametrize("name", KINDS)
def test_hostile_settings_are_problems_and_never_exceptions(name: str, data: st.DataObject) -> None:
    kind = KINDS[name]
    names = [field.name for field in fields_of(kind.form)] + ["agent", "agents", "version"]
    config = data.draw(st.dictionaries(st.sampled_from(names), DATA, max_size=6))
    base = data.draw(st.sampled_from([{}, EXAMPLES[name], *MORE.get(name, [])]))
    try:
        node = node_of(name, {**base, **config})
    except GraphInvalid:
        return  # too much for any kind
    looked_at(kind, node)


@pytest.mark.parametrize("name", KINDS)
def test_every_field_of_a_wrong_type_is_a_problem(name: str) -> None:
    kind = KINDS[name]
    for config in [EXAMPLES[name], *MORE.get(name, [])]:
        for field in shown(kind.form, config):
            for value in WRONG:
                sentences = looked_at(kind, node_of(name, {**config, field.name: value}))
                if isinstance(value, list | dict) and value and field.widget not in ("json",):
                    assert sentences, (field.name, value)


def test_the_web_process_loads_all_kinds_without_the_engine() -> None:
    code = (
        "import sys; from core.engine.nodes.registry import all_kinds; all_kinds();"
        "print(*sorted({name.split('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"crewai", "langchain", "langchain_core", "dbos", "streamlit"} & set(done.stdout.split()) == set()
