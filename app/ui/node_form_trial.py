"""Tries one node out from its drawer, with values in the place of what comes before it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from app import navigation, runtime
from app.feedback import reporting
from app.guarded import guarded
from app.ui import answer, formats
from app.ui.node_form_place import TYPES, Place, seed
from core.accounts.models import User
from core.engine.graph import Graph
from core.engine.nodes.registry import all_kinds
from core.engine.rules import Offer
from core.engine.values import as_text, read_value
from core.errors import CoreError, Invalid
from core.runs.models import Run, RunFilter
from core.runs.nodes.models import NODE

# So many of the newest runs are looked through for values.
LAST_RUNS = 20


def draw(actor: User, place: Place, graph: Graph, node_id: str) -> None:
    """Draw what the node asks for, and the button that runs it alone; ``graph`` is as the form would save it."""
    with st.expander("Try it", icon=":material/science:", key=f"{place.prefix}_trial"):
        st.caption("Runs this node alone, as it stands here, saved or not. Tools and models really work.")
        asked = wanted(graph, node_id, place.offers)
        if asked and st.button("Take values from the last run", icon=":material/history:", key=_key(place, "last")):
            _take_over(actor, place, asked)
        typed = {offer.path: _value(place, offer) for offer in asked}
        if st.button("Test this node", icon=":material/play_arrow:", key=_key(place, "run")):
            with reporting():
                values = {path: read(typed[path], place.offers[path]) for path in typed}
                run = runtime.get_core().runs.test_node(
                    actor, place.workflow_id, node_id, values, graph=graph.document()
                )
                st.session_state[_key(place, "run_id")] = run.id
        run_id = st.session_state.get(_key(place, "run_id"))
        if run_id:
            _result(actor, run_id)


def wanted(graph: Graph, node_id: str, offers: Mapping[str, Offer]) -> list[Offer]:
    """Return the values that a node asks for, or is brought by its edges: inputs and whole results, each once."""
    node = graph.by_id[node_id]
    kind = all_kinds().get(node.kind)
    used = [use.path.split(".")[0] for use in kind.uses(node)] if kind else []
    brought = [edge.source for edge in graph.incoming[node_id] if graph.by_id[edge.source].kind != "input"]
    return [offers[name] for name in dict.fromkeys([*used, *brought]) if name in offers]


def read(text: str, offer: Offer) -> Any:
    """Return what was typed as the value's type; raises ``Invalid`` with a sentence."""
    if not text.strip():
        return None
    if offer.type in ("any", "file"):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text
    try:
        return read_value(text, offer.type)
    except ValueError as error:
        raise Invalid(f"{offer.title}: {error}") from None


def _value(place: Place, offer: Offer) -> str:
    key = _key(place, f"value_{offer.path}")
    seed(key, "")
    return st.text_area(answer.harmless(f"{offer.title} ({TYPES[offer.type]})"), key=key, height=70)


def _take_over(actor: User, place: Place, asked: Sequence[Offer]) -> None:
    """Fill the fields with what the newest run that has any of these values had."""
    for run in runtime.get_core().runs.page(actor, RunFilter(workflow_id=place.workflow_id), limit=LAST_RUNS).items:
        values = _values_of(actor, run)
        found = [offer.path for offer in asked if values.get(offer.path) is not None]
        if found:
            for path in found:
                st.session_state[_key(place, f"value_{path}")] = as_text(values[path])
            return
    st.caption("No run of this workflow has these values yet.")


def _values_of(actor: User, run: Run) -> dict[str, Any]:
    try:
        states = runtime.get_core().runs.node_states(actor, run.id)
    except CoreError:
        return dict(run.inputs)
    outputs = {one.node_id: one.output for one in states if one.item == NODE and one.status == "succeeded"}
    return {**outputs, **run.inputs}


def _result(actor: User, run_id: str) -> None:
    run = runtime.get_core().runs.get(actor, run_id)

    @st.fragment(run_every=1.0 if run.is_active else None)
    @guarded
    def live() -> None:
        current = runtime.get_core().runs.get(actor, run_id)
        if run.is_active and not current.is_active:
            st.rerun()  # without the timer; the drawer stays
        _say(actor, current)

    live()


def _say(actor: User, run: Run) -> None:
    label, icon, colour = formats.status(run)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.badge(label, icon=icon, color=colour)
        if run.totals.calls:
            st.caption(formats.cost(run.totals), width="content")
        navigation.link(navigation.RUN, "Open the run", id=run.id)
    if run.error:
        st.error(answer.harmless(run.error.message), icon=":material/error:")
    if run.output is not None:
        with st.container(border=True):
            answer.draw(run.output)


def _key(place: Place, name: str) -> str:
    return f"{place.prefix}_trial_{name}"
