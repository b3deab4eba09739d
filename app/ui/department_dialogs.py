"""The dialogs of the Departments page: add, rename and delete one."""

from __future__ import annotations

import streamlit as st

from app import runtime, session
from app.feedback import done, reporting
from app.guarded import guarded
from app.ui import answer
from core.departments.models import Department


@st.dialog("New department")
@guarded
def add() -> None:
    """Ask for a name."""
    with st.form("departments_add_form", border=False):
        name = st.text_input("Name", max_chars=80, key="departments_new_name")
        submitted = st.form_submit_button("Add department", type="primary", key="departments_add")
    if submitted:
        with reporting():
            added = runtime.get_core().departments.add(session.current_user(), name)
            done(f"{answer.harmless(added.name)} was added.")
            st.rerun()


@st.dialog("Rename this department")
@guarded
def rename(department: Department) -> None:
    """Ask for another name; everything that belongs to the department stays."""
    with st.form("departments_rename_form", border=False):
        name = st.text_input("Name", department.name, max_chars=80, key=f"departments_name_{department.slug}")
        submitted = st.form_submit_button("Rename", type="primary", key="departments_rename_yes")
    if submitted:
        with reporting():
            runtime.get_core().departments.rename(session.current_user(), department.slug, name)
            done("The department was renamed.")
            st.rerun()


@st.dialog("Delete this department?")
@guarded
def delete(department: Department) -> None:
    """Ask before a department is gone."""
    st.write(f"**{answer.harmless(department.name)}** can be deleted when nobody and nothing belongs to it.")
    if st.button("Delete department", type="primary", key="departments_delete_yes"):
        with reporting():
            runtime.get_core().departments.delete(session.current_user(), department.slug)
            done("The department was deleted.")
            st.rerun()
