"""Looking after a key: disabling and enabling it, and being reminded before it expires."""

from __future__ import annotations

from datetime import date

from core import clock
from core.accounts.models import User
from core.db import Database
from core.keys import repository
from core.keys.models import Key, KeyChange
from core.keys.service import Keys
from core.notify import messages
from core.notify.service import Mail


class KeyCare:
    """What whoever looks after a key does with it besides using it."""

    def __init__(self, db: Database, keys: Keys, mail: Mail) -> None:
        """Change keys through ``keys``; remind by ``mail``."""
        self._db = db
        self._keys = keys
        self._mail = mail

    def disable(self, actor: User, key_id: str) -> Key:
        """Keep a key from being opened by anybody, until it is enabled; runs on it fail before their next step.

        Raises:
            NotFound: the key is a stranger's.
            Forbidden: the actor does not look after it.
            StepUpRequired: it is long ago that the actor proved who they are.
        """
        return self._keys.change(actor, key_id, KeyChange(disabled=True))

    def enable(self, actor: User, key_id: str) -> Key:
        """Let a disabled key be used again; raises as ``disable``."""
        return self._keys.change(actor, key_id, KeyChange(disabled=False))

    def set_expiry(self, actor: User, key_id: str, day: date | None) -> Key:
        """Say on which day (UTC) the provider ends a key, or that it does not; reminders go by it.

        Raises:
            NotFound: the key is a stranger's.
            Forbidden: the actor does not look after it.
            Invalid: the day is over, or too far away.
        """
        return self._keys.change(actor, key_id, KeyChange(expires_on=day))

    def set_pool(self, actor: User, key_id: str, is_pool: bool) -> None:
        """Take a key into the organisation's pool, or give it back to whoever added it.

        The organisation pays for a key of the pool, administrators look after it, and whoever it is shared with may
        run on it. It stays when the person who added it leaves.

        Raises:
            NotFound: the key is a stranger's.
            Forbidden: the actor is no administrator, or the key is somebody else's.
            StepUpRequired: it is long ago that the actor proved who they are.
        """
        self._keys.change(actor, key_id, KeyChange(pool=is_pool))

    def reminder_is_due(self) -> bool:
        """Whether a worker has somebody to remind; False while mail is not set up."""
        if not self._mail.is_set_up:
            return False
        with self._db.read() as connection:
            return bool(repository.reminders(connection, clock.now().date()))

    def remind(self) -> int:
        """Write the reminders that are due, each once; return for how many keys."""
        if not self._mail.is_set_up:
            return 0
        today = clock.now().date()
        with self._db.read() as connection:
            due = repository.reminders(connection, today)
        count = 0
        for reminder in due:
            message = messages.key_expires(
                reminder.name,
                reminder.expires_on,
                (reminder.expires_on - today).days,
                self._mail.page("key", id=reminder.key_id),
            )
            with self._db.transaction() as connection:
                if repository.note_reminder(connection, reminder):
                    for recipient in reminder.recipients:
                        self._mail.put(connection, recipient, message)
                    count += 1
        return count
