"""The desk behind a real server: the app, a worker and a fake model; programs come by HTTP."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from core import clock
from core.runs.models import Run
from tests.support.app_server import AppServer
from tests.support.databases import SqliteTemplates
from tests.support.worker import Desk, desk, environment_of, wait_until

SECRET = "zk-Protocol-0123456789abcdef"
SCOPES = ("agents:read", "runs:write")


class Served:
    """Alice's desk, and where programs reach it."""

    def __init__(self, at: Desk, app: AppServer) -> None:
        self.app = app
        self.at = at
        self.core = at.core
        self.alice = at.alice
        self.openai_url = f"{app.url}/api/v1/openai/v1"
        self.mcp_url = f"{app.url}/api/v1/mcp"

    def token(self, scopes: Sequence[str] = SCOPES) -> str:
        """Return a personal token of Alice's."""
        made = self.core.tokens.create(self.alice, clock.new_id("t"), scopes, 1)
        return made.secret.get_secret_value()

    def runs_of(self, agent_id: str) -> Sequence[Run]:
        """Return an agent's runs, the newest first."""
        return self.core.runs.list(self.alice, agent_id)

    def only_run(self, agent_id: str) -> Run:
        """Return the one run of an agent, when it has ended."""
        (run,) = self.runs_of(agent_id)
        return self.at.ended(run)

    def is_asked(self, agent_id: str) -> None:
        """Wait until the model answers for an agent."""
        kinds = ("model_call_started",)
        found = lambda: any(  # noqa: E731
            event.kind in kinds for run in self.runs_of(agent_id) for event in self.at.events(run)
        )
        wait_until(found, 120, "the model is asked")


@contextmanager
def served(templates: SqliteTemplates, folder: Path, **settings: Any) -> Iterator[Served]:
    """Start everything; it ends with the block."""
    with (
        templates.fresh(folder) as url,
        desk(url, folder, SECRET, ZOARK_WORKER="external", **settings) as at,
        AppServer(folder, **environment_of(at.settings)) as app,
    ):
        at.worker()
        yield Served(at, app)
