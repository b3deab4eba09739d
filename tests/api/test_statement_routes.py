"""The statement as a file and as a page to print: what the page shows to the same person, and no more."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta

import pytest

from core import clock
from core.accounts.models import User
from core.bootstrap import Core
from core.errors import Forbidden
from tests.api.conftest import MONTH, Browser
from tests.support.booked_calls import Books

ENDINGS = ["csv", "html"]


def path(ending: str, month: str = MONTH) -> str:
    return f"/session/statement/{month}.{ending}"


@pytest.fixture(autouse=True)
def booked(in_the_middle_of_a_month: None, api_core: Core, alice: User, charlie: User) -> None:
    Books(api_core, alice).call("hr", 1_230_000)
    Books(api_core, charlie).call("sales", 4_560_000)


def test_an_administrator_gets_every_department_and_alice_her_own_use(
    browser: Browser, api_core: Core, root: User, alice: User
) -> None:
    browser.sign_in(root)
    answer = browser.client.get(path("csv"))
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert answer.headers["content-disposition"] == f'attachment; filename="zoark-statement-{MONTH}.csv"'
    people = [row["person"] for row in csv.DictReader(io.StringIO(answer.text)) if row["kind"] == "use"]
    assert people == ["Alice", "Charlie"]
    page = browser.client.get(path("html"), params={"view": "everybody", "department": "hr"})
    assert page.headers["content-security-policy"].startswith("default-src 'none'; style-src 'unsafe-inline'")
    assert "$1.23" in page.text
    assert "Charlie" not in page.text
    (entry,) = api_core.audit.search(root, *span(), action="statement.exported")
    assert (entry.object_id, entry.detail["view"]) == (MONTH, "everybody")
    browser.sign_in(alice)
    for ending in ENDINGS:
        text = browser.client.get(path(ending)).text
        assert "Alice" in text
        assert "Charlie" not in text
        for query in ({"view": "everybody"}, {"view": "department"}, {"department": "sales"}):
            refused = browser.client.get(path(ending), params=query)
            assert (refused.status_code, refused.text) == (403, Forbidden().sentence)


def span() -> tuple[datetime, datetime]:
    return clock.now() - timedelta(days=1), clock.now() + timedelta(days=1)


@pytest.mark.parametrize("ending", ENDINGS)
def test_without_a_session_there_is_only_the_way_to_one(browser: Browser, ending: str) -> None:
    answer = browser.client.get(path(ending))
    assert (answer.status_code, answer.headers["location"], answer.text) == (303, "/statement", "")


@pytest.mark.parametrize("ending", ENDINGS)
def test_who_has_to_set_up_a_second_factor_does_that_first(
    browser: Browser, api_core: Core, root: User, ending: str
) -> None:
    browser.sign_in(root)
    api_core.organisation.change(root, {"two_factor_for": "admins"})
    assert browser.client.get(path(ending)).status_code == 303


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_site_takes_no_copy(browser: Browser, root: User, ending: str, site: str) -> None:
    browser.sign_in(root)
    answer = browser.client.get(path(ending), headers={"sec-fetch-site": site})
    assert answer.status_code == 403
    assert "Alice" not in answer.text


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_makes_no_sense_gets_one_sentence(browser: Browser, root: User, ending: str) -> None:
    browser.sign_in(root)
    for month, query, code in (
        ("2026-13", {}, 422),
        ("..", {}, 422),
        (MONTH, {"view": "the moon"}, 422),
        (MONTH, {"department": "the moon"}, 404),
    ):
        answer = browser.client.get(path(ending, month), params=query)
        assert answer.status_code == code
        assert len(answer.text) < 120
    assert browser.client.post(path(ending)).status_code == 405
