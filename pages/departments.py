"""Departments: add, rename, order and delete them."""

import streamlit as st

from app import runtime, session
from app.feedback import reporting
from app.ui import answer, department_dialogs, layout

core = runtime.get_core()
user = session.current_user()

with layout.header("Departments", "People and agents belong to them; costs are told apart by them."):
    if st.button("New department", type="primary", icon=":material/add:", key="departments_new"):
        department_dialogs.add()

departments = core.departments.all()
for place, department in enumerate(departments):
    slug = department.slug
    with st.container(border=True, horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        with st.container(gap="xsmall", width="stretch"):
            st.markdown(f"**{answer.harmless(department.name)}**")
            st.caption(f"`{slug}`")
        for label, icon, places in (("Up", "arrow_upward", -1), ("Down", "arrow_downward", 1)):
            at_end = place + places not in range(len(departments))
            if st.button(
                label,
                icon=f":material/{icon}:",
                type="tertiary",
                disabled=at_end,
                key=f"departments_{label.lower()}_{slug}",
            ):
                with reporting():
                    core.departments.move(user, slug, places)
                    st.rerun()
        if st.button("Rename", icon=":material/edit:", key=f"departments_rename_{slug}"):
            department_dialogs.rename(department)
        if st.button("Delete", icon=":material/delete:", type="tertiary", key=f"departments_delete_{slug}"):
            department_dialogs.delete(department)
