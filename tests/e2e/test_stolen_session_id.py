"""Streamlit's session id stands in upload addresses, so in proxies' logs: with it alone one is nobody.

Spoken on the websocket itself, against the real server; and against one that keeps who is signed in in Streamlit's
session state, as apps of this kind do, to prove that the attack is one.
"""

from __future__ import annotations

import base64
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from itsdangerous import TimestampSigner
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.web.server.starlette.starlette_app_utils import generate_xsrf_token_string
from websockets.sync.client import ClientConnection, connect

from app.http.cookie import SESSION_COOKIE, TOKEN_FIELD, XSRF_COOKIE
from core.bootstrap import build_core
from core.config import load_settings
from tests.support.app_server import ADMIN_EMAIL, ADMIN_PASSWORD, AppServer

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

# The naive way: once signed in, the session state says so.
NAIVE = """
import sys, streamlit as st
sys.path.insert(0, ".")
import app.session as session
honest = session.current_token
def naive():
    token = st.session_state.get("naive") or honest()
    st.session_state["naive"] = token
    return token
session.current_token = naive
from streamlit.web.cli import main
sys.argv = ["streamlit", "run", "app/main.py", "--server.port", sys.argv[1], "--server.address", "127.0.0.1"]
main()
"""


@pytest.fixture
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AppServer]:
    app = AppServer(tmp_path)
    command = [sys.executable, "-m", "streamlit", "run", "app/main.py", "--server.port", str(app.port)]
    if request.param == "naive":
        command = [sys.executable, "-c", NAIVE, str(app.port)]
    else:
        command += ["--server.address", "127.0.0.1"]
    app.start_with(command)
    yield app
    app.stop()


def signed_in_cookie(server: AppServer) -> str:
    """Return the cookie of the administrator's browser."""
    core = build_core(load_settings(ZOARK_DATA_DIR=server.data_dir))
    token = core.accounts.start_session(core.accounts.authenticate(ADMIN_EMAIL, ADMIN_PASSWORD), "agent")
    secret = core.ring.derive("cookie").hex()
    core.close()
    data = base64.b64encode(json.dumps({TOKEN_FIELD: token}).encode())
    return TimestampSigner(secret).sign(data).decode()


class Tab:
    """A browser tab without a browser: the websocket that Streamlit's page opens."""

    def __init__(self, server: AppServer, cookie: str = "", session_id: str = "") -> None:
        xsrf = generate_xsrf_token_string()
        cookies = f"{XSRF_COOKIE}={xsrf}" + (f"; {SESSION_COOKIE}={cookie}" if cookie else "")
        spoken = ["streamlit", xsrf, *([session_id] if session_id else [])]
        self._socket: ClientConnection = connect(
            f"ws://127.0.0.1:{server.port}/_stcore/stream",
            additional_headers={"Cookie": cookies},
            subprotocols=spoken,  # type: ignore[arg-type]
            origin=server.url,  # type: ignore[arg-type]
            max_size=None,
            open_timeout=60,
        )
        self.session_id = ""

    def draw(self) -> str:
        """Run the page and return everything the server sends for it."""
        message = BackMsg()
        message.rerun_script.query_string = ""
        self._socket.send(message.SerializeToString())
        told, end = "", time.monotonic() + 40
        while time.monotonic() < end:
            raw = self._socket.recv(timeout=120)
            assert isinstance(raw, bytes)
            answer = ForwardMsg()
            answer.ParseFromString(raw)
            if answer.WhichOneof("type") == "new_session":
                self.session_id = answer.new_session.initialize.session_id
            told += str(answer)
            is_end = answer.WhichOneof("type") == "script_finished"
            # A run that leads to another page ends early, and the run of that page follows.
            if is_end and answer.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
                return told
        raise TimeoutError(told[-2000:])

    def close(self) -> None:
        self._socket.close()


@pytest.mark.parametrize("server", ["honest", "naive"], indirect=True)
def test_a_stolen_session_id_without_the_cookie_is_nobody(
    server: AppServer, request: pytest.FixtureRequest
) -> None:
    is_naive = "naive" in request.node.callspec.id
    hers = Tab(server, signed_in_cookie(server))
    assert ADMIN_EMAIL in hers.draw()
    assert hers.session_id
    thief = Tab(server, session_id=hers.session_id)
    seen = thief.draw()
    assert (ADMIN_EMAIL in seen) == is_naive
    assert ("Sign out" in seen) == is_naive
    if not is_naive:
        assert '"Password"' in seen
        fresh = Tab(server)
        assert ADMIN_EMAIL not in fresh.draw()
        fresh.close()
    thief.close()
    hers.close()
