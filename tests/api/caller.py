"""Somebody who calls the API with the token of a login."""

from __future__ import annotations

from typing import Any

from starlette.testclient import TestClient

from core.accounts.models import User
from core.bootstrap import Core
from tests.conftest import PASSWORD

PREFIX = "/api/v1"


class Caller:
    """Sends JSON and reads it."""

    def __init__(self, core: Core, client: TestClient, user: User) -> None:
        pair = core.logins.login(user.email, PASSWORD, None, "tests")
        self._client = client
        self.headers = {"Authorization": f"Bearer {pair.access.get_secret_value()}"}

    def send(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """Return the response."""
        sent = {"json": body} if body is not None else {}
        return self._client.request(method, PREFIX + path, params=query, headers=self.headers, **sent)

    def get(self, path: str, **query: Any) -> Any:
        """Return what a GET answers with 200."""
        answer = self.send("GET", path, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def do(self, status: int, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """Return what is answered with a status."""
        answer = self.send(method, path, body, **query)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    def all(self, path: str, **query: Any) -> list[Any]:
        """Return the items of every page."""
        found: list[Any] = []
        cursor: dict[str, str] = {}
        while True:
            page = self.get(path, **query, **cursor)
            found += page["items"]
            if page["next"] is None:
                return found
            cursor = {"cursor": page["next"]}
