"""A statement as one HTML page for A4 paper: nothing is loaded, nothing runs. A page a department."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from app.ui import formats
from app.ui.statement_words import MONEY, ROUNDING, SPLIT_BY, amounts, state_of
from core import clock, money, months
from core.statements.breakdown import By, break_down
from core.statements.models import DepartmentSums, Statement

POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_CSS = """
@page { size: A4; margin: 16mm 14mm 18mm; @bottom-right { content: counter(page) " / " counter(pages); } }
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { font: 10pt/1.4 system-ui, -apple-system, "Segoe UI", Roboto, Arial, sans-serif; color: #1c2230;
  background: #fff; margin: 0 auto; max-width: 182mm; }
header { border-bottom: 2px solid #1c2230; padding-bottom: 3mm; margin-bottom: 6mm; }
h1 { font-size: 17pt; margin: 0; }
h2 { font-size: 12.5pt; margin: 7mm 0 2mm; }
h3 { font-size: 10.5pt; margin: 6mm 0 1mm; }
p { margin: 1mm 0; }
.small { color: #5d6b82; font-size: 8.5pt; }
.state { float: right; font-size: 9.5pt; margin-top: 2mm; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: 9pt; }
th { text-align: left; font-weight: 600; border-bottom: 1px solid #1c2230; padding: 1.2mm 1.5mm;
  vertical-align: bottom; }
td { border-bottom: 1px solid #e1e4ea; padding: 1.2mm 1.5mm; vertical-align: top; overflow-wrap: anywhere; }
th.n, td.n { text-align: right; white-space: nowrap; }
tr.total td { font-weight: 650; border-top: 1px solid #1c2230; border-bottom: 2px solid #1c2230; }
thead { display: table-header-group; } tr { break-inside: avoid; }
section.department { break-before: page; }
@media screen { body { padding: 12mm 8mm; }
  section.department { border-top: 1px dashed #a9b2c3; margin-top: 12mm; } }
@media print { .screen { display: none; } }
"""

# A tuple is a number: ("n", its text).
Cell = str | tuple[str, str]
_BREAKDOWNS: tuple[tuple[By, str], ...] = (("person", "Person"), ("agent", "Agent"), ("model", "Model"))


def as_html(statement: Statement, company: str) -> str:
    """Return the page of what somebody sees of a month."""
    title = f"Statement of {months.name_of(statement.month)}"
    shown = [sums for sums in statement.departments if not sums.is_empty]
    parts = [
        "<!doctype html>",
        f'<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>',
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_CSS}</style></head><body>',
        f'<header><span class="state">{escape(state_of(statement))}</span><h1>{escape(title)}</h1>',
        f"<p>{escape(company or 'Zoark')}</p></header>",
        '<p class="screen small">Print this page, or save it as PDF in the print dialog of your browser.</p>',
        *_overview(statement, shown),
    ]
    for sums in shown:
        parts += _department(statement, sums)
    return "\n".join([*parts, "</body></html>\n"])


def _overview(statement: Statement, shown: Sequence[DepartmentSums]) -> Iterator[str]:
    if not shown:
        yield "<p>Nothing was used, shared or adjusted in this month.</p>"
        return
    rows = [[sums.name, *_amounts([sums])] for sums in shown]
    yield from _table(["Department", *MONEY], rows, ["All", *_amounts(shown)])
    yield f'<p class="small">{escape(ROUNDING)}</p>'
    if statement.unpriced_calls:
        yield (
            f'<p class="small">The price of {statement.unpriced_calls:,} call(s) is unknown; '
            "they are in no amount. A + marks sums that lack some.</p>"
        )
    for month in statement.late_months:
        yield f'<p class="small">With calls of {months.name_of(month)} that were settled after it was closed.</p>'
    yield (
        f'<p class="small">Made on {clock.now():%Y-%m-%d %H:%M} UTC. The month is that of UTC. '
        "Own keys are paid by their owners at the provider; what is to charge leaves them out.</p>"
    )


def _department(statement: Statement, sums: DepartmentSums) -> Iterator[str]:
    yield f'<section class="department"><h2>{escape(sums.name)}</h2>'
    shown = amounts([sums])
    facts = [f"Total {shown['Total']}", f"to charge {shown['To charge']}"]
    if statement.view != "mine" and sums.department is not None:
        facts.insert(0, f"{sums.heads} {'person' if sums.heads == 1 else 'people'}")
    yield f"<p>{escape(' · '.join(facts))}</p>"
    for by, title in _BREAKDOWNS:
        yield from _breakdown(statement, sums, by, title)
    shares = [share for share in statement.shares if share.department == sums.department]
    if shares:
        yield "<h3>Shared costs</h3>"
        parts: list[list[Cell]] = [
            [
                share.label,
                SPLIT_BY[share.split_by],
                ("n", money.dollars(share.whole_micros)),
                ("n", money.dollars(share.micros)),
            ]
            for share in shares
        ]
        yield from _table(
            ["Cost", "Split", "Whole", "Part"],
            parts,
            ["All", "", ("n", ""), ("n", formats.cents(sums.cents.shared))],
        )
    adjustments = [one for one in statement.adjustments if one.department == sums.department]
    if adjustments:
        yield "<h3>Adjustments</h3>"
        made: list[list[Cell]] = [
            [one.reason, one.person, f"{one.at:%Y-%m-%d}", ("n", money.dollars(one.micros))] for one in adjustments
        ]
        total: list[Cell] = ["All", "", "", ("n", formats.cents(sums.cents.adjustments))]
        yield from _table(["Reason", "By", "On", "Amount"], made, total)
    yield "</section>"


def _breakdown(statement: Statement, sums: DepartmentSums, by: By, title: str) -> Iterator[str]:
    found = [row for row in break_down(statement, by) if row.department == sums.department]
    if not found:
        return
    rows: list[list[Cell]] = [
        [
            row.name
            if row.used_month == statement.month
            else f"{row.name} (late: {months.name_of(row.used_month)})",
            *_numbers(row.calls, row.input_tokens, row.output_tokens),
            ("n", formats.cents(row.own_cents)),
            ("n", formats.cents(row.pool_cents)),
            ("n", formats.cents_known(row.cents or 0, row.calls, row.unpriced_calls)),
        ]
        for row in found
    ]
    yield f"<h3>By {title.lower()}</h3>"
    yield from _table(
        [title, "Calls", "Tokens in", "Tokens out", "Own keys", "Pool", "Cost"],
        rows,
        [
            "All",
            *_numbers(sums.own_calls + sums.pool_calls, sums.input_tokens, sums.output_tokens),
            *(("n", formats.cents(amount)) for amount in (sums.cents.own, sums.cents.pool, sums.cents.subtotal)),
        ],
    )


def _numbers(*counts: int) -> list[Cell]:
    return [("n", f"{count:,}") for count in counts]


def _amounts(departments: Sequence[DepartmentSums]) -> list[Cell]:
    return [("n", text) for text in amounts(departments).values()]


def _table(heading: Sequence[str], rows: Sequence[Sequence[Cell]], total: Sequence[Cell]) -> Iterator[str]:
    kinds = ["n" if isinstance(cell, tuple) else "" for cell in total]
    cells = (f'<th class="{kind}">{escape(text)}</th>' for kind, text in zip(kinds, heading, strict=True))
    yield f"<table><thead><tr>{''.join(cells)}</tr></thead><tbody>"
    for row in rows:
        yield f"<tr>{''.join(map(_cell, row))}</tr>"
    yield f'<tr class="total">{"".join(map(_cell, total))}</tr></tbody></table>'


def _cell(cell: Cell) -> str:
    kind, text = cell if isinstance(cell, tuple) else ("", cell)
    return f'<td class="{kind}">{escape(text)}</td>'
