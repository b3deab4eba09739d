"""Departments: edited by an administrator."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app import navigation
from core.accounts.models import User
from core.bootstrap import Core
from tests.conftest import PASSWORD
from tests.pages.conftest import Visit

Visitor = Callable[..., Visit]


@pytest.fixture
def page(visit: Visitor, page_core: Core) -> Visit:
    root = page_core.accounts.create_user("root@example.com", "Root", PASSWORD, "admin")
    return visit(root).open(navigation.DEPARTMENTS)


def names(core: Core) -> list[str]:
    return [department.name for department in core.departments.all()]


def test_one_is_added(page: Visit, page_core: Core) -> None:
    page.press("departments_new").fill(departments_new_name="Legal")
    page.press_in_dialog("departments_new", "departments_add")
    assert names(page_core)[-1] == "Legal"
    assert "**Legal**" in [markdown.value for markdown in page.app.markdown]


def test_a_name_that_is_taken_gets_one_sentence(page: Visit) -> None:
    page.press("departments_new").fill(departments_new_name="sales")
    page.press_in_dialog("departments_new", "departments_add")
    assert page.errors == ["There is a department of this name already. Choose another name."]


def test_one_is_renamed_and_moved(page: Visit, page_core: Core) -> None:
    page.press("departments_rename_hr").fill(departments_name_hr="People")
    page.press_in_dialog("departments_rename_hr", "departments_rename_yes")
    page.press("departments_up_hr")
    assert names(page_core)[:2] == ["People", "Sales"]
    assert page.app.button(key="departments_up_hr").disabled


def test_one_in_use_is_not_deleted(page: Visit, page_core: Core, agent: object, alice: User) -> None:
    page.press("departments_delete_support").press_in_dialog("departments_delete_support", "departments_delete_yes")
    assert page.errors[0].startswith("Support is in use by people, agents or past runs")
    page.rerun().press("departments_delete_hr").press_in_dialog("departments_delete_hr", "departments_delete_yes")
    assert "HR" not in names(page_core)
