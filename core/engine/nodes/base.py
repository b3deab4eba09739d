"""What a kind of node is: a check of its settings and a way to run it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from core.accounts.models import User
from core.engine.control import RunControl
from core.engine.graph import Node
from core.keys.models import OpenKey
from core.keys.service import Keys
from core.llm.base import Endpoint
from core.quotas.rates import Rates
from core.runs.journal import RunJournal
from core.security.egress import EgressPolicy
from core.usage.service import Usage


class Endpoints(Protocol):
    """Turns an opened key into an address that can be called now."""

    def lease(self, key: OpenKey) -> AbstractContextManager[tuple[Endpoint, EgressPolicy]]:
        """Hold an endpoint for one node; the built-in model's server is started for it."""


@dataclass(frozen=True)
class Services:
    """What nodes work with."""

    keys: Keys
    usage: Usage
    journal: RunJournal
    endpoints: Endpoints
    data_dir: Path
    rates: Rates


@dataclass(frozen=True)
class NodeContext:
    """Where a node runs: in which run, for whom, under which switch."""

    services: Services
    run_id: str
    agent_id: str | None
    department: str | None
    user: User
    control: RunControl


class NodeKind(Protocol):
    """A kind of node."""

    name: str

    def check(self, node: Node) -> None:
        """Raise ``GraphInvalid`` when the node's settings cannot run."""

    def time_limit_seconds(self, node: Node) -> float:
        """Return how long the node may take."""

    def run(self, context: NodeContext, node: Node, values: Mapping[str, str], sources: tuple[str, ...]) -> str:
        """Do the work and return the node's output.

        Args:
            context: where it runs.
            node: its settings.
            values: the run's inputs and the outputs of earlier nodes, by name.
            sources: the names among ``values`` that an edge leads from.
        """
