"""The worker's life: start DBOS, beat, adopt, sweep, obey cancellations, stop."""

from __future__ import annotations

import os
import socket
import threading
import time

import crewai  # noqa: F401 - paid before work is taken, not during the first run
from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer

from core import clock
from core.bootstrap import Core
from core.engine.control import Controls
from core.engine.execution import NodeRunner
from core.engine.nodes.base import Services
from core.logs import get_logger
from core.runs.models import WorkerInfo
from core.runs.queue import APP_NAME, APP_VERSION, QUEUE_NAME, system_database_url
from core.tools.base import ToolServices
from core.worker.adoption import adopt_orphans
from core.worker.approvals import ApprovalClock
from core.worker.audit_witness import AuditWitness
from core.worker.housekeeping import Housekeeping
from core.worker.local_endpoints import WorkerEndpoints
from core.worker.mail import MailCarrier
from core.worker.rotation import Rotator
from core.worker.starts import Starts
from core.worker.webhooks import WebhookCarrier
from core.worker.workflow import register_workflow

BEAT_SECONDS = 3.0
# Others adopt after core.turns.service.WORKER_SILENT_AFTER (20 s): a worker that could not beat for this
# long, or slept with its laptop, ends itself before that.
GIVE_UP_SECONDS = 12.0
CANCEL_POLL_SECONDS = 0.3
QUEUE_POLL_SECONDS = 0.1
WAKE_POLL_SECONDS = 1.0
DRAIN_SECONDS = 5
# A thread that cannot be stopped ends with its process only. Other runs have so long to end before that.
LONGEST_DRAIN_SECONDS = 60
STUCK_POLL_SECONDS = 1.0
EXIT_STUCK = 4

log = get_logger(__name__)


