"""Says once that a key has stopped working: after a test that failed, or a call that the key was refused for."""

from __future__ import annotations

from collections.abc import Callable

from core import clock
from core.db import Connection
from core.keys import repository
from core.keys.models import Key
from core.keys.service import Keys
from core.usage.models import CallOrigin
from core.usage.service import Usage

# A call that ended with one of these says that the key does not work, whatever was asked.
ABOUT_THE_KEY = frozenset({"bad_key", "key_forbidden", "quota"})


class KeyAlarm:
    """Tells of keys that fail; of each again only after it has worked in between, or has another secret."""

    def __init__(self, keys: Keys, usage: Usage) -> None:
        """Hear of tests from ``keys`` and of calls from ``usage``."""
        self._usage = usage
        self._listeners: list[Callable[[Connection, Key, str], None]] = []
        keys.on_tested(self._tested)
        usage.on_failed(self._call_failed)

    def on_failing(self, tell: Callable[[Connection, Key, str], None]) -> None:
        """Call ``tell`` with the key and the code it failed with, in the transaction that notes the failure."""
        self._listeners.append(tell)

    def _tested(self, connection: Connection, key: Key, code: str) -> None:
        if code not in ("ok", "preparing"):
            self._tell(connection, key.id, code)

    def _call_failed(self, connection: Connection, origin: CallOrigin, code: str) -> None:
        if code in ABOUT_THE_KEY:
            self._tell(connection, origin.key_id, code)

    def _tell(self, connection: Connection, key_id: str, code: str) -> None:
        told_at = repository.failing_told_at(connection, key_id)
        if told_at is not None and not self._usage.was_answered_since(connection, key_id, told_at):
            return
        found = repository.key(connection, key_id)
        if found and repository.note_failing(connection, key_id, told_at, clock.now()):
            for tell in self._listeners:
                tell(connection, found[0], code)
