"""The few rules of style that Streamlit's theme has no setting for."""

from __future__ import annotations

import streamlit as st

_CSS = """
<style>
  /* The forms of streamlit-authenticator offer no primary button. */
  .st-key-sign_in_card [data-testid="stFormSubmitButton"] button {
    background: var(--st-primary-color); border-color: var(--st-primary-color); color: #fff; width: 100%;
  }
  .st-key-sign_in_card [data-testid="stFormSubmitButton"],
  .st-key-sign_in_card [data-testid="stFormSubmitButton"] > div { width: 100%; }
  /* Rows of a list stay in line on a phone. */
  @media (max-width: 640px) { [data-testid="stMetricValue"] { font-size: 1.2rem; } }
</style>
"""


def apply() -> None:
    """Add the rules to the page."""
    st.html(_CSS)
