"""The audit log as a file: for administrators who have just proved who they are, and for nobody else."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import pytest
from sqlalchemy import update

from core import clock
from core.accounts.models import User
from core.bootstrap import Core
from core.db.tables import sessions
from core.errors import Forbidden, SignInRefused
from tests.api.conftest import Browser
from tests.conftest import PASSWORD

PATH = "/session/audit.csv"


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_an_administrator_gets_what_the_filters_find(browser: Browser, root: User, alice: User) -> None:
    browser.sign_in(root)
    with pytest.raises(SignInRefused):
        browser.core.accounts.authenticate('=HYPERLINK("http://evil.example")', "wrong")
    days = [clock.now()]
    answer = browser.client.get(PATH, params={"days": "7"})
    days.append(clock.now())  # not always the same one
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/csv")
    names = [f'attachment; filename="zoark-audit-{day:%Y-%m-%d}.csv"' for day in days]
    assert answer.headers["content-disposition"] in names
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    found = rows(answer.text)
    actions = [row["action"] for row in found]
    assert actions == ["sign_in.refused", "sign_in.succeeded", "user.registered", "user.registered"]
    # What begins like a formula is text to a spreadsheet.
    assert found[0]["actor_email"] == '\'=hyperlink("http://evil.example")'
    narrowed = browser.client.get(PATH, params={"days": "7", "words": "alice", "action": "user.registered"})
    assert [row["actor_email"] for row in rows(narrowed.text)] == ["alice@example.com"]
    again = browser.client.get(PATH, params={"days": "7", "action": "audit.exported"})
    told = [row["detail"] for row in rows(again.text)]
    assert len(told) == 2
    assert rows(again.text)[0]["address"] == "testclient"
    assert '"search": "alice"' in told[0]


def test_without_a_session_there_is_only_the_way_to_one(browser: Browser, root: User) -> None:
    cookie = browser.sign_in(root) and browser.session_cookie
    assert browser.client.get(PATH, params={"days": "7"}).status_code == 200
    browser.client.cookies.clear()
    answer = browser.client.get(PATH, params={"days": "7"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/audit")
    assert answer.text == ""
    browser.core.accounts.end_session(browser.token)
    browser.core.sessions.end_others(root, None)
    answer = browser.client.get(PATH, params={"days": "7"}, headers={"cookie": f"_streamlit_session={cookie}"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/audit")


@pytest.mark.parametrize("role", ["viewer", "member", "manager"])
def test_nobody_but_an_administrator_gets_it(browser: Browser, api_core: Core, root: User, role: str) -> None:
    user = api_core.accounts.create_user("who@example.com", "Who", PASSWORD, "member")
    browser.sign_in(user)
    api_core.people.set_role(root, user.id, role)  # type: ignore[arg-type]
    answer = browser.client.get(PATH, params={"days": "7"})
    assert (answer.status_code, answer.text) == (403, Forbidden().sentence)


def test_a_demoted_administrator_gets_it_no_more(browser: Browser, api_core: Core, root: User) -> None:
    second = api_core.accounts.create_user("second@example.com", "Second", PASSWORD, "admin")
    browser.sign_in(second)
    assert browser.client.get(PATH, params={"days": "1"}).status_code == 200
    api_core.people.set_role(root, second.id, "member")
    assert browser.client.get(PATH, params={"days": "1"}).status_code == 403


def test_an_old_proof_leads_to_the_page_that_asks(browser: Browser, api_core: Core, root: User) -> None:
    browser.sign_in(root)
    with api_core.db.transaction() as connection:
        connection.execute(update(sessions).values(proved_at=clock.now() - timedelta(minutes=11)))
    answer = browser.client.get(PATH, params={"days": "7"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/audit?notice=step_up_required")
    assert answer.text == ""
    api_core.accounts.prove(root, browser.token, PASSWORD)
    assert browser.client.get(PATH, params={"days": "7"}).status_code == 200


def test_who_has_to_set_up_a_second_factor_does_that_first(browser: Browser, api_core: Core, root: User) -> None:
    browser.sign_in(root)
    api_core.organisation.change(root, {"two_factor_for": "admins"})
    answer = browser.client.get(PATH, params={"days": "7"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/audit")


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_site_takes_no_copy(browser: Browser, root: User, site: str) -> None:
    browser.sign_in(root)
    answer = browser.client.get(PATH, params={"days": "7"}, headers={"sec-fetch-site": site})
    assert answer.status_code == 403
    assert "root@example.com" not in answer.text


@pytest.mark.parametrize("days", ["", "0", "-1", "x", "1.5", "3661", "9" * 5000, "²", "1e3"])
def test_a_wrong_number_of_days_gets_one_sentence(browser: Browser, root: User, days: str) -> None:
    browser.sign_in(root)
    answer = browser.client.get(PATH, params={"days": days})
    assert (answer.status_code, answer.text) == (422, "Say how many days to export: days=1 to days=3660.")


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_it_is_only_read(browser: Browser, root: User, method: str) -> None:
    browser.sign_in(root)
    assert getattr(browser.client, method)(PATH).status_code == 405
