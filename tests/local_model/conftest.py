"""The real model for this ring: fetched once, kept in ``.cache/models`` or under ``ZOARK_TEST_MODEL_DIR``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.errors import LocalModelUnavailable
from core.llm.local.server import Endpoint, LocalModelServer
from core.llm.local.support import why_unavailable
from core.llm.local.weights import fetch_weights

_CACHE = Path(__file__).parents[2] / ".cache"


@pytest.fixture(scope="session")
def local_weights() -> Path:
    """The verified weights; tests are skipped, with the reason, where they cannot be had."""
    data_dir = Path(os.environ.get("ZOARK_TEST_MODEL_DIR") or _CACHE)
    if reason := why_unavailable(data_dir):
        pytest.skip(f"the built-in model cannot run here: {reason}")
    try:
        return fetch_weights(data_dir, on_progress=lambda _done, _total: None)
    except LocalModelUnavailable as error:
        pytest.skip(error.sentence)


@pytest.fixture(scope="session")
def local_server(local_weights: Path) -> Iterator[LocalModelServer]:
    """One server for the whole ring: a start costs two seconds, and 600 MB."""
    server = LocalModelServer(local_weights)
    yield server
    server.stop()


@pytest.fixture
def endpoint(local_server: LocalModelServer) -> Iterator[Endpoint]:
    """Where the shared server answers."""
    with local_server.lease() as endpoint:
        yield endpoint
