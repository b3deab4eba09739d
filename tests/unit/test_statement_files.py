"""A statement as CSV and as a page to print: harmless, complete, and adding up to the cent."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from decimal import Decimal

from app.http.statement_print import as_html
from core.rollup.models import MonthUse
from core.statements.assembly import DepartmentLine, add_up
from core.statements.export import statement_as_csv
from core.statements.models import Adjustment, ShareLine, Statement
from tests.support.booked_calls import at

USE = MonthUse(
    "hr", "user_1", "=Ann", "ann@x.example", None, "<b>Clerk</b>", "p", "m", True, "2026-10", 2, 10, 5, 5_000, 0
)
USES = (
    USE,
    replace(USE, department="sales", person="Bob", cost_micros=15_000, agent="+Seller"),
    replace(USE, is_pool=False, cost_micros=0, unpriced_calls=2, model="mystery"),
    replace(USE, used_month="2026-09", cost_micros=1),
)
SHARES = (ShareLine("sales", "cost_1", "Server", 100, "equally", 100),)
ADJUSTMENTS = (
    Adjustment("adj_1", "2026-10", "sales", -2_500_000, "@Credit", "Root", at("2026-10-05T12:00:00"), None),
)
DEPARTMENTS = (
    DepartmentLine("hr", "HR & Co", 2),
    DepartmentLine("sales", "Sales", 1),
    DepartmentLine("it", "IT", 0),
)
STATEMENT = Statement(
    "2026-10",
    "everybody",
    None,
    "",
    0,
    add_up("2026-10", DEPARTMENTS, USES, SHARES, ADJUSTMENTS),
    USES,
    SHARES,
    ADJUSTMENTS,
)


def rows() -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(statement_as_csv(STATEMENT))))


def test_the_lines_of_the_file_add_up_exactly_and_its_totals_to_the_cent() -> None:
    found = rows()
    assert [row["kind"] for row in found] == [
        *("use", "use", "use", "late use"),
        *("shared cost", "adjustment", "total", "total"),
    ]
    assert sum(int(row["micros"] or 0) for row in found) == STATEMENT.total_micros == -2_479_899
    assert sum(Decimal(row["dollars"] or 0) for row in found) == Decimal("-2.479899")
    totals = {row["department"]: row["total_dollars"] for row in found if row["kind"] == "total"}
    assert totals == {"HR & Co": "0.00", "Sales": "-2.48"}
    assert Decimal("-2.48") == sum(map(Decimal, totals.values()))


def test_no_cell_is_a_formula_and_negative_amounts_stay_numbers() -> None:
    found = rows()
    assert found[0]["person"] == "'=Ann"
    assert found[1]["agent"] == "'+Seller"
    assert found[5]["description"] == "'@Credit"
    assert (found[5]["micros"], found[5]["dollars"]) == ("-2500000", "-2.500000")


def test_an_unknown_cost_is_empty_and_never_0() -> None:
    unknown = rows()[2]
    assert (unknown["model"], unknown["calls"], unknown["unpriced_calls"]) == ("mystery", "2", "2")
    assert (unknown["micros"], unknown["dollars"]) == ("", "")


def test_the_print_has_a_page_a_department_and_no_live_text() -> None:
    html = as_html(STATEMENT, "Acme <script>")
    assert html.count('<section class="department">') == 2  # nothing of IT
    assert "<script" not in html
    assert "<b>" not in html
    for expected in (
        "&lt;b&gt;Clerk&lt;/b&gt;",
        "HR &amp; Co",
        "Acme &lt;script&gt;",
        "−$2.50",
        "(late: September 2026)",
        "Open: the amounts still move",
        "The price of 2 call(s) is unknown",
    ):
        assert expected in html
    assert html.count("unknown") >= 2
    empty = replace(STATEMENT, departments=(), uses=(), shares=(), adjustments=())
    assert "Nothing was used" in as_html(empty, "")
