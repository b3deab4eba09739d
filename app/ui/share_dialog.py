"""The dialogs that share an agent, a workflow or a key: with whom, how far, and on whose key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import streamlit as st

from app import runtime, session
from app.feedback import reporting
from app.guarded import guarded
from app.ui import answer, rights, step_up
from core.accounts.models import User
from core.agents.models import Agent
from core.keys.models import Key
from core.sharing.models import EVERYONE, LEVELS, Grantee, Kind, Level, Share
from core.workflows.models import Workflow

MAY: Mapping[Kind, Mapping[Level, str]] = {
    "agent": {"view": "may view it", "run": "may run it", "edit": "may change it"},
    "workflow": {"view": "may view it", "run": "may run it", "edit": "may change it"},
    "key": {"view": "may see that it exists", "run": "may run on it", "edit": "may replace it"},
}
ICONS = {
    "person": ":material/person:",
    "department": ":material/domain:",
    "everyone": ":material/groups:",
    "agent": ":material/smart_toy:",
}


@st.dialog("Share this agent", width="medium")
@guarded
def share_agent(agent: Agent) -> None:
    """Share an agent and, where it runs on the actor's key, lend it the key."""
    actor = session.current_user()
    shares = _draw(actor, "agent", agent.id)
    keys = {key.id: key for key in runtime.get_core().keys.list(actor, "llm") if key.access.is_owner}
    key = keys.get(agent.definition.key_id)
    if key is None:
        st.caption("It runs on a key that is not yours: its owner decides who may run on it.")
    else:
        _lend(agent, key, any(share.level != "view" for share in shares))


@st.dialog("Share this workflow", width="medium")
@guarded
def share_workflow(workflow: Workflow) -> None:
    """Share a workflow; the agents in it are shared by themselves, and run on keys that their runner may use."""
    _draw(session.current_user(), "workflow", workflow.id)
    st.caption("Whoever runs it needs its agents, too: share those with the same people.")


@st.dialog("Share this key", width="medium", on_dismiss="rerun")
@guarded
def share_key(key: Key) -> None:
    """Share a key, after a step-up."""
    actor = step_up.confirmed("share_key", keep=("share_with", "share_level"))
    if actor is None:
        return
    is_pool = _pool(actor, key)
    bill = "the organisation’s" if is_pool else "your"
    st.caption(
        f"Whoever may run on it uses it for agents of their own, on {bill} bill. Nobody ever sees the secret."
    )
    _draw(actor, "key", key.id)


def explain_agent(agent: Agent) -> None:
    """Draw whose agent this is and what one may do with it; nothing for its owner."""
    if not agent.access.is_owner:
        owner = answer.harmless(agent.access.owner_name)
        st.caption(f":material/share: {owner} shared it with you: you {MAY['agent'][agent.access.level]}.")


def explain_workflow(workflow: Workflow) -> None:
    """Draw whose workflow this is and what one may do with it; nothing for its owner."""
    if not workflow.access.is_owner:
        owner = answer.harmless(workflow.access.owner_name)
        may = MAY["workflow"][workflow.access.level]
        st.caption(f":material/share: {owner} shared it with you: you {may}.")


def _pool(actor: User, key: Key) -> bool:
    """Draw whether a key is the organisation's, for administrators; return whether it is."""
    if not rights.may(actor, "pool.manage"):
        return key.is_pool
    wanted = st.toggle(
        "Key of the organisation’s pool",
        key.is_pool,
        help="The organisation pays for it, every administrator looks after it, and it stays when you leave.",
        key=f"share_pool_{key.id}",
    )
    if wanted != runtime.get_core().keys.get(actor, key.id).is_pool:
        with reporting():
            runtime.get_core().key_care.set_pool(actor, key.id, wanted)
    return wanted


def _draw(actor: User, kind: Kind, object_id: str) -> Sequence[Share]:
    """Draw the way to a new share and the list of those that are there; return the list."""
    core = runtime.get_core()
    grantees = _grantees(actor)
    with st.form("share_form", border=False, clear_on_submit=True):
        who, how, go = st.columns([5, 4, 2], vertical_alignment="bottom")
        typed = who.selectbox(
            "With",
            list(grantees),
            index=None,
            placeholder="A department, a name, an address",
            accept_new_options=True,
            key="share_with",
        )
        level = how.selectbox("They", list(LEVELS), index=1, format_func=MAY[kind].__getitem__, key="share_level")
        submitted = go.form_submit_button("Share", type="primary", key="share_add", width="stretch")
    if submitted and typed is None:
        st.warning("Choose with whom to share it.", icon=":material/arrow_upward:")
    elif submitted and typed is not None:
        with reporting():
            grantee = _meant(typed, grantees) or core.sharing.colleague_at(actor, typed)
            core.sharing.grant(actor, kind, object_id, grantee, level)
    # No rerun after a change: each row is drawn as it is afterwards.
    rows = [_row(actor, kind, object_id, share) for share in core.sharing.list(actor, kind, object_id)]
    left = [share for share in rows if share is not None]
    if not left:
        st.caption("Private: nobody else has it.")
    return left


