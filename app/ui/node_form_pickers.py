"""Fields that choose something Zoark knows: agents, keys and models, workflows, and who approves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from app import navigation, runtime
from app.ui import agent_form
from app.ui.node_form_place import Place, quiet_problem, seed
from core.accounts.models import ROLES
from core.engine.forms import FormField

APPROVERS = {"person": "A person", "role": "A role", "department": "A department"}


def agent(field: FormField, value: Any, key: str, place: Place, above: Mapping[str, Any]) -> str | None:
    """Draw the choice of one agent, with what keeps it from running."""
    chosen = _one(field, value, key, _agent_names(place), "Choose an agent")
    if chosen and chosen in place.agents:
        problem = runtime.get_core().agents.key_problem(place.actor, chosen)
        if problem:
            quiet_problem(problem)
    elif not place.agents:
        st.caption("You have no agent yet.")
    navigation.link(navigation.AGENT, "Make an agent", icon=":material/add:")
    return chosen


def agents(field: FormField, value: Any, key: str, place: Place, above: Mapping[str, Any]) -> list[str]:
    """Draw the choice of several agents."""
    names = _agent_names(place)
    given = [one for one in value if isinstance(one, str)] if isinstance(value, list | tuple) else []
    seed(key, given)
    return st.multiselect(
        field.label,
        list(dict.fromkeys([*names, *given])),
        format_func=lambda one: names.get(one, "An agent that is not yours"),
        key=key,
        help=field.help or None,
        max_selections=int(field.maximum) if field.maximum else None,
        select_all=False,
        placeholder="Choose agents",
    )


def workflow(field: FormField, value: Any, key: str, place: Place, above: Mapping[str, Any]) -> str | None:
    """Draw the choice of another workflow that has a published version."""
    found = runtime.get_core().workflows.list(place.actor)
    names = {
        one.id: one.name
        for one in found
        if one.published_version and one.access.reaches("run") and one.id != place.workflow_id
    }
    if not names:
        st.caption("There is no other workflow with a published version yet.")
    return _one(field, value, key, names, "Choose a workflow")


def key(field: FormField, value: Any, key: str, place: Place, above: Mapping[str, Any]) -> str | None:
    """Draw the choice of a key to run on."""
    names = {one.id: agent_form.key_label(one) for one in agent_form.usable_keys(place.actor)}
    chosen = _one(field, value, key, names, "Choose a key")
    if not names:
        st.caption("You have no key to run on yet.")
        navigation.link(navigation.KEYS, "Add a key", icon=":material/add:", new="1")
    return chosen


def model(field: FormField, value: Any, key: str, place: Place, above: Mapping[str, Any]) -> str | None:
    """Draw the choice of a model of the key above."""
    key_id = above.get("key_id")
    models, problem = agent_form.models_of(place.actor, key_id) if isinstance(key_id, str) else ([], "")
    given = value if isinstance(value, str) and value else None
    seed(key, given)
    chosen = st.session_state[key]
    return st.selectbox(
        field.label,
        list(dict.fromkeys([*([chosen] if chosen else []), *models])),
        None,
        accept_new_options=True,
        key=key,
        help=problem or field.help or None,
        placeholder="Choose or type a model" if key_id else "First choose a key",
    )


def approver(
    field: FormField, value: Any, key: str, place: Place, above: Mapping[str, Any]
) -> dict[str, str] | None:
    """Draw who decides: a person, a role or a department."""
    given = value if isinstance(value, Mapping) and value.get("kind") in APPROVERS else {}
    seed(f"{key}_kind", given.get("kind", "person"))
    kind = (
        st.segmented_control(
            field.label, list(APPROVERS), format_func=APPROVERS.__getitem__, required=True, key=f"{key}_kind"
        )
        or "person"
    )
    names = _approvers(place, kind)
    id_key = f"{key}_{kind}"
    wanted = given.get("id") if given.get("kind") == kind and isinstance(given.get("id"), str) else None
    seed(id_key, wanted)
    chosen = st.selectbox(
        {"person": "Who", "role": "Which role", "department": "Which department"}[kind],
        list(dict.fromkeys([*names, *([wanted] if wanted else [])])),
        None,
        format_func=lambda one: names.get(one, "Somebody who is not here any more"),
        key=id_key,
        help=field.help or None,
        placeholder="Choose",
    )
    return {"kind": kind, "id": chosen} if chosen else None


def _approvers(place: Place, kind: str) -> dict[str, str]:
    core, actor = runtime.get_core(), place.actor
    if kind == "role":
        return {role: f"Any {role}" for role in ROLES}
    if kind == "department":
        return {department.slug: department.name for department in core.departments.all()}
    others = {one.id: f"{one.name} · {one.email}" for one in core.sharing.colleagues(actor)}
    return {actor.id: f"{actor.name} · {actor.email} (you)", **others}


def _agent_names(place: Place) -> dict[str, str]:
    return {one.id: f"{one.definition.name} · {one.definition.model}" for one in place.agents.values()}


def _one(field: FormField, value: Any, key: str, names: Mapping[str, str], placeholder: str) -> str | None:
    """Draw a choice by id; what somebody else has chosen stays, though its name is not for everybody."""
    given = value if isinstance(value, str) and value else None
    seed(key, given)
    return st.selectbox(
        field.label,
        list(dict.fromkeys([*names, *([given] if given else [])])),
        None,
        format_func=lambda one: names.get(one, "One that is not yours, or gone"),
        key=key,
        help=field.help or None,
        placeholder=placeholder,
    )
