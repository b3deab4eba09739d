"""Calls the API as a person who has just logged in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import update
from starlette.testclient import TestClient

from core import clock
from core.accounts.models import User
from core.bootstrap import Core
from core.db.tables import sessions
from tests.conftest import PASSWORD

PREFIX = "/api/v1"


@dataclass
class Bearer:
    """A logged-in person: a method of HTTP for each call; the answer is Starlette's."""

    client: TestClient
    core: Core
    user: User

    def __post_init__(self) -> None:
        """Log in."""
        pair = self.core.logins.login(self.user.email, PASSWORD, None, "tests")
        self.headers = {"Authorization": f"Bearer {pair.access.get_secret_value()}"}

    def call(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """Send a request."""
        sent = {"json": body} if body is not None else {}
        return self.client.request(method, PREFIX + path, params=query, headers=self.headers, **sent)

    def get(self, path: str, **query: Any) -> Any:
        """Return what a GET that succeeds answers."""
        answer = self.call("GET", path, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def walk(self, path: str, **query: Any) -> Iterator[Any]:
        """Yield the items of every page of a list."""
        page = self.get(path, **query)
        while True:
            yield from page["items"]
            if page["next"] is None:
                return
            page = self.get(path, **query, cursor=page["next"])

    def refusal(self, method: str, path: str, body: Any = None, **query: Any) -> tuple[int, str, list[str]]:
        """Return status, code and the pointers of a request that fails; it has one sentence."""
        answer = self.call(method, path, body, **query)
        problem = answer.json()
        assert answer.headers["content-type"] == "application/problem+json", answer.text
        assert problem["detail"].strip()
        assert "\n" not in problem["detail"]
        return answer.status_code, problem["code"], [one["pointer"] for one in problem["errors"]]


def let_proofs_grow_old(core: Core) -> None:
    """Have everybody proved who they are eleven minutes ago."""
    with core.db.transaction() as connection:
        connection.execute(update(sessions).values(proved_at=clock.now() - timedelta(minutes=11)))