def _row(actor: User, kind: Kind, object_id: str, share: Share) -> Share | None:
    """Draw one share; return it as it is after what was done to it, or None when it was ended."""
    core, place = runtime.get_core(), st.empty()
    of = f"{share.grantee.kind}_{share.grantee.id}"
    with place.container():
        name, how, end = st.columns([5, 4, 2], vertical_alignment="center")
        name.markdown(f"{ICONS[share.grantee.kind]} {answer.harmless(share.name)}")
        level = share.level
        if share.grantee.kind == "agent":
            how.caption("runs on it, for whoever may run the agent")
        else:
            level = how.selectbox(
                "They",
                list(LEVELS),
                index=LEVELS.index(share.level),
                format_func=MAY[kind].__getitem__,
                label_visibility="collapsed",
                key=f"share_level_{of}",
            )
        is_ended = end.button("End", icon=":material/close:", type="tertiary", key=f"share_end_{of}")
        with reporting():
            if is_ended:
                core.sharing.revoke(actor, kind, object_id, share.grantee)
            elif level != share.level:
                core.sharing.grant(actor, kind, object_id, share.grantee, level)
                return replace(share, level=level)
    if is_ended:
        place.empty()
        return None
    return share


def _lend(agent: Agent, key: Key, others_run_it: bool) -> None:
    """Draw whether the agent has the actor's key, and the way to lend it or to take it back."""
    core, actor = runtime.get_core(), session.current_user()
    lent = Grantee("agent", agent.id)
    st.divider()
    place = st.empty()
    is_lent = lent in {share.grantee for share in core.sharing.list(actor, "key", key.id)}
    with place.container():
        is_done = _take_back(actor, key, lent) if is_lent else _give(key, lent, others_run_it)
    if is_done:
        place.empty()
        with place.container():
            # The other state, to be pressed at the next rerun.
            _give(key, lent, others_run_it) if is_lent else _take_back(actor, key, lent)


def _take_back(actor: User, key: Key, lent: Grantee) -> bool:
    st.markdown(f":material/key: Your key **{answer.harmless(key.name)}** is lent to this agent.")
    st.caption("Whoever may run the agent runs it on your key and on your bill. They never see the key.")
    if st.button("Take the key back", key="share_take_back"):
        with reporting():
            runtime.get_core().sharing.revoke(actor, "key", key.id, lent)
            return True
    return False


def _give(key: Key, lent: Grantee, others_run_it: bool) -> bool:
    name = answer.harmless(key.name)
    if others_run_it:
        st.info(f"It runs on your key **{name}**: they cannot run it before you lend the key to this agent.")
    else:
        st.caption(f"It runs on your key **{name}**, which only you may use.")
    asked = f"share_lending_{lent.id}"
    if st.button("Lend my key to this agent", icon=":material/key:", key="share_lend"):
        st.session_state[asked] = True
    if not st.session_state.get(asked):
        return False
    proven = step_up.confirmed("share_lend")
    if proven is None:
        return False
    del st.session_state[asked]
    with reporting():
        runtime.get_core().sharing.grant(proven, "key", key.id, lent, "run")
        return True
    return False


def _meant(typed: str, grantees: Mapping[str, Grantee]) -> Grantee | None:
    """Return the one entry of the list that begins with what was typed, whatever its case."""
    found = {
        grantee for label, grantee in grantees.items() if label.casefold().startswith(typed.strip().casefold())
    }
    return grantees.get(typed) or (found.pop() if len(found) == 1 else None)


def _grantees(actor: User) -> dict[str, Grantee]:
    core = runtime.get_core()
    found = {"Everybody": EVERYONE}
    found |= {f"{d.name} (department)": Grantee("department", d.slug) for d in core.departments.all()}
    found |= {f"{c.name} · {c.email}": Grantee("person", c.id) for c in core.sharing.colleagues(actor)}
    return found
