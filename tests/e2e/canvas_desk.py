"""The smallest page with a canvas on it, under the app's own headers: it keeps a draft and says what it holds.

``?graph=`` chooses the graph, ``?mode=run`` the view of a run; ``?form=yes`` opens forms in a dialog, and
``?tab=yes`` puts the canvas behind a tab.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

import streamlit as st  # noqa: E402
from streamlit.runtime.scriptrunner import get_script_run_ctx  # noqa: E402

from app.ui import canvas  # noqa: E402
from app.ui.canvas import KindCard, NodeFace, NodeState, Outcome  # noqa: E402

WAYS = {
    "condition": (Outcome("yes", "over 5,000"), Outcome("no", "otherwise")),
    "approval": (Outcome("", "Approved"), Outcome("rejected", "Rejected")),
}
KINDS = tuple(
    KindCard(name, label, name, group, help, initial, WAYS.get(name, ()), name != "output", name != "input")
    for name, label, group, help, initial in (
        ("input", "Input", "Start and end", "What a person fills in.", {"fields": []}),
        ("output", "Output", "Start and end", "What the run gives back.", {"value": ""}),
        ("agent", "Agent", "Work", "One agent with a task.", {"task": ""}),
        ("crew", "Crew", "Work", "Several agents with a manager.", {"agents": []}),
        ("tool", "Tool", "Work", "One call of a tool.", {"tool": ""}),
        ("workflow", "Workflow", "Work", "Another workflow as one step.", {}),
        ("condition", "Condition", "Ways", "Goes one way or the other.", {"cases": []}),
        ("for_each", "For each", "Ways", "Does it for each item of a list.", {}),
        ("join", "Join", "Ways", "Waits until all branches have come.", {}),
        ("approval", "Approval", "People and time", "Asks a person.", {"question": ""}),
        ("wait", "Wait", "People and time", "Waits until a time.", {}),
        ("template", "Template", "Data", "Fills names into a text.", {"text": ""}),
        ("transform", "Transform", "Data", "Makes data of another form.", {}),
    )
)
LABELS = {kind.name: kind.label for kind in KINDS}


def node(kind: str, number: int, x: int, y: int, label: str, **config: Any) -> dict[str, Any]:
    return {"id": f"{kind}_{number}", "kind": kind, "label": label, "position": {"x": x, "y": y}, **config}


def invoice() -> dict[str, Any]:
    """From an invoice to a mail, with an approval over 5,000."""
    return {
        "nodes": [
            node("input", 1, 0, 120, "Invoice", fields=[{"name": "text", "type": "text"}]),
            node("agent", 1, 260, 120, "Extract amount", task="Find {{text}}"),
            node("condition", 1, 520, 120, "Amount"),
            node("approval", 1, 780, 0, "Ask Finance", question="Pay?"),
            node("agent", 2, 1040, 120, "Draft e-mail", task=""),
            node("output", 1, 1300, 120, "Mail"),
        ],
        "edges": [
            {"source": "input_1", "target": "agent_1"},
            {"source": "agent_1", "target": "condition_1"},
            {"source": "condition_1", "target": "approval_1", "when": "yes"},
            {"source": "condition_1", "target": "agent_2", "when": "no"},
            {"source": "approval_1", "target": "agent_2"},
            {"source": "agent_2", "target": "output_1"},
        ],
    }


def many(nodes: int = 200, edges: int = 300) -> dict[str, Any]:
    """As many nodes and edges as a big workflow has."""
    kinds = [kind.name for kind in KINDS]
    wide = 20
    made = [
        {**node(kinds[n % len(kinds)], n, n % wide * 260, n // wide * 150, f"Step {n}"), "id": f"n{n}"}
        for n in range(nodes)
    ]
    joined = [{"source": f"n{n}", "target": f"n{n + 1}"} for n in range(nodes - 1)]
    joined += [{"source": f"n{n}", "target": f"n{n + wide}"} for n in range(nodes - wide)]
    return {"nodes": made, "edges": joined[:edges]}


def hostile() -> dict[str, Any]:
    """Names and ids that break careless code."""
    ids = ["__proto__", "constructor", 'a"]\\', "<img src=x onerror=alert(1)>"]
    nodes = [{"id": i, "kind": "agent", "label": i} for i in ids]
    nodes.append({"id": "long", "kind": "no_such_kind", "label": "Huge " * 4000})
    edges = [{"source": a, "target": b} for a, b in zip(ids, [*ids[1:], "long"], strict=True)]
    edges += [{"source": "long", "target": "nobody"}, {"source": "long", "target": "long"}]
    return {"nodes": nodes, "edges": edges}


def empty() -> dict[str, Any]:
    return {"nodes": [], "edges": []}


GRAPHS = {"invoice": invoice, "many": many, "hostile": hostile, "empty": empty}


def face(drawn: dict[str, Any]) -> NodeFace:
    kind = drawn["kind"]
    problems = ("The task is empty.", "No model is chosen.") if drawn.get("task") == "" else ()
    return NodeFace(
        title=drawn.get("label") or LABELS.get(kind, kind),
        subtitle=drawn.get("task") or drawn.get("question") or "",
        outcomes=WAYS.get(kind, ()),
        problems=problems,
        is_source=kind != "output",
        is_target=kind != "input",
        warnings=("Nothing reads its answer.",) if kind == "crew" else (),
    )


def run_states() -> dict[str, NodeState]:
    return {
        "input_1": NodeState("succeeded", duration="0.0 s"),
        "agent_1": NodeState("succeeded", cost="$0.0042", duration="1.2 s", is_cached=True),
        "condition_1": NodeState("succeeded", duration="0.0 s"),
        "approval_1": NodeState("waiting", duration="2 min", note="Waits for Finance."),
        "agent_2": NodeState("running", cost="$0.0010", duration="3.4 s"),
        "output_1": NodeState("pending"),
    }


@st.dialog("Form", position="right")
def form(node_id: str) -> None:
    """The form of a node, as far as a canvas has to do with it."""
    label = st.text_input("Label")
    if st.button("Save"):
        held = st.session_state
        nodes = [{**n, "label": label} if n["id"] == node_id else n for n in held.graph["nodes"]]
        held.graph, held.revision = {**held.graph, "nodes": nodes}, held.revision + 1
        st.rerun()


@st.fragment
def desk() -> None:
    """Draw the canvas as a page of the app would: save what it sends, unless it lacks somebody else's change."""
    held = st.session_state
    held.drawings += 1
    is_run = st.query_params.get("mode") == "run"
    with st.container(horizontal=True):
        if st.button("Add in Python"):
            number = held.revision
            added = {"id": f"python_{number}", "kind": "tool", "label": f"Python {number}"}
            held.graph = {**held.graph, "nodes": [*held.graph["nodes"], added]}
            held.revision += 1
        if st.button("Rename in Python"):
            first, *rest = held.graph["nodes"]
            held.graph = {**held.graph, "nodes": [{**first, "label": "Renamed"}, *rest]}
            held.revision += 1
        st.button("Draw again")
    event = canvas.draw(
        "desk",
        held.graph,
        held.revision,
        kinds=KINDS,
        faces={n["id"]: face(n) for n in held.graph["nodes"]},
        states=run_states() if is_run else None,
        selected=held.chosen,
        is_read_only=is_run,
        height=620,
    )
    held.chosen = event.selected or held.chosen
    if st.button("Select the last"):
        held.chosen = held.graph["nodes"][-1]["id"]
        st.rerun(scope="fragment")
    if event.graph is not None and event.number > held.heard:
        held.heard = event.number
        if event.base_revision == held.revision:
            held.graph, held.revision = event.graph, held.revision + 1
        else:
            held.stale += 1
    if event.opened:
        held.opened.append(event.opened)
        if st.query_params.get("form"):
            form(event.opened)
    told = {name: held[name] for name in ("pages", "drawings", "revision", "heard", "stale", "opened")}
    st.code(json.dumps({**told, "selected": event.selected, "graph": held.graph}), language=None, height=120)


def page() -> None:
    st.set_page_config(
        layout="wide", page_title="Canvas", page_icon=str(ROOT / "app" / "ui" / "assets" / "mark.svg")
    )
    held = st.session_state
    if "graph" not in held:
        held.graph = GRAPHS[st.query_params.get("graph", "invoice")]()
        held.update(pages=0, drawings=0, revision=1, heard=0, stale=0, opened=[], chosen=None)
    held.pages += 1
    if st.query_params.get("tab"):
        _, behind = st.tabs(["Run", "Edit"])
        with behind:
            desk()
    else:
        desk()


if get_script_run_ctx(suppress_warning=True) is not None:
    page()
else:
    from starlette.middleware import Middleware

    from app.http.middleware import SecurityHeaders

    app = st.App(str(Path(__file__).resolve()), middleware=[Middleware(SecurityHeaders)])
