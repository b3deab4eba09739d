"""The committed canvas is what its source builds, and its own tests pass: this needs npm and the npm registry."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

FRONTEND = Path(__file__).resolve().parents[2] / "app" / "ui" / "canvas" / "frontend"
REGISTRY = "https://registry.npmjs.org/"


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the source with exactly the packages of its lock."""
    if shutil.which("npm") is None:
        pytest.fail("npm is missing: install Node.js 20 or newer, the canvas is built and tested with it.")
    folder = tmp_path_factory.mktemp("canvas") / "frontend"
    shutil.copytree(FRONTEND, folder, ignore=shutil.ignore_patterns("node_modules", "build"))
    assert complaint(folder, "ci", "--prefer-offline", "--fetch-retries=5") == ""
    return folder


def complaint(folder: Path, *command: str) -> str:
    """Run a command of npm; return what it says when it fails, and nothing when it went well."""
    done = subprocess.run(["npm", *command], cwd=folder, capture_output=True, text=True, check=False)
    return f"{done.returncode}: {done.stdout}{done.stderr}" if done.returncode else ""


@pytest.mark.timeout(300)
def test_a_rebuild_gives_the_committed_files_to_the_byte(copy: Path) -> None:
    assert complaint(copy, "run", "build") == ""
    built = {file.name: file.read_bytes() for file in (copy / "build").iterdir()}
    assert built == {file.name: file.read_bytes() for file in (FRONTEND / "build").iterdir()}, (
        "Run 'npm ci && npm run build' in app/ui/canvas/frontend and commit build/."
    )


@pytest.mark.timeout(300)
def test_the_types_of_the_source_agree(copy: Path) -> None:
    assert complaint(copy, "run", "check") == ""


@pytest.mark.timeout(300)
def test_the_tests_of_the_source_pass(copy: Path) -> None:
    assert complaint(copy, "test") == ""


def test_the_lock_names_no_other_registry_and_no_script_of_a_package_runs() -> None:
    packages = json.loads((FRONTEND / "package-lock.json").read_text("utf-8"))["packages"]
    assert {
        p["resolved"] for p in packages.values() if not p.get("resolved", REGISTRY).startswith(REGISTRY)
    } == set()
    assert all("integrity" in package for name, package in packages.items() if name)
    assert "ignore-scripts=true" in (FRONTEND / ".npmrc").read_text("utf-8")


def test_the_notice_has_the_licence_of_every_package_in_the_bundle() -> None:
    notice = (FRONTEND / "build" / "NOTICE").read_text("utf-8")
    for package in ("@xyflow/react", "@xyflow/system", "react", "react-dom", "scheduler", "zustand", "d3-zoom"):
        assert f"\n{package} " in notice
    assert "undefined" not in notice
