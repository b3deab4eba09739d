"""Where a node's form is drawn: for whom, in which graph, with which values in reach, what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app import runtime
from app.ui import answer
from core.accounts.models import User
from core.agents.models import Agent
from core.engine.forms import FormField
from core.engine.graph import Graph, Node
from core.engine.rules import Offer, upstream_values
from core.engine.values import ValueType

TYPES: Mapping[ValueType, str] = {
    "text": "text",
    "number": "number",
    "boolean": "yes or no",
    "date": "date",
    "list": "list",
    "object": "object",
    "file": "file",
    "any": "anything",
}

# Draws the fields of a form with these settings, under keys with this prefix, and returns what is in them.
DrawForm = Callable[[Sequence[FormField], Mapping[str, Any], str, "Place"], dict[str, Any]]


@dataclass(frozen=True)
class Place:
    """What every field of the form may need; ``unread`` collects sentences about what was typed wrongly."""

    actor: User
    workflow_id: str
    graph: Graph
    node: Node
    draw_form: DrawForm
    prefix: str
    # Where to say what is wrong with a field of the node itself, by the field's name.
    slots: dict[str, DeltaGenerator] = field(default_factory=dict)
    in_body: bool = False
    unread: list[str] = field(default_factory=list)

    def is_top(self, prefix: str) -> bool:
        """Whether fields with this prefix are those of the node itself, to which problems belong."""
        return prefix == self.prefix

    def body(self) -> Place:
        """Return the place inside a for-each, where ``item`` is in reach."""
        return replace(self, in_body=True)

    @cached_property
    def offers(self) -> Mapping[str, Offer]:
        """The values in reach, by path."""
        found = upstream_values(self.graph, self.node.id, in_body=self.in_body)
        return {offer.path: offer for offer in found}

    @cached_property
    def agents(self) -> Mapping[str, Agent]:
        """The agents that the actor may run, by id."""
        found = runtime.get_core().agents.list(self.actor)
        return {agent.id: agent for agent in found if agent.access.reaches("run")}

    def value_name(self, path: str) -> str:
        """Return what people call the value at a path, as plain text."""
        offer = self.offers.get(path)
        if offer is None:
            return path
        return f"{offer.title} · {TYPES[offer.type]}{'' if offer.is_certain else ' · may be missing'}"


def seed(key: str, value: Any) -> None:
    """Give a widget its first value; what was typed since stays."""
    if key not in st.session_state:
        st.session_state[key] = value


def quiet_problem(sentence: str) -> None:
    """Draw what is wrong with the field above."""
    st.caption(f":orange[:material/error:] {answer.harmless(sentence)}")
