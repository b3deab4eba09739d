"""A workflow becomes a project of CrewAI and comes back with the same agents and tasks; the rest is told."""

from __future__ import annotations

import ast
import tomllib
from importlib.metadata import version
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.engine.rules import check_graph
from core.workflows.failures import ExportRefused, ImportRefused
from core.workflows.interchange.archive import is_zip
from core.workflows.interchange.crewai_export import CREWAI_VERSION, project_files, write_project
from core.workflows.interchange.crewai_import import files_of_zip, read_project
from core.workflows.interchange.crewai_tasks import as_project
from core.workflows.interchange.models import Bundle
from tests.support.filled_graphs import NAMES
from tests.support.graphs import graph_of

KEYS = {"key_1": "openai", "key_2": "anthropic", "key_3": ""}
WORDS = st.text(st.characters(categories=["L", "N", "P", "Zs", "So"]), min_size=1, max_size=30).map(str.strip)
SOME = WORDS.filter(bool)


def agent(name: str = "Clerk", **more: Any) -> dict[str, Any]:
    fields = {"name": name, "department": "hr", "role": "A clerk", "goal": "Order", "model": "m", "key": "key_1"}
    return {**fields, **more}


def bundle(nodes: dict[str, Any], *edges: str, **agents: dict[str, Any] | None) -> Bundle:
    return Bundle("Letters", "", "hr", graph_of(nodes, *edges), agents or {"clerk": agent()}, KEYS)


def task(text: str = "Work.", agent_id: str = "clerk", **more: Any) -> dict[str, Any]:
    return {"kind": "agent", "agent_id": agent_id, "task": text, **more}


def crew_files(project: Bundle) -> dict[str, bytes]:
    """The files that an import reads, and the last folder of the package as the name."""
    return dict(files_of_zip(write_project(project)))


@st.composite
def bundles(draw: st.DrawFn) -> Bundle:
    """Agents, and tasks that ask for inputs and for results before them, connected anyhow."""
    agents = {
        f"agent_{number}": agent(
            draw(SOME), role=draw(SOME), goal=draw(SOME), backstory=draw(WORDS), expected_output=draw(WORDS),
            key=draw(st.sampled_from([*KEYS])), temperature=draw(st.sampled_from([0, 0.2, 1.5])),
            max_iterations=draw(st.integers(1, 50)), time_limit_seconds=draw(st.integers(5, 3600)),
        )
        for number in range(draw(st.integers(1, 3)))
    }  # fmt: skip
    names = draw(st.lists(NAMES, min_size=1, max_size=6, unique=True))
    pairs = [(a, b) for place, a in enumerate(names) for b in names[place + 1 :]]
    edges = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    nodes: dict[str, Any] = {"the-input": {"kind": "input", "fields": [{"name": "topic"}, {"name": "Größe"}]}}
    for name in draw(st.permutations(names)):
        before = [a for a, b in edges if b == name]
        parts = draw(
            st.lists(
                st.one_of(SOME, st.sampled_from(["{{topic}}", "{{Größe}}", *(f"{{{{{a}}}}}" for a in before)]))
            )
        )
        asked = draw(st.sampled_from(["", "", "\n\nYour answer should be: a list."]))
        nodes[name] = task(
            " ".join(parts) + asked, draw(st.sampled_from([*agents])), label=draw(st.sampled_from(["", "A label"]))
        )
    links = [f"{a} > {b}" for a, b in edges]
    return bundle(nodes, *links, *(f"the-input > {name}" for name in names), **agents)


@settings(max_examples=80, deadline=None)
@given(bundles())
def test_a_project_that_comes_back_has_the_same_agents_and_tasks(given: Bundle) -> None:
    first = as_project(given)
    again = read_project(crew_files(given))
    second = as_project(again)
    assert second.agents == first.agents
    assert second.tasks == first.tasks
    assert set(second.inputs) <= set(first.inputs)
    assert again.notes == ()
    assert again.name == "Letters"


@settings(max_examples=30, deadline=None)
@given(bundles())
def test_words_of_people_stand_in_no_python(given: Bundle) -> None:
    files = project_files(given)
    for path, text in files.items():
        if path.endswith(".py"):
            ast.parse(text)
            assert text.isascii()
        if path.endswith(".toml"):
            assert tomllib.loads(text)["project"]["dependencies"][0].endswith(f"=={CREWAI_VERSION}")


