"""The statement and the usage of a month with 1,000,000 calls, on both databases; beside it what live sums take.

Run alone with ``python -m tests.bench.statement [calls]``.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import text

from core import clock, months
from core.accounts.models import User
from core.bootstrap import Core, build_core
from core.config import load_settings
from core.usage.models import Group
from tests.support.databases import PostgresTemplates, SqliteTemplates, postgres_server

CALLS = 1_000_000
PEOPLE, AGENTS_EACH, KEYS_EACH, MODELS, REPEATS = 200, 3, 2, 6, 30
WORKFLOWS = 300
GROUPS: tuple[Group, ...] = ("day", "model", "agent", "workflow", "user", "key")
MASTER_KEYS = "1:QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY="


def main(report: Callable[[str, list[float]], None], calls: int = CALLS) -> None:
    """Report both databases."""
    with tempfile.TemporaryDirectory(prefix="zoark-bench-") as folder:
        with SqliteTemplates(_made(Path(folder), "templates")).fresh(Path(folder)) as url:
            _measure("SQLite", url, Path(folder), report, calls)
        with postgres_server() as admin_url, _postgres(admin_url, Path(folder)) as url:
            _measure("PostgreSQL", url, Path(folder), report, calls)


def fill(core: Core, calls: int) -> User:
    """Write so many settled calls of this month into the books, and their sums; return an administrator."""
    root = core.accounts.create_user("root@example.com", "Root", "correct horse battery staple", "admin")
    first = months.begin_of(months.month_of(clock.now())).date()
    is_sqlite = core.db.is_sqlite

    def numbers(count: int) -> str:
        if is_sqlite:
            return f"WITH RECURSIVE s(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM s WHERE n + 1 < {count})"
        return f"WITH s AS (SELECT generate_series(0, {count - 1}) AS n)"

    true, false = ("1", "0") if is_sqlite else ("TRUE", "FALSE")
    day = "(n / 4201 % 28)"
    at = (
        f"datetime('{first}', '+' || {day} || ' days', '+' || (n % 86400) || ' seconds') || '.000000'"
        if is_sqlite
        else f"TIMESTAMPTZ '{first} 00:00:00+00' + {day} * INTERVAL '1 day' + (n % 86400) * INTERVAL '1 second'"
    )
    slugs = [department.slug for department in core.departments.all()]
    slug = "CASE " + " ".join(f"WHEN n % {len(slugs)} = {i} THEN '{s}'" for i, s in enumerate(slugs)) + " END"
    person, agent, key = f"(n % {PEOPLE})", f"(n % {PEOPLE * AGENTS_EACH})", f"(n % {PEOPLE * KEYS_EACH})"
    month = first.isoformat()[:7]
    on_day = "date(started_at)" if is_sqlite else "(started_at AT TIME ZONE 'UTC')::date"
    now = f"'{first} 00:00:00'" if is_sqlite else f"TIMESTAMPTZ '{first} 00:00:00+00'"
    statements = [
        f"{numbers(PEOPLE)} INSERT INTO users (id, email, name, role, department, is_active, created_at) "
        f"SELECT 'user_' || n, 'p' || n || '@example.com', 'Person ' || n, 'member', {slug}, {true}, {now} FROM s",
        f"{numbers(PEOPLE * KEYS_EACH)} INSERT INTO keys (id, owner_id, kind, name, provider, secret_hint, "
        f"secret_version, created_at, is_pool) SELECT 'key_' || n, 'user_' || {person}, 'llm', 'K' || n, 'openai', "
        f"'', 1, {now}, {false} FROM s",
        f"{numbers(PEOPLE * AGENTS_EACH)} INSERT INTO agents (id, owner_id, department, key_id, definition, name, "
        f"revision, created_at, updated_at) SELECT 'agent_' || n, 'user_' || {person}, {slug}, 'key_' || {key}, "
        f"'{{}}', 'Agent ' || n, 1, {now}, {now} FROM s",
        "INSERT INTO runs (id, owner_id, title, graph, inputs, status, created_at) "
        f"VALUES ('run_1', 'user_0', 'R', '{{}}', '{{}}', 'succeeded', {now})",
        f"{numbers(calls)} INSERT INTO model_calls (id, run_id, node_id, agent_id, workflow_id, user_id, "
        "department, key_id, provider, model, is_pool, status, input_tokens, output_tokens, bound_input_tokens, "
        "bound_output_tokens, cost_micros, started_at, billed_month) "
        f"SELECT 'call_' || n, 'run_1', 'a', 'agent_' || {agent}, 'workflow_' || (n % {WORKFLOWS}), "
        f"'user_' || {person}, {slug}, 'key_' || {key}, "
        f"'openai', 'model-' || (n / 7 % {MODELS}), CASE WHEN n % 3 = 0 THEN {true} ELSE {false} END, 'answered', "
        f"n % 5000, n % 700, 9000, 900, CASE WHEN n % 50 = 0 THEN NULL ELSE n % 20000 END, {at}, '{month}' FROM s",
        "INSERT INTO usage_months SELECT billed_month, billed_month, COALESCE(department, ''), user_id, agent_id, "
        "workflow_id, key_id, provider, model, is_pool, COUNT(*), SUM(input_tokens), SUM(output_tokens), "
        "COALESCE(SUM(cost_micros), 0), SUM(CASE WHEN cost_micros IS NULL THEN 1 ELSE 0 END) FROM model_calls "
        "GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10",
        f"INSERT INTO usage_days SELECT {on_day}, user_id, COALESCE(department, ''), agent_id, workflow_id, "
        "key_id, provider, model, COUNT(*), SUM(input_tokens), SUM(output_tokens), COALESCE(SUM(cost_micros), 0), "
        "SUM(CASE WHEN cost_micros IS NULL THEN 1 ELSE 0 END) FROM model_calls GROUP BY 1, 2, 3, 4, 5, 6, 7, 8",
    ]
    with core.db.transaction() as connection:
        for statement in statements:
            connection.execute(text(statement))
        connection.execute(text("ANALYZE"))
    return root


def _measure(name: str, url: str, folder: Path, report: Callable[[str, list[float]], None], calls: int) -> None:
    core = build_core(load_settings(DATABASE_URL=url, ZOARK_DATA_DIR=folder, ZOARK_MASTER_KEYS=MASTER_KEYS))
    began = time.perf_counter()
    root, month = fill(core, calls), months.month_of(clock.now())
    report(f"fill {calls:,} calls, {name}, s", [time.perf_counter() - began])
    figures = [_milliseconds(lambda: core.statements.get(root, month)) for _ in range(REPEATS)]
    report(f"statement p95, {name}, ms", [sorted(figures)[int(REPEATS * 0.95)]])
    report(f"statement, {name}, ms", figures)
    since = months.begin_of(month)
    for what, begin in (("a month", since), ("a month less an hour", since + timedelta(hours=1))):
        for group in GROUPS:
            figures = [_milliseconds(lambda: _by(core, root, group, begin)) for _ in range(3)]  # noqa: B023
            report(f"usage of {what} by {group}, {name}, ms", figures)
    live = text(
        "SELECT department, user_id, agent_id, provider, model, is_pool, COUNT(*), SUM(input_tokens), "
        "SUM(output_tokens), SUM(cost_micros) FROM model_calls WHERE billed_month = :month "
        "GROUP BY 1, 2, 3, 4, 5, 6"
    )
    with core.db.read() as connection:
        report(
            f"the same by live sums, {name}, ms",
            [_milliseconds(lambda: connection.execute(live, {"month": month}).all()) for _ in range(3)],
        )
        rows = connection.execute(text("SELECT COUNT(*) FROM usage_months")).scalar_one()
    report(f"rows of sums, {name}", [float(rows)])
    core.close()


def _by(core: Core, root: User, group: Group, since: datetime) -> object:
    return core.usage.by(root, group, since, since + timedelta(days=31), "everybody")


def _milliseconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return (time.perf_counter() - began) * 1000


def _made(folder: Path, name: str) -> Path:
    (folder / name).mkdir()
    return folder / name


@contextmanager
def _postgres(admin_url: str, folder: Path) -> Iterator[str]:
    templates = PostgresTemplates(admin_url, _made(folder, "postgresql"))
    try:
        with templates.fresh(folder) as url:
            yield url
    finally:
        templates.close()


if __name__ == "__main__":
    from tests.bench.__main__ import report as print_report

    main(print_report, int(sys.argv[1]) if len(sys.argv) > 1 else CALLS)
