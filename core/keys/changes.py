"""Changing a key: whatever is changed at once is checked first and then written together, or not at all."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta

from core import clock
from core.accounts.capabilities import require
from core.accounts.models import User
from core.accounts.proof import require_recent_proof
from core.audit.service import Audit
from core.db import Connection, Database
from core.errors import Conflict, Forbidden, Invalid, NotFound
from core.keys import binding, drafts, repository
from core.keys.models import Key, KeyChange, KeyTest
from core.keys.registry import kind_named
from core.keys.rights import require_care
from core.names import clean_name
from core.security.egress import EgressPolicy
from core.security.sealing import Vault
from core.sharing.models import Access

# Longer than any provider lets a key live: what is later is a slip of the keyboard.
LONGEST_LIFE = timedelta(days=20 * 365)


class Changes(ABC):
    """The part of ``Keys`` that changes them."""

    _db: Database
    _vault: Vault
    _policy: EgressPolicy
    _audit: Audit

    def change(self, actor: User, key_id: str, change: KeyChange) -> Key:
        """Change a key in one transaction.

        A new address, or new settings, ask for the secret again, so that nobody who may edit a key can have its
        secret sent where they like. What a new secret makes obsolete (the last test, the day of expiry) is
        forgotten, unless ``change`` says another day.

        Raises:
            Forbidden: the key is not shared with the actor to edit; or, to disable it or say when it expires, they
                do not look after it; or, for the pool, they are no administrator.
            StepUpRequired: more than its name or its expiry changes, and it is long ago that the actor proved who
                they are.
            NotFound: the key is a stranger's.
            Invalid: a field has not the right form, the secret is missing, or the kind's address is fixed.
            AddressBlocked: the address may not be reached from here.
            Conflict: its owner has a key of this name, or somebody else has just replaced the secret.
        """
        require(actor, "keys.edit")
        if change.pool is not None:
            require(actor, "pool.manage")
        if change.is_sensitive:
            require_recent_proof(actor)
        key = self.get(actor, key_id)
        if (change.name is not None or change.replaces_secret) and not key.access.reaches("edit"):
            raise Forbidden
        if change.asks_care:
            require_care(key)
        name = None if change.name is None else clean_name(change.name, drafts.MAX_NAME, "Give the key a name")
        expires_on = change.expires_on
        if isinstance(expires_on, date):
            _check_day(expires_on)
        fresh = self._fresh(key, change) if change.replaces_secret else None
        with self._db.transaction() as connection:
            if name not in (None, key.name):
                self._rename(connection, actor, key, str(name))
            if fresh is not None:
                self._replace(connection, actor, key, *fresh, is_moved=change.moves)
            if change.disabled is not None:
                self._switch(connection, actor, key, change.disabled)
            if not isinstance(expires_on, str) and expires_on != (None if fresh else key.expires_on):
                self._set_expiry(connection, actor, key, expires_on)
            if change.pool is not None:
                repository.set_pool(connection, key.id, change.pool)
                self._note(connection, actor, key, "key.pooled" if change.pool else "key.unpooled")
        try:
            return self.get(actor, key_id)
        except NotFound:
            # Given back to a colleague, who alone looks after it from now on.
            return replace(
                key, name=name or key.name, is_pool=False, hint="", access=Access("view", is_owner=False)
            )

    def rename(self, actor: User, key_id: str, name: str) -> Key:
        """Give a key another name; raises as ``change``."""
        return self.change(actor, key_id, KeyChange(name=name))

    def replace_secret(self, actor: User, key_id: str, secret: str) -> Key:
        """Put a new secret in the place of the old one; everything that uses the key goes on with it.

        Raises as ``change``.
        """
        return self.change(actor, key_id, KeyChange(secret=secret))

    def change_address(
        self, actor: User, key_id: str, base_url: str, secret: str, settings: Mapping[str, str] | None = None
    ) -> KeyTest:
        """Let a key lead elsewhere: to another address, or to what its kind's ``settings`` say; then test it.

        Raises as ``change``.
        """
        self.change(actor, key_id, KeyChange(secret=secret, base_url=base_url, settings=settings))
        return self.test(actor, key_id)

    def _fresh(self, key: Key, change: KeyChange) -> tuple[Key, str]:
        kind, secret = kind_named(key.provider), change.secret or ""
        if change.moves:
            address = key.base_url if change.base_url is None else change.base_url
            return drafts.moved(key, kind, address, secret, change.settings, self._policy)
        after, fresh = drafts.with_secret(key, kind, secret)
        if not fresh:
            raise Invalid("Enter the new key.", "secret")
        return after, fresh

    def _rename(self, connection: Connection, actor: User, key: Key, name: str) -> None:
        check_name(connection, actor, key.owner_id, name)
        repository.rename_key(connection, key.id, name)
        self._note(connection, actor, key, "key.renamed", {"from": key.name, "to": name})

    def _replace(
        self, connection: Connection, actor: User, key: Key, after: Key, secret: str, *, is_moved: bool
    ) -> None:
        sealed = self._vault.seal(secret, **binding.context(after)) if secret else None
        if not repository.replace_secret(connection, after, sealed, key.secret_version):
            raise Conflict("This key was changed elsewhere just now. Reload the page and try again.")
        self._note(connection, actor, key, "key.address_changed" if is_moved else "key.secret_replaced")

    def _switch(self, connection: Connection, actor: User, key: Key, is_off: bool) -> None:
        if repository.set_disabled(connection, key.id, clock.now() if is_off else None):
            self._note(connection, actor, key, "key.disabled" if is_off else "key.enabled")

    def _set_expiry(self, connection: Connection, actor: User, key: Key, day: date | None) -> None:
        repository.set_expiry(connection, key.id, day)
        self._note(connection, actor, key, "key.expiry_set", {"expires_on": day.isoformat() if day else None})

    def _note(
        self, connection: Connection, actor: User, key: Key, action: str, detail: Mapping[str, object] | None = None
    ) -> None:
        self._audit.record(connection, actor, action, "key", key.id, detail=detail or {})

    @abstractmethod
    def get(self, actor: User, key_id: str) -> Key:
        """Return one key; ``NotFound`` for a stranger's."""

    @abstractmethod
    def test(self, actor: User, key_id: str) -> KeyTest:
        """Make one cheap real call with a key and remember how it went."""


def check_name(connection: Connection, actor: User, owner_id: str, name: str) -> None:
    """Raise ``Conflict`` when a person has a key of this name."""
    if repository.name_is_taken(connection, owner_id, name):
        whose = "You already have" if owner_id == actor.id else "Its owner already has"
        raise Conflict(f"{whose} a key of this name. Choose another name.")


def _check_day(day: date) -> None:
    today = clock.now().date()
    if not today <= day <= today + LONGEST_LIFE:
        raise Invalid("Choose a day from today on, or none.", "expires_on")