def test_the_version_of_crewai_is_the_one_that_is_tested_here() -> None:
    assert version("crewai") == CREWAI_VERSION


def test_a_project_has_the_files_of_one_and_no_key() -> None:
    project = bundle({"a": task()}, clerk=agent(key="key_2"))
    source = "src/letters_crew"
    files = project_files(project)
    assert list(files) == [
        "README.md", "pyproject.toml", ".env.example", f"{source}/__init__.py", f"{source}/main.py",
        f"{source}/crew.py", f"{source}/config/agents.yaml", f"{source}/config/tasks.yaml",
    ]  # fmt: skip
    assert files[".env.example"] == "# Copy to .env. Never hand it on.\nANTHROPIC_API_KEY=\n"
    assert "crewai[anthropic]==" in files["pyproject.toml"]
    assert is_zip(write_project(project))
    assert write_project(project) == write_project(project)


@pytest.mark.parametrize("name", ["json", "crewai", "class", "1st", "数据", "a; import os", "../x", "agents"])
def test_a_project_is_called_something_that_python_can_import(name: str) -> None:
    graph = graph_of({node_id: task() for node_id in ("class", "agents", "1", "a-b")})
    project = Bundle(name, "", "hr", graph, {"clerk": agent(name)}, KEYS)
    for path, text in project_files(project).items():
        folder = PurePosixPath(path).parts[1:2]
        assert all(part.isidentifier() and part.endswith("crew") for part in folder if path.startswith("src"))
        if path.endswith(".py"):
            ast.parse(text)


def test_templates_are_written_out_and_joins_are_what_they_join() -> None:
    nodes = {
        "in": {"kind": "input", "fields": [{"name": "x", "type": "text"}]},
        "a": task("{{x}} and {{in}} {{ in.x }}"), "b": task("B"),
        "t": {"kind": "template", "text": "About {{a}}: {literal}"},
        "j": {"kind": "join"}, "w": {"kind": "wait", "mode": "for", "minutes": 5},
        "c": task("{{t}}! {{j}} {{b.amount}} {{nobody}}"), "o": {"kind": "output", "name": "r", "value": "{{c}}"},
    }  # fmt: skip
    project = as_project(bundle(nodes, "in > a", "a > t", "t > j", "b > j", "j > w", "w > c", "c > o"))
    by_key = {one.key: one for one in project.tasks}
    assert by_key["a"].description == "{x} and {x} {x}"
    assert by_key["c"].description == (
        "About [result of a]: { literal }! [result of a], [result of b] [amount in the result of b] [nobody]"
    )
    assert by_key["c"].context == ("a", "b")
    assert project.notes == ("w waited for a time. Here the work goes on at once.",)


def test_templates_in_templates_are_refused_before_they_grow() -> None:
    nodes: dict[str, Any] = {"a": task(), "t0": {"kind": "template", "text": "{{a}}" * 50}}
    for number in range(1, 30):
        nodes[f"t{number}"] = {"kind": "template", "text": f"{{{{t{number - 1}}}}}" * 4}
    chain = ["a", *(f"t{number}" for number in range(30))]
    with pytest.raises(ExportRefused, match="too long"):
        as_project(bundle(nodes, *(f"{a} > {b}" for a, b in pairwise(chain))))


def test_a_crew_in_turn_becomes_tasks_and_an_approval_asks_in_the_terminal() -> None:
    rows = [{"agent_id": "clerk", "task": "One."}, {"agent_id": "boss", "task": "Two."}]
    nodes = {
        "c": {"kind": "crew", "process": "sequential", "tasks": rows},
        "ok": {"kind": "approval"},
        "z": task("{{c}}"),
    }
    project = as_project(bundle(nodes, "c > ok", "ok approved > z", clerk=agent(), boss=agent("Boss")))
    assert [(one.key, one.agent, one.context, one.asks_person) for one in project.tasks] == [
        ("c_1", "clerk", (), False), ("c_2", "boss", ("c_1",), True), ("z", "clerk", ("c_2",), False),
    ]  # fmt: skip
    assert "ok asked somebody" in project.notes[0]
    assert "Put an approval behind it" in read_project(crew_files(
        bundle(nodes, "c > ok", "ok approved > z", clerk=agent(), boss=agent("Boss"))
    )).notes[0]  # fmt: skip


