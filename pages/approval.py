"""One approval: what is asked, what it is about, what it costs, and the decision."""

import streamlit as st

from app import navigation, runtime, session
from app.ui import answer, approval_form, approval_rows, approval_values, approval_view
from core.errors import NotFound

core = runtime.get_core()
user = session.current_user()

navigation.link(navigation.APPROVALS, "All approvals", icon=":material/arrow_back:")
try:
    approval = core.approvals.get(user, st.query_params.get("id", ""))
except NotFound as error:
    st.error(error.sentence, icon=":material/error:")
    st.stop()

st.title(answer.harmless(approval.title), anchor=False)
with st.container(horizontal=True, gap="small", vertical_alignment="center"):
    approval_rows.chip(approval)
    st.caption(answer.harmless(approval_view.origin(approval)), width="content")

approval_view.outcome(user, approval)
if approval.message:
    answer.draw(approval.message)
if approval.data:
    approval_values.draw(approval.data)
approval_view.costs(approval)
if approval.may_decide:
    approval_form.draw(user, approval)
else:
    approval_view.edited(approval)
approval_view.follow(user, approval)
