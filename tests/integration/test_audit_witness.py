"""A worker tells the log stream where the audit log ends: at its start, every hour and when it stops."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import pytest

from core.bootstrap import Core
from core.worker.audit_witness import AuditWitness
from tests.conftest import PASSWORD, Cast
from tests.support.worker import desk, wait_until

SECRET = "zk-witness-key-0123456789abcdef"


class Lines:
    """Stands for the logger."""

    def __init__(self) -> None:
        self.said: list[tuple[str, dict[str, object]]] = []

    def info(self, event: str, **facts: object) -> None:
        self.said.append((event, facts))

    warning = info


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Lines:
    stand_in = Lines()
    monkeypatch.setattr("core.worker.audit_witness.log", stand_in)
    return stand_in


def test_it_is_told_again_and_again(core: Core, cast: Cast, lines: Lines) -> None:
    end = threading.Event()
    thread = threading.Thread(target=AuditWitness(core.audit, 0.01).serve, args=(end,), daemon=True)
    thread.start()
    try:
        wait_until(lambda: len(lines.said) >= 3, 60, "three lines")
    finally:
        end.set()
        thread.join(60)
    head = core.audit.head()
    assert head.seq == 3
    assert all(line == ("audit log ends here", {"seq": 3, "mac": head.mac}) for line in lines.said)


def test_a_database_that_is_away_does_not_end_it(core: Core, lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise ConnectionError("postgresql://user:password@host")

    monkeypatch.setattr(core.audit, "head", fail)
    AuditWitness(core.audit).tell()
    assert lines.said == [("cannot read where the audit log ends", {"error": "ConnectionError"})]


def test_a_real_worker_tells_it_when_it_stops_and_verify_takes_it(database_url: str, tmp_path: Path) -> None:
    with desk(database_url, tmp_path, SECRET) as at:
        worker = at.worker()
        wait_until(lambda: "audit log ends here" in worker.output, 60, "the first line")
        at.core.accounts.create_user("late@example.com", "Late", PASSWORD, "member")
        assert worker.stop() == 0
        heads = re.findall(r"audit log ends here\W.*?mac=(\w{64}).*?seq=(\d+)", strip(worker.output))
        assert len(heads) >= 2
        head = at.core.audit.head()
        assert heads[-1] == (head.mac, str(head.seq))
        assert at.core.audit.verify(head).problem is None


def strip(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)
