"""The built-in model: fetched on request, served while it is needed, stopped when idle."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from pydantic import SecretStr

from core import clock
from core.config import Settings
from core.errors import CoreError, LocalModelUnavailable
from core.keys.models import OpenKey
from core.llm.base import Endpoint
from core.llm.failures import from_response
from core.llm.local.about import MODEL_NAME
from core.llm.local.server import LocalModelServer
from core.llm.local.weights import fetch_weights, weights_path
from core.llm.registry import provider_named
from core.local_model.service import LocalModel
from core.logs import get_logger
from core.security.egress import EgressPolicy, guarded_client
from core.security.redact import register_secret

REPORT_EVERY_SECONDS = 1.0
CHECK_SECONDS = 120.0

log = get_logger(__name__)


class WorkerEndpoints:
    """Leases endpoints to nodes; for the built-in model it owns the server behind it."""

    def __init__(self, settings: Settings, policy: EgressPolicy, local_model: LocalModel) -> None:
        """Start nothing yet."""
        self._settings = settings
        self._policy = policy
        self._local_model = local_model
        self._server: LocalModelServer | None = None
        self._lock = Lock()

    @contextmanager
    def lease(self, key: OpenKey) -> Iterator[tuple[Endpoint, EgressPolicy]]:
        """Hold an endpoint for one node."""
        if not provider_named(key.key.provider).is_built_in:
            yield key.endpoint, self._policy
            return
        with self._local_lease() as leased:
            yield leased

    def prepare_if_requested(self) -> None:
        """Fetch the weights and make one real call, when somebody asked for it. Reports as it goes."""
        if not self._local_model.claim():
            return
        try:
            self._fetch()
            self._local_model.report("checking", "Starting the model for a first answer.")
            seconds = self._first_answer()
        except CoreError as error:
            self._local_model.report("failed", error.sentence)
        except Exception:
            log.exception("preparing the built-in model failed")
            self._local_model.report("failed", "The built-in model could not be prepared; the log says why.")
        else:
            self._local_model.report("ready", f"The built-in model is ready; it answered in {seconds:.1f} s.")

    def stop_if_idle(self) -> None:
        """Stop the server when nobody used it for a while."""
        with self._lock:
            server = self._server
        if server is not None:
            server.stop_if_idle(clock.monotonic_seconds())

    def stop(self) -> None:
        """Stop the server."""
        with self._lock:
            if self._server is not None:
                self._server.stop()

    @contextmanager
    def _local_lease(self) -> Iterator[tuple[Endpoint, EgressPolicy]]:
        server = self._server_for(self._fetch())
        with server.lease() as local:
            register_secret(local.api_key)
            endpoint = Endpoint(local.base_url, SecretStr(local.api_key))
            yield endpoint, self._policy.with_exact(local.host, local.port)

    def _server_for(self, weights: Path) -> LocalModelServer:
        with self._lock:
            if self._server is None:
                self._server = LocalModelServer(weights)
            return self._server

    def _fetch(self) -> Path:
        reason = self._local_model.why_unavailable()
        if reason:
            raise LocalModelUnavailable(reason)
        override = self._settings.local_model
        if override is not None:
            return weights_path(self._settings.data_dir, override)
        last = 0.0

        def progress(done: int, total: int) -> None:
            nonlocal last
            if clock.monotonic_seconds() - last >= REPORT_EVERY_SECONDS:
                last = clock.monotonic_seconds()
                self._local_model.report("fetching", "Fetching the built-in model.", done, total)

        return fetch_weights(self._settings.data_dir, on_progress=progress)

    def _first_answer(self) -> float:
        began = clock.monotonic_seconds()
        with (
            self._local_lease() as (endpoint, policy),
            guarded_client(policy, total_seconds=CHECK_SECONDS, max_bytes=100_000) as http,
        ):
            question = {
                "model": MODEL_NAME,
                "max_tokens": 4,
                "messages": [{"role": "user", "content": "Say yes."}],
            }
            response = http.post(
                f"{endpoint.base_url}/chat/completions",
                content=json.dumps(question),
                headers=endpoint.bearer(),
            )
            if response.status_code != 200:
                raise from_response(response.status_code, response.text)
        return clock.monotonic_seconds() - began
