"""Logging in and out."""

from __future__ import annotations

from core import clock
from tests.api.calls.call import Call, Sent, everybody
from tests.conftest import PASSWORD
from tests.support.stage import Stage


def login(stage: Stage) -> Sent:
    return Sent(body={"email": stage.owner.email, "password": PASSWORD})


def refresh(stage: Stage) -> Sent:
    pair = stage.core.logins.login(stage.owner.email, PASSWORD, None, "tests")
    return Sent(body={"refresh_token": pair.refresh.get_secret_value()})


def registration(_stage: Stage) -> Sent:
    return Sent(body={"email": f"{clock.new_id('p')}@example.com", "name": "New", "password": PASSWORD})


CALLS = {
    "register": Call(everybody(201), registration),
    "login": Call(everybody(200), login),
    "refresh": Call(everybody(200), refresh),
    "logout": Call(everybody(204)),
    "me": Call(everybody(200)),
    "change_password": Call(everybody(422), lambda _: Sent(body={"present": "not this one", "new": PASSWORD * 2})),
    "request_password_reset": Call(everybody(409), lambda _: Sent(body={"email": "a@example.com"})),
}
