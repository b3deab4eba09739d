"""Structured logs through structlog, with secrets cut out of every line, and Sentry when a DSN is set."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog

from core.config import Settings
from core.security.redact import redact, redact_tree

# These libraries log addresses with keys in them, or every request, at INFO.
_TOO_TALKATIVE = (
    "httpx",
    "httpx2",
    "httpcore",
    "openai",
    "urllib3",
    "watchdog",
    "crewai",
    "crewai_core",
    "dbos",
    "alembic.runtime",
)


def set_up_logs(settings: Settings) -> None:
    """Send every log line of this process to stderr, as text or JSON, redacted."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _redact_event,
    ]
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if settings.log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_RedactingFormatter(foreign_pre_chain=shared, processor=renderer))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    for name in _TOO_TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    _set_up_sentry(settings)


def get_logger(name: str) -> Any:
    """Return a structlog logger."""
    return structlog.get_logger(name)


class _RedactingFormatter(structlog.stdlib.ProcessorFormatter):
    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


def _redact_event(_logger: Any, _method: str, event: Any) -> Any:
    return {key: redact(value) if isinstance(value, str) else value for key, value in event.items()}


def _set_up_sentry(settings: Settings) -> None:
    dsn = settings.sentry_dsn.get_secret_value()
    if not dsn:
        return
    import sentry_sdk

    sentry_sdk.init(
        dsn=dsn,
        include_local_variables=False,
        send_default_pii=False,
        max_request_body_size="never",
        max_breadcrumbs=20,
        before_send=lambda event, _hint: redact_tree(event),
        before_breadcrumb=lambda crumb, _hint: redact_tree(crumb),
    )
