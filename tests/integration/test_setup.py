"""Setting up opens by itself on a fresh installation only, is done once for all, and can be put off."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from core.accounts.models import User
from core.bootstrap import Core
from core.db.tables import audit_log
from core.errors import Forbidden, Invalid
from core.keys.models import KeyDraft
from core.organisation.models import OrganisationSettings
from core.setup.models import STEPS, SetupProgress
from tests.conftest import PASSWORD
from tests.fakes.model_server import FakeModelServer


def test_it_opens_by_itself_for_the_first_administrator_until_it_is_finished(core: Core, root: User) -> None:
    assert core.setup.progress(root) == SetupProgress()
    assert core.setup.opens_by_itself(root)
    for step in STEPS:
        assert core.setup.opens_by_itself(root)
        assert core.setup.progress(root).next_step == step
        core.setup.note_step(root, step, "done")
    core.setup.finish(root)
    assert not core.setup.opens_by_itself(root)
    assert core.setup.reminder(root) is None
    assert core.setup.progress(root).next_step is None


def test_it_goes_on_opening_although_the_installation_is_no_longer_fresh(
    core: Core, root: User, fake: FakeModelServer
) -> None:
    assert core.setup.opens_by_itself(root)
    core.keys.add(root, KeyDraft("Mine", "openai_compatible", base_url=fake.openai_url))
    second = core.accounts.create_user("second@example.com", "Second", PASSWORD, "admin")
    assert core.setup.opens_by_itself(root)
    assert not core.setup.opens_by_itself(second)
    assert core.setup.reminder(second) is not None


@pytest.mark.parametrize("used", ["key", "deleted key", "person", "suspended person"])
def test_an_installation_in_use_is_only_reminded(core: Core, root: User, fake: FakeModelServer, used: str) -> None:
    if "key" in used:
        key = core.keys.add(root, KeyDraft("Mine", "openai_compatible", base_url=fake.openai_url))
        if used == "deleted key":
            core.keys.delete(root, key.id)
    else:
        bob = core.accounts.create_user("bob@example.com", "Bob", PASSWORD, "member")
        if used == "suspended person":
            core.people.suspend(root, bob.id)
    assert not core.setup.opens_by_itself(root)
    assert core.setup.reminder(root) == SetupProgress()
    core.setup.note_step(root, "company", "done")  # from the card
    assert not core.setup.opens_by_itself(root)


def test_who_puts_it_off_is_reminded_until_nobody_wants_to_be(core: Core, root: User) -> None:
    core.setup.opens_by_itself(root)
    core.setup.postpone(root)
    assert not core.setup.opens_by_itself(root)
    assert core.setup.reminder(root) is not None
    core.setup.hide_reminder(root)
    assert core.setup.reminder(root) is None
    for again in (core.setup.postpone, core.setup.hide_reminder, core.setup.finish, core.setup.finish):
        again(root)
    with core.db.read() as connection:
        said = select(audit_log.c.action).where(audit_log.c.action.like("setup.%")).order_by(audit_log.c.seq)
        assert connection.execute(said).scalars().all() == [
            "setup.postponed",
            "setup.reminder_hidden",
            "setup.finished",
        ]


def test_skipping_does_not_undo_what_was_done(core: Core, root: User) -> None:
    core.setup.note_step(root, "company", "skipped")
    core.setup.note_step(root, "company", "done")
    assert core.setup.note_step(root, "company", "skipped").steps == {"company": "done"}


@pytest.mark.parametrize(("step", "state"), [("nowhere", "done"), ("company", "open"), ("", "")])
def test_an_unknown_step_is_refused(core: Core, root: User, step: str, state: str) -> None:
    with pytest.raises(Invalid):
        core.setup.note_step(root, step, state)  # type: ignore[arg-type]
    assert core.setup.progress(root) == SetupProgress()


def test_steps_noted_at_once_are_all_kept(core: Core, root: User) -> None:
    with ThreadPoolExecutor(5) as pool:
        list(pool.map(lambda step: core.setup.note_step(root, step, "done"), STEPS))
    assert set(core.setup.progress(root).steps) == set(STEPS)


def test_the_settings_of_the_organisation_are_untouched_by_it(core: Core, root: User) -> None:
    core.setup.opens_by_itself(root)
    assert core.organisation.get() == OrganisationSettings()


def test_charlie_is_neither_led_there_nor_reminded_nor_allowed(core: Core, root: User, charlie: User) -> None:
    assert not core.setup.opens_by_itself(charlie)
    assert core.setup.reminder(charlie) is None
    for attempt in (
        lambda: core.setup.progress(charlie),
        lambda: core.setup.note_step(charlie, "company", "done"),
        lambda: core.setup.finish(charlie),
        lambda: core.setup.postpone(charlie),
        lambda: core.setup.hide_reminder(charlie),
    ):
        with pytest.raises(Forbidden):
            attempt()
    assert core.setup.progress(root) == SetupProgress()
