"""One workflow: edit it, run it, its versions, its runs, its settings."""

import streamlit as st

from app import navigation, runtime, session
from app.ui import answer, layout, rights, share_dialog, workflow_rows, workflow_views
from core.errors import NotFound

core = runtime.get_core()
user = session.current_user()

try:
    workflow = core.workflows.get(user, st.query_params.get("id", ""))
except NotFound as error:
    st.error(error.sentence, icon=":material/error:")
    navigation.link(navigation.WORKFLOWS, "All workflows", icon=":material/arrow_back:")
    st.stop()

with layout.header(answer.harmless(workflow.name)):
    workflow_rows.chip(workflow)
    if workflow.access.is_owner and st.button("Share", icon=":material/share:", key="workflow_share"):
        share_dialog.share_workflow(workflow)
rights.explain(user, "agents.edit", "runs.start")
share_dialog.explain_workflow(workflow)

view = st.segmented_control(
    "View",
    list(workflow_views.VIEWS),
    default=workflow_views.first(workflow),
    required=True,
    label_visibility="collapsed",
    key="view",
    bind="query-params",
)
workflow_views.VIEWS[view](user, workflow)
