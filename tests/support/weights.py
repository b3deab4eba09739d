"""The built-in model's weights for tests: fetched once, kept in ``.cache/models`` or ``ZOARK_TEST_MODEL_DIR``."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.errors import LocalModelUnavailable
from core.llm.local.support import why_unavailable
from core.llm.local.weights import fetch_weights

CACHE = Path(__file__).resolve().parents[2] / ".cache"


def fetched_weights() -> Path:
    """Return the verified weights; where they cannot be had the test is skipped, which CI counts as a failure."""
    data_dir = Path(os.environ.get("ZOARK_TEST_MODEL_DIR") or CACHE)
    if reason := why_unavailable(data_dir):
        pytest.skip(f"the built-in model cannot run here: {reason}")
    try:
        return fetch_weights(data_dir, on_progress=lambda _done, _total: None)
    except LocalModelUnavailable as error:
        pytest.skip(error.sentence)
