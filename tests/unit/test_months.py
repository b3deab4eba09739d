"""Months are texts that sort by time, and end where the next one begins."""

from __future__ import annotations

import pytest

from core import months
from core.errors import Invalid
from tests.support.booked_calls import at


@pytest.mark.parametrize("wrong", ["", "2026", "2026-1", "2026-13", "2026-00", "1999-01", "2026-01-01", "２026-01"])
def test_what_is_no_month_is_refused(wrong: str) -> None:
    with pytest.raises(Invalid):
        months.checked(wrong)


def test_a_month_has_neighbours_a_name_and_two_ends() -> None:
    assert [months.shifted("2026-01", count) for count in (-13, -1, 0, 11, 12)] == [
        "2024-12",
        "2025-12",
        "2026-01",
        "2026-12",
        "2027-01",
    ]
    assert months.name_of(months.checked("2026-11")) == "November 2026"
    assert (months.begin_of("2026-12"), months.end_of("2026-12")) == (
        at("2026-12-01T00:00:00"),
        at("2027-01-01T00:00:00"),
    )
    assert months.month_of(at("2026-11-30T23:59:59.999999")) == "2026-11"
    assert months.span("2025-11", "2026-02") == ["2025-11", "2025-12", "2026-01", "2026-02"]
    assert months.span("2026-02", "2026-01") == []
