"""A real browser, and the real app on a free port."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.fakes.model_server import FakeModelServer
from tests.support.app_server import AppServer

# Longer than Playwright's own 5 s: two browsers and their servers share two cores with the other tests.
EXPECT_MS = 60_000
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def chromium_path() -> str | None:
    """Return the one in ``$CHROMIUM``, or on the path; without either Playwright takes its own."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=EXPECT_MS)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=chromium_path(), args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def fake_models() -> Iterator[FakeModelServer]:
    with FakeModelServer() as server:
        yield server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, fake_models: FakeModelServer) -> Iterator[AppServer]:
    """The app with open registration, allowed to reach the fake model server."""
    data_dir: Path = tmp_path_factory.mktemp("app")
    app = AppServer(
        data_dir,
        ZOARK_REGISTRATION="open",
        ZOARK_ENDPOINT_ALLOWLIST=f"127.0.0.1:{fake_models.port}",
        ZOARK_WORKER_IDLE_SECONDS="600",
    )
    with app:
        yield app
