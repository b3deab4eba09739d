"""The caller's account, sessions, tokens and connected accounts."""

from __future__ import annotations

from core import clock
from tests.api.calls.call import Call, Sent, everybody, own
from tests.support.stage import Stage


def draft(_stage: Stage) -> Sent:
    return Sent(body={"name": clock.new_id("t"), "scopes": ["runs:read"], "expires_in_days": 7})


CALLS = {
    "get_account": Call(everybody(200)),
    "get_two_factor": Call(everybody(200)),
    "list_sessions": Call(everybody(200)),
    "end_session": Call(own(204), lambda stage: Sent({"session_id": stage.session()})),
    "end_other_sessions": Call(everybody(200)),
    "list_connected_accounts": Call(everybody(200)),
    "disconnect_account": Call(own(204), lambda stage: Sent({"account_id": stage.connected()})),
    "list_scopes": Call(everybody(200)),
    "create_token": Call(everybody(201), draft),
    "list_tokens": Call(everybody(200)),
    "get_token": Call(own(200), lambda stage: Sent({"token_id": stage.api_token()})),
    "revoke_token": Call(own(204), lambda stage: Sent({"token_id": stage.api_token()})),
}
