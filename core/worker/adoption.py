"""Takes over what dead workers left: DBOS itself recovers only an executor's own work."""

from __future__ import annotations

from typing import Any

from dbos import DBOS

from core.logs import get_logger

log = get_logger(__name__)

# DBOS sends recovered workflows through this queue when they had none.
RECOVERY_QUEUE = "_dbos_internal_queue"


def adopt_orphans(live: set[str]) -> int:
    """Put runs of executors that are not ``live`` back into the queue; return how many.

    DBOS's statement names the dead executor, so that two adopters cannot both succeed and a run that
    somebody has taken up again is left alone.
    """
    adopted = 0
    for workflow in DBOS.list_workflows(status="PENDING", load_input=False, load_output=False):
        owner = workflow.executor_id
        if owner and owner not in live:
            adopted += int(_system_database().reenqueue_for_recovery(workflow.workflow_id, [owner], RECOVERY_QUEUE))
    if adopted:
        log.info("took over runs of dead workers", runs=adopted)
    return adopted


def _system_database() -> Any:
    # Private in DBOS 3.4, where only the paid conductor automates this; the kill -9 tests watch it.
    from dbos._dbos import _get_dbos_instance

    return _get_dbos_instance()._sys_db