def test_a_led_crew_comes_back_as_one() -> None:
    node = {
        "kind": "crew",
        "process": "hierarchical",
        "manager_id": "boss",
        "agent_ids": ["clerk"],
        "task": "Go {{x}}.",
    }
    nodes = {"in": {"kind": "input", "fields": [{"name": "x"}]}, "c": node}
    given = bundle(nodes, "in > c", clerk=agent(), boss=agent("Boss"))
    assert (as_project(given).process, as_project(given).manager) == ("hierarchical", "boss")
    again = read_project(crew_files(given))
    assert [{"kind": one.kind, **one.config} for one in again.graph.nodes if one.kind == "crew"] == [node]
    assert as_project(again).agents == as_project(given).agents


OWN = {
    "kind": "agent",
    "is_inline": True,
    "agent": {"role": "r", "goal": "g", "model": "m", "key_id": "key_2"},
    "task": "t",
}
FORK = {"kind": "condition", "mode": "compare", "left": "a", "type": "text", "operator": "filled"}
ASK = {"kind": "approval"}
REFUSED = {
    "a condition": (bundle({"a": task(), "f": FORK}, "a > f"), "no word for f \\(Condition\\)"),
    "a for-each": (bundle({"a": task(), "f": {"kind": "for_each"}}, "a > f"), "For each"),
    "a rejection": (bundle({"a": task(), "f": ASK, "b": task()}, "a > f", "f rejected > b"), "Approval"),
    "a JSON template": (bundle({"a": task(), "f": {"kind": "template", "format": "json"}}, "a > f"), "Template"),
    "a circle": (bundle({"a": task(), "b": task()}, "a > b", "b > a"), "circle"),
    "nothing to do": (bundle({"t": {"kind": "template", "text": "x"}}), "no agent in it"),
    "an agent that is hidden": (bundle({"a": task()}, clerk=None), "not shared with you"),
    "no agent": (bundle({"a": task(agent_id="")}), "no agent yet"),
    "two leaders": (
        bundle({"a": task(), "c": {"kind": "crew", "process": "hierarchical", "manager_id": "clerk"}}),
        "a manager leads all tasks",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("given", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_what_has_no_word_is_refused_with_a_sentence(given: Bundle, words: str) -> None:
    with pytest.raises(ExportRefused, match=words):
        write_project(given)


def test_an_agent_that_stands_in_a_node_goes_along() -> None:
    project = as_project(bundle({"a": {**OWN, "label": "Writer", "on_error": "branch"}}))
    assert project.agents[0].fields["llm"] == "anthropic/m"
    assert (project.agents[0].key, project.tasks[0].agent) == ("writer", "writer")
    assert "what becomes of its failures" in project.notes[0]


# --- projects of others ---

AGENTS = b"""
researcher:
  role: >
    {topic} Senior Data Researcher
  goal: >
    Uncover developments in {topic}
  backstory: >
    You find things.
  llm: gpt-4o
  max_iter: 99
  tools: [SerperDevTool]
  allow_delegation: true
writer:
  role: Writer
  goal: Write
  backstory: You write.
  llm: deepseek/chat
"""
TASKS = b"""
research_task:
  description: >
    Research {topic} in {year}.
  expected_output: >
    Ten points about {topic}
  agent: researcher
report:
  description: Write a report.
  expected_output: A report
  agent: writer
  output_file: report.md
check:
  description: Check it.
  expected_output: A report
  agent: writer
  context: [report]
"""
CREW = b"""
from crewai import Crew, Process
import os
os.system("false")
raise SystemExit

def crew(self):
    return Crew(agents=self.agents, tasks=self.tasks, process=Process.%s, %s)
"""


def test_a_project_as_crewai_creates_it_is_read() -> None:
    found = read_project({"agents.yaml": AGENTS, "tasks.yaml": TASKS, "crew.py": CREW % (b"sequential", b"")})
    by_id = found.graph.by_id
    assert by_id["input"].config["fields"] == [
        {"name": name, "type": "text", "is_required": True} for name in ("topic", "year")
    ]
    assert by_id["research_task"].config["task"] == (
        "Research {{topic}} in {{year}}.\n\nYour answer should be: Ten points about {{topic}}"
    )
    assert by_id["report"].config == {"agent_id": "writer", "answer": "text", "task": "Write a report."}
    edges = {(edge.source, edge.target) for edge in found.graph.edges}
    assert edges == {
        ("input", "research_task"),
        ("research_task", "report"),
        ("report", "check"),
        ("check", "output"),
    }
    assert found.agents["writer"] == {
        "name": "Writer", "role": "Writer", "goal": "Write", "backstory": "You write.",
        "expected_output": "A report", "key": "key", "model": "chat",
    }  # fmt: skip
    assert found.agents["researcher"] is not None
    assert found.agents["researcher"]["max_iterations"] == 50
    assert found.notes == (
        "Of the task report this was left out: output_file.",
        "max_iter of the agent researcher was 99; here it is 50.",
        "Of the agent researcher this was left out: allow_delegation.",
        "The tools of the agent researcher were left out. Choose some of those that are here.",
        "The role of the agent researcher has a placeholder, which only tasks can have here.",
        "The goal of the agent researcher has a placeholder, which only tasks can have here.",
    )
    assert check_graph(found.graph) == ()


def test_a_crew_led_by_crewais_own_manager_asks_for_one() -> None:
    crew = CREW % (b"hierarchical", b"manager_llm='gpt-4o'")
    found = read_project({"agents.yaml": AGENTS, "tasks.yaml": TASKS, "crew.py": crew})
    assert [node.kind for node in found.graph.nodes] == ["input", "crew", "crew", "crew", "output"]
    assert found.graph.by_id["report"].config["manager_id"] == ""
    assert any("manager of CrewAI's own" in note for note in found.notes)


def test_a_task_without_context_gets_the_results_of_all_before_it() -> None:
    tasks = b"\n".join(b"t%d: {description: d, expected_output: e, agent: writer}" % number for number in range(4))
    found = read_project({"agents.yaml": AGENTS, "tasks.yaml": tasks})
    assert [edge.source for edge in found.graph.incoming["t3"]] == ["t0", "t1", "t2"]


WRONG: dict[str, tuple[dict[str, bytes], str]] = {
    "no tasks": ({"agents.yaml": AGENTS}, "no tasks.yaml"),
    "a list": ({"agents.yaml": b"[]", "tasks.yaml": TASKS}, "agents.yaml is not a list of names"),
    "an alias": ({"agents.yaml": b"a: &x {}\nb: *x", "tasks.yaml": TASKS}, "aliases"),
    "an agent without a role": ({"agents.yaml": b"writer: {goal: g}", "tasks.yaml": TASKS}, "Role is missing"),
    "steps as text": ({"agents.yaml": b"a: {role: r, goal: g, max_iter: x}", "tasks.yaml": TASKS}, "not a number"),
    "a task of nobody": ({"agents.yaml": AGENTS, "tasks.yaml": b"a: {description: d}"}, "the task a has no agent"),
    "a task of another": ({"agents.yaml": AGENTS, "tasks.yaml": b"a: {description: d, agent: x}"}, "has no agent"),
    "an empty task": ({"agents.yaml": AGENTS, "tasks.yaml": b"a: {agent: writer}"}, "no description"),
    "a later context": (
        {"agents.yaml": AGENTS, "tasks.yaml": b"a: {description: d, agent: writer, context: [b]}"},
        "the context of the task a",
    ),
    "no Python": ({"agents.yaml": AGENTS, "tasks.yaml": TASKS, "crew.py": b"def"}, "not proper Python"),
    "deep Python": ({"agents.yaml": AGENTS, "tasks.yaml": TASKS, "crew.py": b"(" * 5000}, "not proper Python"),
    "an unknown manager": (
        {"agents.yaml": AGENTS, "tasks.yaml": TASKS, "crew.py": CREW % (b"hierarchical", b"manager_agent=x.x()")},
        "a manager that is not in agents.yaml",
    ),
    "101 tasks": (
        {"agents.yaml": AGENTS, "tasks.yaml": b"".join(b"t%d: {}\n" % number for number in range(101))},
        "more than 100",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("files", "words"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_project_is_refused_with_a_sentence(files: dict[str, bytes], words: str) -> None:
    with pytest.raises(ImportRefused, match=words):
        read_project(files)