class WorkerProcess:
    """One worker with a name of its own."""

    def __init__(self, core: Core, *, is_embedded: bool) -> None:
        """Prepare; nothing runs before ``serve``."""
        self._core = core
        self._executor_id = clock.new_id("worker")
        self._controls = Controls()
        self._witness = AuditWitness(core.audit)
        self._endpoints = WorkerEndpoints(core.settings, core.policy, core.local_model)
        self._info = WorkerInfo(
            executor_id=self._executor_id,
            host=socket.gethostname()[:120],
            pid=os.getpid(),
            is_embedded=is_embedded,
            started_at=clock.now(),
            heartbeat_at=clock.now(),
            stopped_at=None,
            slots=core.settings.worker_threads,
        )
        self._place_is_free = threading.Event()
        self._is_ending = threading.Event()

    def serve(self, end: threading.Event) -> int:
        """Execute runs until ``end`` is set; return the exit code."""
        self._core.journal.worker_started(self._info)
        self._launch()
        print("ready", flush=True)  # what the supervisor reads; logs go to stderr
        log.info("worker is ready", executor_id=self._executor_id)
        threads = [
            threading.Thread(target=self._beat, args=(end,), name="beat", daemon=True),
            threading.Thread(target=self._take_over, args=(end,), name="take-over", daemon=True),
            threading.Thread(target=self._begin_runs, args=(end,), name="dispatch", daemon=True),
            threading.Thread(target=self._wake_runs, args=(end,), name="timers", daemon=True),
            threading.Thread(target=self._watch_cancellations, args=(end,), name="cancel", daemon=True),
            threading.Thread(target=self._tend_local_model, args=(end,), name="local-model", daemon=True),
            threading.Thread(target=MailCarrier(self._core).serve, args=(end,), name="mail", daemon=True),
            threading.Thread(target=ApprovalClock(self._core).serve, args=(end,), name="approvals", daemon=True),
            threading.Thread(target=WebhookCarrier(self._core).serve, args=(end,), name="webhooks", daemon=True),
            threading.Thread(target=Starts(self._core).serve, args=(end,), name="starts", daemon=True),
            threading.Thread(target=Rotator(self._core).serve, args=(end,), name="rotation", daemon=True),
            threading.Thread(target=self._witness.serve, args=(end,), name="audit-head", daemon=True),
            threading.Thread(target=Housekeeping(self._core).serve, args=(end,), name="housekeeping", daemon=True),
        ]
        for thread in threads:
            thread.start()
        while not end.wait(STUCK_POLL_SECONDS):
            if self._controls.has_abandoned():
                log.error("a node does not end: this worker makes room for another one")
                self._stop(LONGEST_DRAIN_SECONDS)
                return EXIT_STUCK
        self._stop(0 if self._info.is_embedded else DRAIN_SECONDS)
        return 0

    def _launch(self) -> None:
        core = self._core
        services = Services(
            core.keys,
            core.usage,
            core.journal,
            self._endpoints,
            core.settings.data_dir,
            core.rates,
            core.runs,
            core.approvals,
            ToolServices(core.keys, core.tool_mail),
        )
        config = DBOSConfig(
            name=APP_NAME,
            system_database_url=system_database_url(core.settings),
            executor_id=self._executor_id,
            application_version=APP_VERSION,
            serializer=DBOSPortableJSONSerializer(),
            log_level="WARNING",
            enable_otlp=False,
            run_migrations=False,
            max_executor_threads=core.settings.worker_threads * 2 + 8,
            scheduler_polling_interval_sec=30.0,
        )
        DBOS(config=config)
        runner = NodeRunner(services, core.accounts, self._controls)
        register_workflow(core.journal, runner, self._controls, self._place_is_free.set, self._is_ending)
        DBOS.launch()
        core.journal.worker_beat(self._executor_id)  # launching may have taken long, and now it takes runs
        DBOS.register_queue(
            QUEUE_NAME,
            worker_concurrency=core.settings.worker_threads,
            polling_interval_sec=QUEUE_POLL_SECONDS,
        )
        self._adopt()

    def _beat(self, end: threading.Event) -> None:
        last = time.time()
        while not end.wait(BEAT_SECONDS):
            try:
                if time.time() - last > GIVE_UP_SECONDS:
                    raise TimeoutError
                self._core.journal.worker_beat(self._executor_id)
                last = time.time()
            except Exception as error:
                log.warning("heartbeat failed", error=type(error).__name__)
                if time.time() - last > GIVE_UP_SECONDS:
                    log.error("this worker fell silent; another one takes over")
                    os._exit(1)

    def _take_over(self, end: threading.Event) -> None:
        """Look after what the dead have left; it may take long, so the heart beats in a thread of its own."""
        while not end.wait(BEAT_SECONDS):
            try:
                self._adopt()
                self._core.runs.dispatch.sweep()
                self._core.usage.interrupt_expired()
            except Exception as error:  # the database may be away for a moment
                log.warning("cannot look after what dead workers left", error=type(error).__name__)

    def _begin_runs(self, end: threading.Event) -> None:
        while not end.is_set():
            self._place_is_free.wait(QUEUE_POLL_SECONDS)
            self._place_is_free.clear()
            try:
                self._core.runs.dispatch.begin_next()
            except Exception as error:  # the database may be away for a moment
                log.warning("no run could be let begin", error=type(error).__name__)

    def _wake_runs(self, end: threading.Event) -> None:
        while not end.wait(WAKE_POLL_SECONDS):
            try:
                self._core.runs.waking.wake_due()
            except Exception as error:  # the database may be away for a moment
                log.warning("cannot look whose time has come", error=type(error).__name__)

    def _adopt(self) -> None:
        if self._core.settings.is_sqlite:
            adopt_orphans({self._executor_id})  # the lock says that there is no other
        else:
            adopt_orphans({worker.executor_id for worker in self._core.runs.workers()} | {self._executor_id})

    def _watch_cancellations(self, end: threading.Event) -> None:
        while not end.wait(CANCEL_POLL_SECONDS):
            self._controls.stop_late()
            try:
                for run_id in self._core.journal.cancel_requested(self._controls.run_ids()):
                    self._controls.stop_run(run_id, "cancelled")
            except Exception as error:
                log.warning("cannot look for cancellations", error=type(error).__name__)

    def _tend_local_model(self, end: threading.Event) -> None:
        while not end.wait(1.0):
            try:
                self._endpoints.prepare_if_requested()
                self._endpoints.stop_if_idle()
            except Exception as error:
                log.warning("cannot tend the built-in model", error=type(error).__name__)

    def _stop(self, drain_seconds: int) -> None:
        """Take nothing more, and let what is at work come to its end for so long; others take over what is left."""
        self._is_ending.set()
        DBOS.destroy(workflow_completion_timeout_sec=drain_seconds)
        self._endpoints.stop()
        self._witness.tell()
        self._core.journal.worker_stopped(self._executor_id)
        log.info("worker has ended", executor_id=self._executor_id)
