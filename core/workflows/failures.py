"""Why a draft is not saved, and why a workflow does not run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from core.engine.problems import Problem
from core.errors import Conflict, CoreError, GraphInvalid


class DraftChanged(Conflict):
    """{reason}"""

    def __init__(self, by_name: str, at: datetime, revision: int) -> None:
        """Say who has saved the draft meanwhile, when, and which ``revision`` that made."""
        self.by_name = by_name
        self.at = at
        self.revision = revision
        super().__init__(
            f"{by_name} has saved this workflow in the meantime. Load what they saved, or save yours as a copy."
        )


class WorkflowInvalid(GraphInvalid):
    """This workflow cannot run: {reason}"""

    def __init__(self, problems: Sequence[Problem]) -> None:
        """Say the first problem, and how many others there are."""
        self.problems = tuple(problems)
        others = len(self.problems) - 1
        more = (
            f" There {'is one more problem' if others == 1 else f'are {others} more problems'}." if others else ""
        )
        super().__init__(f"{self.problems[0].sentence}{more}")


class NotPublished(CoreError):
    """This workflow has no published version yet. Publish it, then run it."""

    code = "not_published"


class WorkflowArchived(CoreError):
    """This workflow is archived. Bring it back first."""

    code = "workflow_archived"


class ImportRefused(CoreError):
    """This cannot be imported: {reason}"""

    code = "import_refused"

    def __init__(self, reason: str) -> None:
        """Say in ``reason`` what is wrong with the file."""
        super().__init__(reason=reason)


class ExportRefused(CoreError):
    """This workflow cannot be exported: {reason}"""

    code = "export_refused"

    def __init__(self, reason: str) -> None:
        """Say in ``reason`` what the other form has no word for."""
        super().__init__(reason=reason)
