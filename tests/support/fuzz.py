"""Schemathesis over the whole OpenAPI document as one caller: random requests, and sequences of them."""

from __future__ import annotations

import os
import re
import socket
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any
from zlib import crc32

import pytest
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import Failure
from schemathesis.core.transport import Response
from schemathesis.engine import events, from_schema
from schemathesis.generation.case import Case
from schemathesis.generation.meta import TestPhase
from sqlalchemy import delete, update
from starlette.types import ASGIApp

from core import clock
from core.accounts.models import User
from core.bootstrap import Core
from core.db.tables import organisation, users

DOCUMENT = "/api/v1/openapi.json"
WIDTH = 116
# Access tokens live for 15 minutes, and their login may do sensitive things for 10.
FRESH_SECONDS = 300

# For whoever works on some routes: an expression for their paths.
ONLY = os.environ.get("FUZZ_ONLY", "")
# The few checks that are left out, and why.
LEFT_OUT = {
    # Whether a department, a tool, a model or a cursor is a known one, only the database can say.
    "positive_data_acceptance",
    # tests.api.test_matrix does it: every route, without a token and with four bad ones.
    "ignored_auth",
}


@dataclass(frozen=True)
class Effort:
    """How much is tried: so many ``examples`` of each operation, or of every n-th by ``share``, and ``sequences``.

    ``boundaries`` of every n-th field are walked too, of none with 0. ``seconds`` bounds each half.
    """

    examples: int
    sequences: int
    share: int = 1
    boundaries: int = 0
    seconds: int | None = None

    def config(self, *phases: str) -> SchemathesisConfig:
        """Return the settings of one half."""
        chosen: dict[str, Any] = {
            name: {"enabled": name in phases} for name in ("examples", "coverage", "fuzzing", "stateful")
        }
        chosen["fuzzing"]["generation"] = {"max-examples": self.examples}
        chosen["stateful"]["generation"] = {"max-examples": self.sequences}
        config = SchemathesisConfig.from_dict(
            {
                "continue-on-failure": True,
                # It counts the seconds of the machine, not what is wrong.
                "suppress-health-check": ["too_slow"],
                # Longer than a request may wait for its run.
                "request-timeout": 40,
                # One try is enough to see a failure; the smallest one is for somebody who looks for its cause.
                "generation": {"deterministic": self.seconds is None, "no-shrink": True, "database": "none"},
                "output": {"sanitization": {"enabled": False}},
                "checks": {name: {"enabled": False} for name in LEFT_OUT},
                "phases": chosen,
            }
        )
        config.max_time = self.seconds
        return config


@dataclass(frozen=True)
class Finding:
    """What a check does not like, and how to see it again."""

    operation: str
    check: str
    title: str
    message: str
    curl: str
    answer: str

    def __str__(self) -> str:
        lines = [f"{self.operation}: {self.title} ({self.check})", *self.message.splitlines()]
        lines += [textwrap.shorten(self.curl, 1200, placeholder=" …"), f"← {self.answer[:400]}"]
        return "\n    ".join(line for line in lines if line.strip())


class Caller:
    """Somebody who is let in again whatever the requests did to their account, their session or its rules."""

    def __init__(self, core: Core, user: User) -> None:
        self._core = core
        self._user = user
        self._token: str | None = None
        self._since = 0.0

    def token(self) -> str:
        """Return an access token that is good, of a login that is young."""
        user = self._core.accounts.user(self._user.id)
        is_whole = user is not None and (user.role, user.department) == (self._user.role, self._user.department)
        if not is_whole or self._core.two_factor.must_enrol(self._user):
            self._restore()
        is_fresh = clock.monotonic_seconds() - self._since < FRESH_SECONDS
        if not (is_whole and is_fresh and self._token and self._core.logins.bearer(self._token)):
            self._token, self._since = self._log_in(), clock.monotonic_seconds()
        return self._token

    def _log_in(self) -> str:
        # Not by the password: the requests may have locked the account with wrong ones.
        session_id = self._core.sessions.id_of(self._core.accounts.start_session(self._user, "fuzz"))
        with self._core.db.transaction() as connection:
            pair = self._core.logins._issue(connection, self._user, str(session_id))
        return pair.access.get_secret_value()

    def _restore(self) -> None:
        own = {"role": self._user.role, "department": self._user.department, "is_active": True}
        with self._core.db.transaction() as connection:
            connection.execute(update(users).where(users.c.id == self._user.id).values(**own))
            connection.execute(delete(organisation))


