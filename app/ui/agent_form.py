"""The form of an agent: one for new and saved ones."""

from __future__ import annotations

import json

import streamlit as st

from app import navigation, runtime
from app.ui import answer, price_text, rights
from core.accounts.models import User
from core.agents.models import Agent, AgentDefinition
from core.agents.output_schema import MAX_CHARACTERS
from core.errors import CoreError
from core.keys.models import Key
from core.llm.registry import provider_named
from core.tools.registry import all_tools

# What a first agent could be: a person sees how the fields are meant and can run it at once.
SAMPLE = {
    "name": "Support ticket classifier",
    "department": "support",
    "role": "Support ticket classifier",
    "goal": "Decide which team should handle a ticket: Billing, Technical, Account or Other.",
    "backstory": "You have sorted thousands of tickets. You read carefully and answer briefly.",
    "expected_output": "One line: the team, a dash, and the reason in at most fifteen words.",
}
SAMPLE_SCHEMA = """{
  "type": "object",
  "properties": {"team": {"enum": ["Billing", "Technical"]}, "reason": {"type": "string"}},
  "required": ["team", "reason"]
}"""
SAMPLE_INPUT = "I was charged twice for my March invoice and need one of the payments back. Order 48213."


def usable_keys(actor: User) -> list[Key]:
    """Return the keys that somebody can run on now: their own and those shared with them for it."""
    return [key for key in _keys_to_run(actor) if not key.disabled_at]


def draw(actor: User, agent: Agent | None, prefix: str) -> dict[str, object] | None:
    """Draw the form; return its fields when it is submitted."""
    core = runtime.get_core()
    existing = agent.definition if agent else None
    departments = {d.slug: d.name for d in core.departments.all()}
    own = {"department": actor.department} if actor.department else {}
    start = existing.model_dump() if existing else {**SAMPLE, **own}
    with st.container(horizontal=False):
        key_id, model = _model(actor, existing, prefix)
    with st.form(f"{prefix}_form", border=True):
        left, right = st.columns([2, 1])
        name = left.text_input("Name", start["name"], max_chars=80, key=f"{prefix}_name")
        slugs = list(departments)
        department = right.selectbox(
            "Department",
            slugs,
            index=slugs.index(str(start["department"])) if start["department"] in slugs else 0,
            format_func=departments.__getitem__,
            key=f"{prefix}_department",
        )
        role = st.text_input(
            "Role",
            start["role"],
            max_chars=200,
            key=f"{prefix}_role",
            help="Who the agent is, in a few words.",
        )
        goal = st.text_area(
            "Goal",
            start["goal"],
            max_chars=4000,
            height=80,
            key=f"{prefix}_goal",
            help="What it should achieve.",
        )
        backstory = st.text_area(
            "Backstory",
            start["backstory"],
            max_chars=4000,
            height=80,
            key=f"{prefix}_backstory",
            help="What it knows and how it works. Optional.",
        )
        expected = st.text_area(
            "Expected output",
            start["expected_output"],
            max_chars=4000,
            height=68,
            key=f"{prefix}_expected",
            help="What a good answer looks like. Optional.",
        )
        tools = all_tools()
        chosen = st.pills(
            "Tools",
            list(tools),
            selection_mode="multi",
            default=list(existing.tools) if existing else [],
            format_func=lambda tool: tools[tool].label,
            key=f"{prefix}_tools",
            help="What it may use besides its own words.",
        )
        with st.expander("Limits", icon=":material/tune:"):
            limits = _limits(existing, prefix)
        with st.expander("Form of the answer", icon=":material/data_object:"):
            output_schema = st.text_area(
                "Output schema",
                schema_text(existing),
                max_chars=MAX_CHARACTERS,
                height=180,
                placeholder=SAMPLE_SCHEMA,
                key=f"{prefix}_output_schema",
                help="JSON Schema of an object. Answers that do not fit it are put right once, else the run fails. "
                "Empty: any text.",
            )
        submitted = st.form_submit_button(
            "Save changes" if existing else "Create agent",
            type="primary",
            key=f"{prefix}_save",
            disabled=not rights.may(actor, "agents.edit"),
        )
    if not submitted:
        return None
    return {
        "name": name,
        "department": department,
        "role": role,
        "goal": goal,
        "backstory": backstory,
        "expected_output": expected,
        "key_id": key_id,
        "model": model,
        "tools": list(chosen),
        "output_schema": output_schema,
        **limits,
    }


def schema_text(definition: AgentDefinition | None) -> str:
    """Return an agent's output schema as people edit it."""
    schema = definition.output_schema if definition else None
    return json.dumps(schema, ensure_ascii=False, indent=2) if schema else ""


def show(definition: AgentDefinition) -> None:
    """Draw an agent for somebody who may not change it."""
    tools = all_tools()
    facts = {
        "Goal": definition.goal,
        "Backstory": definition.backstory,
        "Expected output": definition.expected_output,
        "Tools": ", ".join(tools[name].label for name in definition.tools if name in tools),
        "Output schema": f"```json\n{schema_text(definition)}\n```" if definition.output_schema else "",
        "Limits": f"{definition.max_iterations} steps, {definition.max_output_tokens:,} tokens, "
        f"{definition.time_limit_seconds} s, temperature {definition.temperature:g}",
    }
    with st.container(border=True):
        for label, value in facts.items():
            if value:
                st.caption(label)
                st.markdown(answer.harmless(value))


