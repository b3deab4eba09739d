"""What keys are used for that is no model: services that tools call, and sending the organisation's mail."""

from __future__ import annotations

from abc import ABC, abstractmethod

from core.accounts.models import User
from core.db import Connection, Database
from core.errors import NotFound
from core.keys import repository
from core.keys.models import Family, Key, OpenKey
from core.keys.refusals import KeyDisabled
from core.keys.registry import kind_named
from core.keys.service_client import ServiceClient
from core.keys.service_kind import ServiceKind
from core.security.egress import EgressPolicy


class OtherUses(ABC):
    """The part of ``Keys`` that opens keys for something else than a model."""

    _db: Database
    _policy: EgressPolicy

    def open_service(self, actor: User, key_id: str, agent_id: str | None = None) -> ServiceClient:
        """Return what sends requests to a service's allowed hosts with its secret, for a tool.

        With ``agent_id`` a key that is lent to this agent opens for whoever may run the agent.

        Raises:
            NotFound, KeyNotShared, KeyOwnerInactive, SecretUnreadable: as ``open``.
            WrongKindOfKey: it is not one of a service.
        """
        opened = self._opened(actor, key_id, agent_id, "service")
        kind = kind_named(opened.key.provider)
        if not isinstance(kind, ServiceKind):
            raise NotFound(what="key")
        self.note_use(opened.key.id)
        return kind.client(opened, self._policy)

    def find_for_mail(self, connection: Connection, key_id: str) -> Key | None:
        """Return the e-mail key that an administrator has chosen, whosever it is; None when it was deleted."""
        found = repository.key(connection, key_id)
        return found[0] if found and found[0].family == "email" else None

    def open_for_mail(self, key_id: str) -> OpenKey:
        """Open the e-mail key that an administrator has chosen; raises ``NotFound`` and ``SecretUnreadable``."""
        with self._db.read() as connection:
            found = repository.key(connection, key_id)
        if found is None or found[0].family != "email":
            raise NotFound(what="key")
        if found[0].disabled_at:
            raise KeyDisabled(owner="its owner")
        return self._unsealed(*found)

    @abstractmethod
    def note_use(self, key_id: str) -> None:
        """Remember that a key was used now."""

    @abstractmethod
    def _opened(self, actor: User, key_id: str, agent_id: str | None, family: Family | None) -> OpenKey: ...

    @abstractmethod
    def _unsealed(self, key: Key, sealed: bytes | None) -> OpenKey: ...
