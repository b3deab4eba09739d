"""Every key of ``st.session_state`` that is not a widget's. It holds ids and view choices, never rows."""

from __future__ import annotations

# Where the visitor wanted to go before signing in.
NEXT_PATH = "next_path"
# Token of a sign-in by password or provider whose code is awaited; worthless in another browser.
SECOND_STEP = "second_step"
# Which part of the two-factor panel is open.
TWO_FACTOR_VIEW = "two_factor_view"
# With the page's name behind it: the token of a link that came by mail, until it was used.
LINK_TOKEN = "link_token"  # noqa: S105 - a name
# Ids of connected accounts that a provider does not accept any more, as far as this tab has asked.
EXPIRED_CONNECTIONS = "expired_connections"
# The export of the audit log was confirmed in its dialog, and the page has to go for it.
EXPORT_CONFIRMED = "export_confirmed"
# Whether the built-in model was asked for while setting up; the person may have to confirm first.
BUILT_IN_WANTED = "built_in_wanted"
# The id of the key whose address is to be changed next.
KEY_TO_MOVE = "key_to_move"
# The id of the test mail that the page E-mail follows.
TEST_MAIL = "test_mail"
# The id of the webhook whose log is shown further back.
WEBHOOK_WITH_OLDER = "webhook_with_older"
# The role with which the page was drawn.
ROLE = "role"
# Plain-script mode only: the session token, bound to the browser by its cookie.
TAB_SESSION = "tab_session"
# Sentence to show once, after a rerun or a change of page.
NOTICE = "notice"
# With the canvas's key behind it: which of its changes this tab has heard of.
CANVAS_HEARING = "canvas_hearing"
# What this tab knows of the draft that it edits: an ``app.ui.workflow_desk.Desk``.
DESK = "workflow_desk"
# With a canvas's name behind it: the step that is looked at, an ``app.ui.step_choice.Chosen``.
STEP_CHOSEN = "step_chosen"
