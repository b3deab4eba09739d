"""The few rules of style that Streamlit's theme has no setting for."""

from __future__ import annotations

from typing import Any

import streamlit as st

_CSS = """
<style>
  /* The forms of streamlit-authenticator offer no primary button. */
  .st-key-sign_in_card [data-testid="stFormSubmitButton"] button {
    background: PRIMARY; border-color: PRIMARY; color: #fff; width: 100%;
  }
  .st-key-sign_in_card [data-testid="stFormSubmitButton"],
  .st-key-sign_in_card [data-testid="stFormSubmitButton"] > div { width: 100%; }
  /* A title and the action beside it share one middle line. */
  [data-testid="stHeading"] h1 { padding: 0; }
  /* Links to pages stand in line with the text below them. */
  [data-testid="stMain"] [data-testid="stPageLink-NavLink"] { padding-left: 0; padding-right: 0; }
  /* A canvas wants room. */
  @media (min-width: 641px) {
    [data-testid="stMainBlockContainer"]:has(.st-key-workflow_bar) { padding-left: 2rem; padding-right: 2rem; }
  }
  /* On a narrow screen a step is its number; its name stays for screen readers. */
  @media (max-width: 640px) {
    .st-key-setup_stepper button [data-testid="stMarkdownContainer"] p { font-size: 0; }
    .st-key-setup_stepper button { min-width: 0; padding: 0.25rem 0.4rem; }
  }
  /* A decision is taken with one thumb. */
  .st-key-approval_buttons button { min-height: 3rem; }
  @media (max-width: 640px) { [data-testid="stMetricValue"] { font-size: 1.2rem; } }
</style>
"""


def chart_colours() -> list[str]:
    """Return the colours of series for the reader's theme, as ``.streamlit/config.toml`` has them."""
    return list(_option("chartCategoricalColors") or [])


def timeline_colours() -> list[str]:
    """Return the colours of working, waiting and failing."""
    blue, _, orange, _, red, *_ = chart_colours()
    return [blue, orange, red]


def apply() -> None:
    """Add the rules to the page."""
    st.html(_CSS.replace("PRIMARY", str(_option("primaryColor"))))


def _option(name: str) -> Any:
    return st.get_option(f"theme.{st.context.theme.type or 'light'}.{name}")
