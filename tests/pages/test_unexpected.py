"""When something breaks that nobody thought of, people get a reference and the log gets the rest."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1.local_script_runner import LocalScriptRunner

from app import navigation, runtime
from app.http.server import show_script_error
from core.accounts.models import User
from core.bootstrap import Core
from core.errors import MasterKeyWrong, SettingsWrong
from tests.pages.conftest import Visit

Visitor = Callable[..., Visit]
PRIVATE = "connection to 10.0.0.5 failed: password=hunter2"


def fail(*_: object, **__: object) -> Any:
    raise RuntimeError(PRIVATE)


@pytest.fixture
def as_served(monkeypatch: pytest.MonkeyPatch) -> None:
    """AppTest has no ``on_script_error``; ``st.App`` hands it to the script runner like this."""
    make = LocalScriptRunner.__init__

    def make_with_handler(self: LocalScriptRunner, *args: Any, **kwargs: Any) -> None:
        make(self, *args, **kwargs)
        self._on_script_error = show_script_error

    monkeypatch.setattr(LocalScriptRunner, "__init__", make_with_handler)


@pytest.mark.usefixtures("as_served")
def test_an_unexpected_error_shows_a_reference_and_not_its_text(
    visit: Visitor,
    page_core: Core,
    alice: User,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(page_core.usage, "totals", fail)
    page = visit(alice).open(navigation.HOME)
    assert len(page.errors) == 1
    found = re.fullmatch(
        r"Something went wrong on our side\. Reload the page; if it stays, report the reference ([0-9a-z]{6,20})\.",
        page.errors[0],
    )
    assert found
    assert "hunter2" not in page.text
    assert "Traceback" not in page.text
    assert not page.app.exception
    assert found[1] in caplog.text
    assert "RuntimeError" in caplog.text


@pytest.mark.usefixtures("as_served")
def test_an_unexpected_error_while_a_button_works_shows_a_reference(
    visit: Visitor, page_core: Core, alice: User, key: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_core.keys, "test", fail)
    page = visit(alice).open(navigation.KEYS).press(f"keys_test_{key.id}")
    assert len(page.errors) == 1
    assert "report the reference" in page.errors[0]
    assert "hunter2" not in page.text


@pytest.mark.usefixtures("as_served")
def test_the_next_rerun_is_well_again(
    visit: Visitor, page_core: Core, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(page_core.usage, "totals", fail)
        page = visit(alice).open(navigation.HOME)
    assert page.rerun().errors == []
    assert page.title == "Home"


@pytest.mark.parametrize(
    "refusal", [SettingsWrong("The setting X is wrong."), MasterKeyWrong("The master key is missing.")]
)
def test_a_refused_start_is_told_in_one_sentence(
    visit: Visitor, monkeypatch: pytest.MonkeyPatch, refusal: Exception
) -> None:
    page = visit()

    def refuse() -> Core:
        raise refusal

    monkeypatch.setattr(runtime, "get_core", refuse)
    page.open(navigation.HOME)
    assert page.errors == [f"Zoark cannot start. {refusal}"]
    assert not page.app.text_input
    assert not page.app.exception
