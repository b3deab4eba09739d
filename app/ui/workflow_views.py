"""The views of a workflow's page, by name, in their order. Only the one that is looked at is drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from app.ui import (
    workflow_editor,
    workflow_run,
    workflow_runs,
    workflow_settings,
    workflow_starts,
    workflow_versions,
)
from core.accounts.models import User
from core.workflows.models import Draft

VIEWS: Mapping[str, Callable[[User, Draft], None]] = {
    "Run": workflow_run.draw,
    "Edit": workflow_editor.draw,
    "Versions": workflow_versions.draw,
    "Runs": workflow_runs.draw,
    "Starts": workflow_starts.draw,
    "Settings": workflow_settings.draw,
}


def first(workflow: Draft) -> str:
    """Return the view that a workflow opens with: what can run is run, what cannot yet is edited."""
    return "Run" if workflow.published_version else "Edit"
