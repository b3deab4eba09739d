"""The real model for this ring: fetched once, kept in ``.cache/models`` or under ``ZOARK_TEST_MODEL_DIR``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.llm.local.server import Endpoint, LocalModelServer
from tests.support.weights import fetched_weights


@pytest.fixture(scope="session")
def local_weights() -> Path:
    """The verified weights."""
    return fetched_weights()


@pytest.fixture(scope="session")
def local_server(local_weights: Path) -> Iterator[LocalModelServer]:
    """One server for the whole ring: a start costs two seconds, and 600 MB."""
    server = LocalModelServer(local_weights, threads=1)
    yield server
    server.stop()


@pytest.fixture
def endpoint(local_server: LocalModelServer) -> Iterator[Endpoint]:
    """Where the shared server answers."""
    with local_server.lease() as endpoint:
        yield endpoint
