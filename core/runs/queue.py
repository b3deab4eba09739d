"""The durable queue: DBOS workflows under the ids of runs. DBOS is imported on first use only."""

from __future__ import annotations

from threading import Lock
from typing import Any

from core.config import Settings

APP_NAME = "zoark"
WORKFLOW_NAME = "run_graph"
QUEUE_NAME = "runs"
# Part of DBOS's hand-over between releases: change it only when run_graph's steps change their meaning.
APP_VERSION = "1"


def system_database_url(settings: Settings) -> str:
    """Return where DBOS keeps its tables: a file beside ours, or schema ``dbos`` in the same PostgreSQL."""
    url = settings.database
    if not settings.is_sqlite:
        return url
    stem, dot, suffix = url.rpartition(".")
    return f"{stem}.dbos.{suffix}" if dot and "/" not in suffix else f"{url}.dbos"


def workflow_id(run_id: str, segment: int) -> str:
    """Return the id under which DBOS knows a segment of a run; that of the first is the run's own."""
    return run_id if segment == 1 else f"{run_id}.{segment}"


class RunQueue:
    """Hands runs to the workers."""

    def __init__(self, settings: Settings) -> None:
        """Connect on first use."""
        self._settings = settings
        self._client: Any = None
        self._lock = Lock()

    def enqueue(self, run_id: str, owner_id: str, segment: int = 1) -> None:
        """Put a segment of a run into the queue; doing it twice is harmless. Nothing else of it is stored there."""
        self._connected().enqueue(
            {
                "workflow_name": WORKFLOW_NAME,
                "queue_name": QUEUE_NAME,
                "workflow_id": workflow_id(run_id, segment),
                "app_version": APP_VERSION,
                "authenticated_user": owner_id,
            },
            run_id,
            segment,
        )

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            if self._client is not None:
                self._client.destroy()
                self._client = None

    def _connected(self) -> Any:
        with self._lock:
            if self._client is None:
                from dbos import DBOSClient, DBOSPortableJSONSerializer

                self._client = DBOSClient(
                    system_database_url=system_database_url(self._settings),
                    serializer=DBOSPortableJSONSerializer(),
                    application_name=APP_NAME,
                )
            return self._client
