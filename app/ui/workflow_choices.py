"""What has to be chosen before a workflow from a file is made: its agents, the keys they run on, their models."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from app import navigation, runtime
from app.ui import agent_form, answer
from core.accounts.models import User
from core.workflows.interchange.models import Choices, ImportPlan

NEW = ""


def draw(actor: User, plan: ImportPlan, prefix: str, *, name: str, department: str) -> Choices:
    """Draw the choices that a plan asks for and return what is chosen; what can be suggested is."""
    bundle = plan.bundle
    for note in bundle.notes:
        st.caption(f":material/info: {answer.harmless(note)}")
    agents = _agents(actor, plan, prefix)
    made = [local for local, agent in bundle.agents.items() if local not in agents and agent is not None]
    keys = _keys(actor, plan, prefix)
    models = _models(actor, plan, keys, [local for local in made if local in plan.models], prefix)
    return Choices(
        name=name,
        department=department,
        agents=agents,
        keys=keys,
        models=models,
        workflows=_workflows(actor, plan, prefix),
        people=_people(actor, plan, prefix),
    )


def _agents(actor: User, plan: ImportPlan, prefix: str) -> dict[str, str]:
    """Draw for each agent whether it is made anew, or which one of the actor's stands for it."""
    names = {agent.id: agent.definition.name for agent in runtime.get_core().agents.runnable(actor)}
    chosen: dict[str, str] = {}
    for local, fields in plan.bundle.agents.items():
        title = str(fields.get("name", local)) if fields else local
        options = [*([NEW] if fields else []), *names]
        suggested = plan.agents.get(local) or NEW
        found = st.selectbox(
            f"Agent “{answer.harmless(title)}”",
            options,
            options.index(suggested) if suggested in options else None,
            format_func=lambda one: names.get(one, "Make a new one"),
            key=f"{prefix}_agent_{local}",
            placeholder="Choose one of yours",
        )
        if found:
            chosen[local] = found
    return chosen


def _keys(actor: User, plan: ImportPlan, prefix: str) -> dict[str, str]:
    labels = {key.id: agent_form.key_label(key) for key in agent_form.usable_keys(actor)}
    if plan.bundle.keys and not labels:
        st.info("Its agents need a model. First add a key, or try the built-in model.", icon=":material/key:")
        navigation.link(navigation.KEYS, "Add a key", icon=":material/key:", new="1")
    chosen: dict[str, str] = {}
    for local, provider in plan.bundle.keys.items():
        suggested = plan.keys.get(local)
        several = len(plan.bundle.keys) > 1
        found = st.selectbox(
            f"Key for {answer.harmless(provider or local)}" if several or provider else "Key",
            list(labels),
            list(labels).index(suggested) if suggested in labels else None,
            format_func=lambda one: labels.get(one, one),
            key=f"{prefix}_key_{local}",
            placeholder="Choose a key",
            help="Its new agents run on it.",
        )
        if found:
            chosen[local] = found
    return chosen


def _models(
    actor: User, plan: ImportPlan, keys: Mapping[str, str], agents: list[str], prefix: str
) -> dict[str, str]:
    """Draw one choice of a model for all agents on one key that say none."""
    chosen: dict[str, str] = {}
    of_key: dict[str, list[str]] = {}
    for local in agents:
        of_key.setdefault(str((plan.bundle.agents[local] or {}).get("key", "")), []).append(local)
    for local_key, those in of_key.items():
        key_id = keys.get(local_key)
        if key_id is None:
            continue
        models, problem = agent_form.models_of(actor, key_id)
        found = st.selectbox(
            "Model" if len(of_key) == 1 else f"Model of {answer.harmless(', '.join(those))}",
            models,
            0 if models else None,
            accept_new_options=True,
            key=f"{prefix}_model_{local_key}_{key_id}",
            placeholder="Type the model's name",
            help=problem or "Each agent can have another one later.",
        )
        if found:
            chosen.update(dict.fromkeys(those, found))
    return chosen


def _workflows(actor: User, plan: ImportPlan, prefix: str) -> dict[str, str]:
    names = {one.id: one.name for one in runtime.get_core().workflows.list(actor)} if plan.bundle.workflows else {}
    return _left_open(
        {local: f"Workflow “{title or local}”" for local, title in plan.bundle.workflows.items()},
        names,
        f"{prefix}_workflow",
    )


def _people(actor: User, plan: ImportPlan, prefix: str) -> dict[str, str]:
    if not plan.bundle.people:
        return {}
    names = {one.id: f"{one.name} · {one.email}" for one in runtime.get_core().sharing.colleagues(actor)}
    names[actor.id] = f"{actor.name} · {actor.email} (you)"
    return _left_open({local: f"Person “{local}”" for local in plan.bundle.people}, names, f"{prefix}_person")


def _left_open(labels: Mapping[str, str], names: Mapping[str, str], prefix: str) -> dict[str, str]:
    """Draw choices that may be left for later."""
    chosen: dict[str, str] = {}
    for local, label in labels.items():
        found = st.selectbox(
            answer.harmless(label),
            list(names),
            None,
            format_func=lambda one: names.get(one, one),
            key=f"{prefix}_{local}",
            placeholder="Later",
        )
        if found:
            chosen[local] = found
    return chosen
