"""The audit log as CSV: nothing in it is a formula."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest

from core import clock
from core.audit.export import COLUMNS, entries_as_csv, heading_as_csv
from core.audit.models import AuditEntry

ENTRY = AuditEntry(
    1, clock.now(), "user_1", "a@example.com", "::1", "sign_out", "user", "user_1", "ok", "req_1", {}
)


def cells(entry: AuditEntry) -> dict[str, str]:
    (row,) = csv.DictReader(io.StringIO(heading_as_csv() + entries_as_csv([entry])))
    return row


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", " =", "  @"])
def test_a_cell_that_begins_like_a_formula_becomes_text(start: str) -> None:
    assert cells(replace(ENTRY, actor_email=f"{start}cmd"))["actor_email"] == f"'{start}cmd"


@pytest.mark.parametrize("value", ["a=b", "a@example.com", '"quoted", with a comma', "two\nlines", ""])
def test_every_other_cell_stays_as_it_is(value: str) -> None:
    assert cells(replace(ENTRY, actor_email=value))["actor_email"] == value


def test_the_columns_are_the_entry_and_details_are_json() -> None:
    assert tuple(AuditEntry.__dataclass_fields__) == COLUMNS
    row = cells(replace(ENTRY, detail={"to": "viewer", "from": "mémber"}))
    assert row["detail"] == '{"from": "mémber", "to": "viewer"}'
    assert heading_as_csv().count("\n") == 1
    assert entries_as_csv([]) == ""
