"""The rings of tests: what ran, and with ``--all-rings`` nothing may be missing."""

from __future__ import annotations

from collections import Counter
from itertools import zip_longest

import pytest

# What takes long begins first, and browsers beside what needs few processors; the shortest files fill the end.
BEGINS = ("e2e", "local_model", "integration", "contract", "api", "pages", "unit", "architecture")
RINGS = ("architecture", "unit", "contract", "integration", "pages", "api", "e2e", "local_model")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all-rings", action="store_true", help="fail when a ring did not run or a test was skipped")


def ring_of(nodeid: str) -> str:
    part = nodeid.split("/")[1]
    return "architecture" if part.startswith("test_architecture") else part


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the files of a whole run in the order in which they begin; ``--no-loadscope-reorder`` keeps it."""
    if not config.getoption("--all-rings"):
        return
    files: dict[str, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.nodeid.partition("::")[0], []).append(item)
    ranked = sorted(files, key=lambda file: BEGINS.index(ring_of(file)))
    browsers = [file for file in ranked if ring_of(file) == "e2e"]
    others = ranked[len(browsers) :]
    pairs = [file for pair in zip_longest(browsers, others[: len(browsers)]) for file in pair if file]
    items[:] = [item for file in [*pairs, *others[len(browsers) :]] for item in files[file]]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    counts = {ring: Counter[str]() for ring in RINGS}
    for outcome in ("passed", "failed", "error", "skipped"):
        for report in terminalreporter.stats.get(outcome, []):
            counts.setdefault(ring_of(report.nodeid), Counter())[outcome] += 1
            if outcome == "passed":
                for kind in ("sqlite", "postgresql"):
                    counts[ring_of(report.nodeid)][kind] += f"[{kind}" in report.nodeid
    terminalreporter.section("rings")
    for ring, count in counts.items():
        shown = ", ".join(f"{number} {outcome}" for outcome, number in count.items() if number)
        terminalreporter.write_line(f"{ring:13} {shown or 'did not run'}")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if not session.config.getoption("--all-rings") or reporter is None or exitstatus:
        return
    ran = {ring_of(report.nodeid) for report in reporter.stats.get("passed", [])}
    missing = [ring for ring in RINGS if ring not in ran]
    if missing or reporter.stats.get("skipped"):
        reporter.write_line(
            f"\nA ring, or a test of one, was skipped: {', '.join(missing) or 'see above'}", red=True
        )
        session.exitstatus = 1
