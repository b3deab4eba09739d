"""The dialogs that make a workflow: an empty one, one from a sample, one from a file."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from app import navigation, runtime, session
from app.feedback import done, reporting
from app.guarded import guarded
from app.ui import answer, rights, workflow_choices
from core.accounts.models import User
from core.errors import CoreError
from core.templates.samples import all_samples
from core.workflows.interchange.models import ImportPlan
from core.workflows.models import MAX_NAME

EMPTY, FILE = "empty", "file"
BEGINNINGS = {EMPTY: "Nothing: input and output only", FILE: "A file"}


def import_button(actor: User) -> None:
    """Draw the way to a workflow from a file."""
    if rights.may(actor, "agents.edit") and st.button("Import", icon=":material/upload:", key="workflows_import"):
        take_in()


@st.dialog("New workflow", width="medium")
@guarded
def new() -> None:
    """Ask what to begin with, for a name and a department; it opens at once."""
    actor, samples = session.current_user(), all_samples()
    start = st.selectbox(
        "Begin with",
        [EMPTY, *samples, FILE],
        format_func=lambda one: samples[one].title if one in samples else BEGINNINGS[one],
        key="workflows_new_start",
    )
    if start == FILE:
        _from_file(actor)
        return
    plan = runtime.get_core().interchange.plan_import(actor, samples[start].content) if start in samples else None
    if plan is not None:
        st.caption(answer.harmless(plan.bundle.description))
    name = st.text_input(
        "Name",
        plan.bundle.name if plan else "",
        max_chars=MAX_NAME,
        key=f"workflows_new_name_{start}",
        placeholder="What people call it",
    )
    department = choose_department(
        actor, f"workflows_new_department_{start}", None if plan is None else plan.bundle.department
    )
    if plan is not None:
        _make(actor, plan, f"workflows_new_{start}", name, department, "Make workflow")
    elif st.button("Make workflow", type="primary", key="workflows_new_save"):
        with reporting():
            made = runtime.get_core().workflows.create(actor, name, department)
            navigation.go(navigation.WORKFLOW, id=made.id)


@st.dialog("Import a workflow", width="medium")
@guarded
def take_in() -> None:
    """Ask for a file, and for what stands for the agents and keys in it."""
    _from_file(session.current_user())


def _from_file(actor: User) -> None:
    files = st.file_uploader(
        "File",
        type=["json", "yaml", "yml", "zip", "py"],
        accept_multiple_files=True,
        key="workflows_import_file",
        help="A workflow of Zoark as JSON or YAML; or a project of CrewAI, as a zip file or its agents.yaml and "
        "tasks.yaml together.",
    )
    if not files:
        st.caption("Nothing in a file is executed, and it cannot reach for anybody’s agents or keys.")
        return
    contents = {file.name: file.getvalue() for file in files}
    try:
        plan = runtime.get_core().interchange.plan_import(actor, _given(contents))
    except CoreError as error:
        st.error(answer.harmless(error.sentence), icon=":material/error:")
        return
    prefix = f"workflows_import_{len(contents)}_{sum(map(len, contents.values()))}"
    name = st.text_input("Name", plan.bundle.name, max_chars=MAX_NAME, key=f"{prefix}_name")
    department = choose_department(actor, f"{prefix}_department", plan.department)
    nodes = len(plan.bundle.graph.nodes)
    st.caption(f"It has {nodes} {'node' if nodes == 1 else 'nodes'}.")
    _make(actor, plan, prefix, name, department, "Import")


def choose_department(actor: User, key: str, present: str | None = None) -> str:
    """Draw the choice of a department; ``present``, else the actor's own, comes first."""
    names = {one.slug: one.name for one in runtime.get_core().departments.all()}
    wanted = present if present in names else actor.department
    slugs = list(names)
    return st.selectbox(
        "Department",
        slugs,
        index=slugs.index(wanted) if wanted in slugs else 0,
        format_func=names.__getitem__,
        key=key,
    )


def _make(actor: User, plan: ImportPlan, prefix: str, name: str, department: str, verb: str) -> None:
    choices = workflow_choices.draw(actor, plan, prefix, name=name, department=department)
    if st.button(verb, type="primary", key=f"{prefix}_save"):
        with reporting():
            made = runtime.get_core().interchange.apply_import(actor, plan, choices)
            done("It is a draft: look through it, then publish it.")
            navigation.go(navigation.WORKFLOW, id=made.id)


def _given(contents: Mapping[str, bytes]) -> bytes | Mapping[str, bytes]:
    """Return one file as it is; several are those of a project."""
    return next(iter(contents.values())) if len(contents) == 1 else contents