def findings(core: Core, app: ASGIApp, user: User, effort: Effort) -> list[Finding]:
    """Return what the checks find, each kind once an operation."""
    found: dict[tuple[str, ...], Finding] = {}
    singles = ("examples", "fuzzing", *(["coverage"] if effort.boundaries else []))
    for phases in (singles, ("stateful",)):
        for finding in _executed(core, app, user, effort, phases):
            found.setdefault((finding.operation, finding.check, finding.title), finding)
    return list(found.values())


def _executed(core: Core, app: ASGIApp, user: User, effort: Effort, phases: Sequence[str]) -> Iterator[Finding]:
    schema = schemathesis.openapi.from_asgi(DOCUMENT, app, config=effort.config(*phases))
    if ONLY:
        schema = schema.include(path_regex=ONLY)
    if "fuzzing" in phases and effort.share > 1:
        schema = schema.include(lambda context: crc32(context.operation.label.encode()) % effort.share == 0)
    caller, number, request = Caller(core, user), count(), count()

    @schema.hook
    def filter_case(_context: object, case: Case) -> bool:
        is_boundary = case.meta is not None and case.meta.phase.name == TestPhase.COVERAGE
        return not is_boundary or next(number) % effort.boundaries == 0

    @schema.auth(refresh_interval=None)
    class Bearer:
        def get(self, _case: Case, _context: object) -> str:
            return caller.token()

        def set(self, case: Case, token: str, _context: object) -> None:
            case.headers = {**(case.headers or {}), "Authorization": f"Bearer {token}"}
            # A repeated key answers with what its first request made, which may be gone: another test's subject.
            key = case.headers.get("Idempotency-Key")
            if isinstance(key, str) and 0 < len(key) < 100:
                case.headers["Idempotency-Key"] = f"{key}-{next(request)}"

    for event in from_schema(schema).execute():
        if isinstance(event, events.FatalError):
            raise event.exception
        if isinstance(event, events.NonFatalError):
            yield Finding(event.label, "schemathesis", type(event.value).__name__, str(event.value), "", "")
        if isinstance(event, events.ScenarioFinished):
            yield from _failures(event)


def _failures(event: events.ScenarioFinished) -> Iterator[Finding]:
    recorder = event.recorder
    for case_id, checks in recorder.checks.items():
        for check in checks:
            if check.failure_info is not None:
                case = recorder.cases[case_id].value
                interaction = recorder.interactions.get(case_id)
                response = interaction.response if interaction else None
                yield _finding(check.name, check.failure_info.failure, case, response)


def _finding(check: str, failure: Failure, case: Case, response: Response | None) -> Finding:
    answer = f"{response.status_code} {response.text}" if response is not None else "no answer"
    curl = re.sub(r"Bearer [\w.-]+", "Bearer $ZOARK_TOKEN", case.as_curl_command())
    return Finding(case.operation.label, check, failure.title, failure.message, curl, answer)


def told(found: list[Finding]) -> str:
    """Return findings for people."""
    return "\n\n".join(["", *map(str, sorted(found, key=lambda one: (one.operation, one.check)))])


def stay_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing but loopback be looked up or called: random bodies name any provider and any address."""
    look_up, connect = socket.getaddrinfo, socket.socket.connect

    def getaddrinfo(host: Any, *arguments: Any, **named: Any) -> Any:
        if host not in (None, "127.0.0.1", "localhost", "::1"):
            raise socket.gaierror(socket.EAI_NONAME, "not looked up in tests")
        return look_up(host, *arguments, **named)

    def connect_here(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not str(address[0]).startswith(("127.", "::1")):
            raise ConnectionRefusedError("not called in tests")
        connect(self, address)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(socket.socket, "connect", connect_here)
