"""Asks a provider or service whether a key works and what it may use: cheap, guarded, and never long."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from core import clock
from core.errors import CoreError
from core.keys.advice import outcome_of
from core.keys.kind import Kind, Reach
from core.keys.models import KeyTest, OpenKey
from core.llm.base import Endpoint, Provider
from core.local_model.models import LocalModelStatus
from core.local_model.service import LocalModel
from core.security.egress import EgressPolicy, GuardedClient, guarded_client

TEST_SECONDS = 15.0
TEST_MAX_BYTES = 1_000_000
LOCAL_TEST_WAIT_SECONDS = 8.0


class KeyChecks:
    """One cheap real call for each question."""

    def __init__(self, policy: EgressPolicy, local_model: LocalModel) -> None:
        """Reach everything under ``policy`` only; ask ``local_model`` about the built-in one."""
        self._policy = policy
        self._local_model = local_model

    def test(self, kind: Kind, opened: Callable[[], OpenKey]) -> KeyTest:
        """Say whether a key works; a failure of ``opened`` is an outcome too."""
        return self._test_built_in() if kind.is_built_in else self._test_remote(kind, opened)

    def models(self, provider: Provider, endpoint: Endpoint) -> Sequence[str]:
        """Return the models a key may use; raises ``ModelError``."""
        if provider.is_built_in:
            return provider.example_models
        with self._client() as http:
            return provider.list_models(endpoint, http)

    def _test_remote(self, kind: Kind, opened: Callable[[], OpenKey]) -> KeyTest:
        try:
            with self._client() as http:
                found = kind.check(opened(), Reach(http, self._policy, TEST_SECONDS))
        except CoreError as error:
            return outcome_of(kind, error)
        return KeyTest(True, "ok", found.sentence, found.models)

    def _test_built_in(self) -> KeyTest:
        try:
            status = self._local_model.request()
        except CoreError as error:
            return KeyTest(False, error.code, error.sentence)
        give_up_at = clock.monotonic_seconds() + LOCAL_TEST_WAIT_SECONDS
        while status.is_busy and clock.monotonic_seconds() < give_up_at:
            time.sleep(0.2)
            status = self._local_model.status()
        return _local_outcome(status)

    def _client(self) -> GuardedClient:
        return guarded_client(self._policy, total_seconds=TEST_SECONDS, max_bytes=TEST_MAX_BYTES)


def _local_outcome(status: LocalModelStatus) -> KeyTest:
    if status.state == "ready":
        return KeyTest(True, "ok", status.message)
    if status.is_busy:
        return KeyTest(False, "preparing", status.message)
    return KeyTest(False, "local_model_unavailable", status.message)
