"""Looking after a key: disabling and enabling it, and being reminded before it expires."""

from __future__ import annotations

from datetime import date, timedelta

from core import clock
from core.accounts.capabilities import require
from core.accounts.models import User
from core.accounts.proof import require_recent_proof
from core.audit.service import Audit
from core.db import Database
from core.errors import Invalid
from core.keys import repository
from core.keys.models import Key
from core.keys.rights import require_care
from core.keys.service import Keys
from core.notify import messages
from core.notify.service import Mail

# Longer than any provider lets a key live: what is later is a slip of the keyboard.
LONGEST_LIFE = timedelta(days=20 * 365)


class KeyCare:
    """What whoever looks after a key does with it besides using it."""

    def __init__(self, db: Database, keys: Keys, mail: Mail, audit: Audit) -> None:
        """Look keys up in ``keys``; remind by ``mail``; tell ``audit``."""
        self._db = db
        self._keys = keys
        self._mail = mail
        self._audit = audit

    def disable(self, actor: User, key_id: str) -> Key:
        """Keep a key from being opened by anybody, until it is enabled; runs on it fail before their next step.

        Raises:
            NotFound: the key is a stranger's.
            Forbidden: the actor does not look after it.
            StepUpRequired: it is long ago that the actor proved who they are.
        """
        return self._switch(actor, key_id, is_on=False)

    def enable(self, actor: User, key_id: str) -> Key:
        """Let a disabled key be used again; raises as ``disable``."""
        return self._switch(actor, key_id, is_on=True)

    def set_expiry(self, actor: User, key_id: str, day: date | None) -> Key:
        """Say on which day (UTC) the provider ends a key, or that it does not; reminders go by it.

        Raises:
            NotFound: the key is a stranger's.
            Forbidden: the actor does not look after it.
            Invalid: the day is over, or too far away.
        """
        require(actor, "keys.edit")
        key = self._keys.get(actor, key_id)
        require_care(key)
        today = clock.now().date()
        if day is not None and not today <= day <= today + LONGEST_LIFE:
            raise Invalid("Choose a day from today on, or none.", "expires_on")
        if day != key.expires_on:
            with self._db.transaction() as connection:
                repository.set_expiry(connection, key.id, day)
                told = {"expires_on": day.isoformat() if day else None}
                self._audit.record(connection, actor, "key.expiry_set", "key", key.id, detail=told)
        return self._keys.get(actor, key_id)

    def set_pool(self, actor: User, key_id: str, is_pool: bool) -> None:
        """Take a key into the organisation's pool, or give it back to whoever added it.

        The organisation pays for a key of the pool, administrators look after it, and whoever it is shared with may
        run on it. It stays when the person who added it leaves.

        Raises:
            NotFound: the key is a stranger's.
            Forbidden: the actor is no administrator, or the key is somebody else's.
            StepUpRequired: it is long ago that the actor proved who they are.
        """
        require(actor, "pool.manage")
        require_recent_proof(actor)
        key = self._keys.get(actor, key_id)
        require_care(key)
        with self._db.transaction() as connection:
            repository.set_pool(connection, key.id, is_pool)
            action = "key.pooled" if is_pool else "key.unpooled"
            self._audit.record(connection, actor, action, "key", key.id)

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

    def _switch(self, actor: User, key_id: str, *, is_on: bool) -> Key:
        require(actor, "keys.edit")
        require_recent_proof(actor)
        key = self._keys.get(actor, key_id)
        require_care(key)
        with self._db.transaction() as connection:
            if repository.set_disabled(connection, key.id, None if is_on else clock.now()):
                action = "key.enabled" if is_on else "key.disabled"
                self._audit.record(connection, actor, action, "key", key.id)
        return self._keys.get(actor, key_id)
