"""A workflow as a file: what is read is what was written, ids stay at home, and hostile files are refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import clock
from core.agents.models import AgentDefinition
from core.engine.graph import Graph, Node
from core.workflows.failures import ExportRefused, ImportRefused
from core.workflows.interchange import document, formats
from core.workflows.interchange.models import Bundle
from core.workflows.interchange.places import Thing, exchanged
from core.workflows.interchange.portable import bundled
from core.workflows.models import Workflow
from tests.support.filled_graphs import IDS, JSON, TEXTS, filled_graphs
from tests.support.graphs import graph_of

NOW = clock.now()
AGENTS = {
    agent_id: AgentDefinition(
        name=f"Clerk {number // 2}",
        department="hr",
        role="Clerk",
        goal=f"Goal {number}: no\n- x",
        key_id=key,
        model="m",
        output_schema={"type": "object", "properties": {"x": {"type": "number"}}} if number == 1 else None,
    )
    for number, (agent_id, key) in enumerate(zip(IDS["agent"], [*IDS["key"], "key_id_0"], strict=True))
}
HIDDEN = "agent_3"


def _workflow(name: str = "Letters", description: str = "Answers them.") -> Workflow:
    return Workflow(
        id="workflow_x", owner_id="user_x", department="hr", name=name, description=description, revision=1,
        draft_by="user_x", draft_by_name="Ann", draft_at=NOW, published_version=None, created_at=NOW,
        updated_at=NOW,
    )  # fmt: skip


def _bundled(workflow: Workflow, graph: Graph, agents: dict[str, AgentDefinition] = AGENTS) -> Bundle:
    return bundled(
        workflow,
        graph,
        agent=lambda agent_id: None if agent_id == HIDDEN else agents[agent_id],
        provider=lambda key_id: "" if key_id.endswith("2") else "openai",
        title=lambda workflow_id: f"Other {workflow_id[-1]}",
    )


def _imported(bundle: Bundle) -> tuple[Graph, dict[str, AgentDefinition]]:
    """What an import makes of it, with everything anew."""
    keys = {
        name: f"key_{number}_{0 if provider else 2}" for number, (name, provider) in enumerate(bundle.keys.items())
    }
    agents = {
        f"made_{name}": AgentDefinition.model_validate(document.as_fields(agent, key_id=keys[agent["key"]]))
        for name, agent in bundle.agents.items()
        if agent is not None
    }

    def exchange(_: Node, thing: Thing, name: str) -> str:
        match thing:
            case "agent":
                return f"made_{name}" if bundle.agents[name] else HIDDEN
            case "key":
                return keys[name]
            case "workflow":
                return f"workflow_{bundle.workflows[name][-1]}"
        return f"user_{name}"

    return exchanged(bundle.graph, exchange), agents


@settings(max_examples=80, deadline=None)
@given(filled_graphs(), TEXTS.map(str.strip), st.sampled_from(["json", "yaml"]))
def test_a_workflow_that_goes_out_comes_in_and_goes_out_is_the_same(graph: Graph, words: str, form: str) -> None:
    first = _bundled(_workflow(description=words), graph)
    write = formats.write_json if form == "json" else formats.write_yaml
    text = write(document.write(first))
    read = document.read(formats.read(formats.text_of(text.encode())))
    assert read == first
    again, agents = _imported(read)
    assert write(document.write(_bundled(_workflow(description=words), again, agents))) == text


@settings(max_examples=40, deadline=None)
@given(filled_graphs())
def test_no_id_of_this_installation_goes_out(graph: Graph) -> None:
    text = formats.write_json(document.write(_bundled(_workflow(), graph)))
    ids = [*IDS["agent"], *IDS["key"], *IDS["workflow"], *IDS["person"], "workflow_x", "user_x"]
    assert [thing for thing in ids if f'"{thing}"' in text] == []
    assert "key_id" not in json.loads(text).get("agents", {}).get("clerk_0", {})


def test_settings_that_no_form_knows_stay_at_home() -> None:
    definition = {"key_id": "key_id_0", "role": "r"}
    nodes = {"a": {"kind": "template", "text": "x", "agent_id": "agent_0", "agent": definition}}
    (node,) = _bundled(_workflow(), graph_of(nodes)).graph.nodes
    assert node.config == {"text": "x"}


def test_a_node_of_an_unknown_kind_does_not_go_out() -> None:
    with pytest.raises(ExportRefused, match="a is of an unknown kind"):
        _bundled(_workflow(), graph_of({"a": {"kind": "nothing"}}))


def test_the_example_of_the_documents_can_be_imported() -> None:
    text = (Path(__file__).parents[2] / "docs/workflows.md").read_text("utf-8")
    example = text.partition("```yaml\n")[2].partition("```")[0]
    assert list(document.read(formats.read(example)).agents) == ["clerk"]


# --- YAML and JSON ---


@settings(max_examples=200, deadline=None)
@given(JSON)
def test_plain_data_is_read_as_it_was_written(data: Any) -> None:
    assert formats.read_yaml(formats.write_yaml(data)) == data
    assert formats.read_json(formats.write_json(data)) == data


def test_yaml_is_written_for_people() -> None:
    assert formats.write_yaml({"task": "One.\nTwo.\n", "is": "no", "on": True, "n": ["1e5", 0.2]}) == (
        "task: |\n  One.\n  Two.\nis: 'no'\n'on': true\nn:\n- '1e5'\n- 0.2\n"
    )


def test_words_and_dates_of_yaml_are_texts() -> None:
    assert formats.read_yaml("a: no\nb: 2026-11-30\nc: 0x1F\nd: 1_000\ne: <<\n1: x") == {
        "a": "no", "b": "2026-11-30", "c": "0x1F", "d": "1_000", "e": "<<", "1": "x",
    }  # fmt: skip


LAUGHS = 'a: &a ["ha", "ha"]\n' + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
HOSTILE = {
    "a billion laughs": (LAUGHS, "anchors or aliases"),
    "an alias": ("a: *b", "anchors or aliases"),
    "an anchor of a name": ("&a b: 1", "anchors or aliases"),
    "a merge": ("a: &b {x: 1}\nc:\n  <<: *b", "anchors or aliases"),
    "a tag of Python": ('!!python/object/apply:os.system ["true"]', "tags"),
    "a tag of a text": ("a: !!str 1", "tags"),
    "a tag of a name": ("!!str a: 1", "tags"),
    "two documents": ("a: 1\n---\na: 2", "more than one"),
    "a name twice": ("a: 1\nb: 2\na: 3", "a twice"),
    "a name twice in JSON": ('{"a": 1, "a": 2}', "a twice"),
    "a list as name": ("? [a]\n: 1", "a name in it is not text"),
    "deep lists": ("[" * 100_000, "nested"),
    "deep dashes": ("- " * 100_000, "nested"),
    "deep JSON": ('{"a":' * 100_000, "nested"),
    "too long": ("a: " + "x" * 500_000, "longer than 500,000"),
    "no number": ("a: .nan", "not finite"),
    "no number in JSON": ('{"a": NaN}', "not finite"),
    "a huge number": ("a: " + "9" * 5000, "too long"),
    "a large number": ("a: 1e999", "too large"),
    "not YAML": ("a: [1", "not proper YAML"),
    "not JSON": ('{"a": }', "not proper JSON"),
    "control characters": ("a: \x01", "not proper YAML"),
}  # fmt: skip


@pytest.mark.timeout(10)
@pytest.mark.parametrize(("text", "words"), HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_file_is_refused_with_a_sentence(text: str, words: str) -> None:
    with pytest.raises(ImportRefused, match=words):
        formats.read(formats.text_of(text.encode()))


def test_bytes_that_are_no_text_are_refused() -> None:
    for data in (b"\xff\xfe", b"a: " + b"x" * 3_000_000):
        with pytest.raises(ImportRefused):
            formats.text_of(data)


# --- our own form ---

AGENT = {"name": "A", "department": "hr", "role": "r", "goal": "g", "model": "m", "key": "k"}
GOOD: dict[str, Any] = {
    "zoark": "workflow/1",
    "name": "W",
    "graph": {"nodes": [{"id": "a", "kind": "agent", "agent_id": "one", "task": "t"}]},
    "agents": {"one": AGENT},
    "keys": {"k": {"provider": "openai"}},
}
WRONG: dict[str, tuple[Any, str]] = {
    "a list": ([GOOD], "no workflow of Zoark"),
    "no form": ({**GOOD, "zoark": None}, "of the form None"),
    "a later form": ({**GOOD, "zoark": "workflow/2"}, "only workflow/1 is known"),
    "an unknown part": ({**GOOD, "code": "x"}, "a part called code"),
    "no name": ({**GOOD, "name": ""}, "its name"),
    "a name of lines": ({**GOOD, "name": "x" * 81}, "its name"),
    "a description as list": ({**GOOD, "description": []}, "its description"),
    "no graph": ({**GOOD, "graph": None}, "of its graph, it is not an object"),
    "a hostile graph": ({**GOOD, "graph": {"nodes": [{"id": "__proto__", "kind": "agent"}]}}, "of its graph"),
    "an unknown kind": ({**GOOD, "graph": {"nodes": [{"id": "a", "kind": "shell"}]}}, "a is of a kind"),
    "an agent of somebody": ({**GOOD, "agents": {}}, "a names the agent one, which the file does not"),
    "a key of somebody": ({**GOOD, "keys": {}}, "names a key that the file does not"),
    "a key id": ({**GOOD, "agents": {"one": {**AGENT, "key_id": "key_1"}}}, "a field called key_id"),
    "an agent as text": ({**GOOD, "agents": {"one": "x"}}, "is not an object"),
    "an agent without a goal": ({**GOOD, "agents": {"one": {**AGENT, "goal": ""}}}, "Goal is missing"),
    "a model as list": ({**GOOD, "agents": {"one": {**AGENT, "model": ["m"]}}}, "of the agent one"),
    "a bad local name": ({**GOOD, "agents": {"one": AGENT, "a b": AGENT}}, "no proper name"),
    "too many agents": ({**GOOD, "agents": {f"a{n}": AGENT for n in range(201)}}, "more than 200"),
    "people as text": ({**GOOD, "people": "ann"}, "its people"),
    "a key as text": ({**GOOD, "keys": {"k": "secret"}}, "its provider"),
}  # fmt: skip


@pytest.mark.parametrize(("data", "words"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_file_is_refused_with_a_sentence(data: Any, words: str) -> None:
    assert document.read(GOOD).agents == {"one": AGENT}
    with pytest.raises(ImportRefused, match=words) as caught:
        document.read(data)
    assert len(caught.value.sentence) < 200


def test_a_tool_that_is_not_here_is_left_out_and_told() -> None:
    bundle = document.read({**GOOD, "agents": {"one": {**AGENT, "tools": ["calculator", "teleport"]}}})
    assert bundle.agents["one"] == {**AGENT, "tools": ["calculator"]}
    assert bundle.notes == ("one uses the tool teleport, which is not here. It was left out.",)
