"""Every key of ``st.session_state`` that is not a widget's. It holds ids and view choices, never rows."""

from __future__ import annotations

# Where the visitor wanted to go before signing in.
NEXT_PATH = "next_path"
# Plain-script mode only: the session token, bound to the browser by its cookie.
TAB_SESSION = "tab_session"
# Sentence to show once, after a rerun or a change of page.
NOTICE = "notice"
