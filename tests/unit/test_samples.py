"""The samples of workflows: each can run as it is, once its agents have a key and a model."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.engine.rules import check_graph
from core.templates.samples import all_samples
from core.workflows.interchange import document, formats
from core.workflows.interchange.models import Bundle


def bundle(name: str) -> Bundle:
    return document.read(formats.read(formats.text_of(all_samples()[name].content)))


@pytest.mark.parametrize("name", all_samples())
def test_a_sample_has_no_problem(name: str) -> None:
    assert check_graph(bundle(name).graph) == ()


@pytest.mark.parametrize("name", all_samples())
def test_a_sample_asks_for_one_key_and_names_no_model(name: str) -> None:
    """One choice is enough, whatever models somebody has."""
    found = bundle(name)
    assert list(found.keys) == ["model"]
    assert all(agent and agent["key"] == "model" and "model" not in agent for agent in found.agents.values())
    assert found.notes == ()


@pytest.mark.parametrize("name", all_samples())
def test_every_node_of_a_sample_has_a_name_and_a_place(name: str) -> None:
    nodes = bundle(name).graph.nodes
    assert all(node.label and node.position for node in nodes)
    assert len({node.position for node in nodes}) == len(nodes)


def test_the_samples_are_told_apart() -> None:
    titles = [sample.title for sample in all_samples().values()]
    assert titles[0] == "Invoice approval"
    assert len(set(titles)) == len(titles) >= 3
    assert all(sample.about.endswith(".") for sample in all_samples().values())


def test_a_sample_is_what_it_is_written_as() -> None:
    for name in all_samples():
        found = bundle(name)
        again = document.read(formats.read(formats.write_yaml(document.write(found))))
        assert again == replace(found, notes=())
