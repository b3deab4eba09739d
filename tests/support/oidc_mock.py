"""``oidc-provider-mock`` from PyPI in a process of its own: an OpenID Connect provider that we did not write."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from tests.support.app_server import free_port


@contextmanager
def oidc_mock(*people: dict[str, object]) -> Iterator[str]:
    """Give its address; ``people`` are claims with a ``sub``."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    users = [part for claims in people for part in ("--user-claims", json.dumps(claims))]
    process = subprocess.Popen(
        [sys.executable, "-m", "oidc_provider_mock", "-H", "127.0.0.1", "-p", str(port), "-n", "true", *users],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(1500):
            try:
                httpx.get(url + "/jwks", timeout=1)
                break
            except httpx.HTTPError:
                time.sleep(0.1)
        else:
            raise TimeoutError("oidc-provider-mock does not answer")
        yield url
    finally:
        process.terminate()
        process.wait(60)