def _model(actor: User, existing: AgentDefinition | None, prefix: str) -> tuple[str, str]:
    """Draw the choice of key and model; the models follow the key, so they stand outside the form."""
    left, right = st.columns(2)
    wanted = existing.key_id if existing else None
    by_id = {key.id: key for key in _keys_to_run(actor) if not key.disabled_at or key.id == wanted}
    # A colleague's agent may run on a key that its editor does not see: it can stay.
    is_hidden = wanted is not None and wanted not in by_id and not _is_deleted(wanted)
    ids = [*([wanted] if is_hidden else []), *by_id]
    with left:
        key_id = st.selectbox(
            "Key",
            ids,
            index=ids.index(wanted) if wanted in ids else (0 if ids and not existing else None),
            format_func=lambda i: key_label(by_id[i]) if i in by_id else "The key it has, not yours",
            placeholder="Choose a key",
            key=f"{prefix}_key",
        )
    key = by_id.get(key_id) if key_id else None
    if key is None:
        if existing and is_hidden:
            with right:
                st.text_input("Model", existing.model, disabled=True, key=f"{prefix}_model_kept")
        return key_id or "", existing.model if existing else ""
    with right:
        models, problem = _models(actor, key)
        current = existing.model if existing and existing.key_id == key.id else None
        options = list(dict.fromkeys([*([current] if current else []), *models]))
        model = st.selectbox(
            "Model",
            options,
            index=0 if options else None,
            accept_new_options=True,
            placeholder="Type the model's name",
            key=f"{prefix}_model_{key.id}",
            help=problem or "From the provider's own list; another name can be typed.",
        )
        if model:
            _price(actor, key, model)
    return key.id, model or ""


def _price(actor: User, key: Key, model: str) -> None:
    """Draw what a model costs on a key, or that nobody knows."""
    price = runtime.get_core().prices.of(actor, key.provider, model, key.own_price)
    if price.is_known:
        about = price_text.short(price)
        st.caption(
            answer.harmless(about[0].upper() + about[1:]), help=answer.harmless(price_text.details(price)) or None
        )
    elif key.is_pool:
        st.warning(
            "The price of this model is unknown: it cannot run on the organisation’s key until an administrator "
            "sets a price on the page Prices.",
            icon=":material/help:",
        )
    else:
        st.caption(":material/help: The price of this model is unknown, and so is what its runs will have cost.")


def _keys_to_run(actor: User) -> list[Key]:
    return [key for key in runtime.get_core().keys.list(actor, "llm") if key.access.reaches("run")]


def key_label(key: Key) -> str:
    """Return how a key is called where one is chosen."""
    whose = "" if key.access.is_owner else f" · {key.access.owner_name}’s"
    return f"{key.name} · {provider_named(key.provider).label}{whose}{' · disabled' if key.disabled_at else ''}"


def _is_deleted(key_id: str) -> bool:
    try:
        runtime.get_core().keys.check_exists(key_id)
    except CoreError:
        return True
    return False


@st.cache_data(ttl=300, show_spinner="Asking the provider for its models …", max_entries=200)
def _fetch_models(user_id: str, key_id: str, _actor: User) -> tuple[list[str], str]:
    # Cached per person and key: both are part of the cache's key.
    core = runtime.get_core()
    try:
        return list(core.keys.models(_actor, key_id)), ""
    except CoreError as error:
        return list(provider_named(core.keys.get(_actor, key_id).provider).example_models), error.sentence


def models_of(actor: User, key_id: str) -> tuple[list[str], str]:
    """Return the models of a key by id, and why they could not be asked for; none of a key that is not theirs."""
    key = next((key for key in _keys_to_run(actor) if key.id == key_id), None)
    return _models(actor, key) if key else ([], "")


def _models(actor: User, key: Key) -> tuple[list[str], str]:
    models, problem = _fetch_models(actor.id, key.id, actor)
    examples = provider_named(key.provider).example_models
    # The provider's list, with its usual choices first.
    return [m for m in examples if m in models] + [m for m in models if m not in examples], problem


def _limits(existing: AgentDefinition | None, prefix: str) -> dict[str, object]:
    def of(name: str) -> float:
        source = existing.model_dump() if existing else {}
        return float(source.get(name, AgentDefinition.model_fields[name].default))

    first, second = st.columns(2)
    return {
        "temperature": first.slider(
            "Temperature",
            0.0,
            2.0,
            of("temperature"),
            0.1,
            key=f"{prefix}_temperature",
            help="0 is the steadiest.",
        ),
        "max_iterations": second.number_input(
            "Most steps",
            1,
            50,
            int(of("max_iterations")),
            key=f"{prefix}_iterations",
            help="Model calls in a row before it has to answer.",
        ),
        "max_output_tokens": first.number_input(
            "Longest answer (tokens)", 16, 32_000, int(of("max_output_tokens")), key=f"{prefix}_max_output"
        ),
        "time_limit_seconds": second.number_input(
            "Time limit (seconds)", 5, 3600, int(of("time_limit_seconds")), key=f"{prefix}_time"
        ),
    }


def no_key_yet() -> None:
    """Draw the one next step for somebody without a key."""
    if st.button("Add a key", type="primary", icon=":material/key:", key="agent_add_key"):
        navigation.go(navigation.KEYS, new="1")
