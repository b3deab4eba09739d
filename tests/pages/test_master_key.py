"""Master key: an administrator sees what is sealed with which key, rotates, and removes the old one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from app import navigation, runtime
from core.accounts.models import User
from core.bootstrap import KEY_FILE, Core, build_core
from core.config import load_settings
from core.keys.models import Key
from core.master_keys import service
from core.security.sealing import KeyRing
from tests.pages.conftest import SECRET, Visit

Visitor = Callable[..., Visit]
PAGE = navigation.MASTER_KEY
ROTATE, CONFIRM = "master_key_rotate", "master_key_rotate_yes"


@pytest.fixture
def file_core(page_core: Core, key: Key, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Core:
    """The same house, with its key in the file."""
    (tmp_path / KEY_FILE).write_text(page_core.ring.render())
    monkeypatch.setenv("ZOARK_MASTER_KEYS", "")
    core = build_core(load_settings())
    monkeypatch.setattr(runtime._process, "core", core)
    return core


def ring(folder: Path) -> list[int]:
    return list(KeyRing.parse((folder / KEY_FILE).read_text().strip()).masters)


def test_an_administrator_rotates_and_removes_the_old_key(
    file_core: Core,
    visit: Visitor,
    root: User,
    alice: User,
    key: Key,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page = Visit(file_core, root).open(PAGE)
    assert "Key 1" in page.text
    assert "Keys of people and the organisation" in str(page.app.dataframe[0].value)
    page.press(ROTATE).press_in_dialog(ROTATE, CONFIRM)
    assert page.errors == []
    assert ring(tmp_path) == [2, 1]
    page = Visit(file_core, root).open(PAGE)
    assert any("Last rotated just now" in caption for caption in page.captions)
    page.press("master_key_remove_1").press_in_dialog("master_key_remove_1", "master_key_remove_yes")
    assert page.errors == ["Please wait a minute: somebody may be writing a secret with the old key right now."]
    monkeypatch.setattr(service, "REMOVE_AFTER", timedelta())
    page.press_in_dialog("master_key_remove_1", "master_key_remove_yes")
    assert page.errors == []
    assert ring(tmp_path) == [2]
    opened = file_core.keys.open(alice, key.id).endpoint.secret
    assert opened is not None
    assert opened.get_secret_value() == SECRET
    assert SECRET not in page.text


def test_another_administrator_sees_the_rotation_that_is_under_way(file_core: Core, root: User) -> None:
    file_core.master_keys.begin_by_command()
    page = Visit(file_core, root).open(PAGE)
    assert "Sealing with key 2: 1 of" in page.text
    assert page.app.button(key=ROTATE).disabled
    assert any("from the command line" in caption for caption in page.captions)
    list(file_core.master_keys.carry_on())
    page.rerun()
    assert not page.app.button(key=ROTATE).disabled


def test_keys_in_a_setting_are_explained_step_by_step(page_core: Core, visit: Visitor, root: User) -> None:
    page = visit(root).open(PAGE)
    assert page.app.button(key=ROTATE).disabled
    assert "python -m core new-master-key 2" in page.app.info[0].value


def test_a_lost_key_is_shown_where_its_secrets_are_entered_again(
    page_core: Core, root: User, alice: User, key: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZOARK_MASTER_KEYS", KeyRing({2: b"2" * 32}).render())
    core = build_core(load_settings(), is_recovery=True)
    core.master_keys.recover()
    monkeypatch.setattr(runtime._process, "core", core)
    assert "Enter again" in Visit(core, alice).open(navigation.KEYS).text
    page = Visit(core, root).open(PAGE)
    assert [warning.value for warning in page.app.warning] == [
        "Key 1 was lost. What is still to be entered again is in its column below."
    ]
    page = Visit(core, root).open(navigation.AUDIT).press("audit_verify")
    assert "cannot be checked" in page.app.warning[0].value
    core.keys.replace_secret(alice, key.id, SECRET)
    assert "Enter again" not in Visit(core, alice).open(navigation.KEYS).text
    assert not Visit(core, root).open(PAGE).app.warning
    core.close()
