"""Which e-mail key an administrator has chosen to send the organisation's mail, and what sends with it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from email.utils import parseaddr

from core import clock
from core.accounts.capabilities import require
from core.accounts.models import User
from core.accounts.proof import require_recent_proof
from core.audit.service import Audit
from core.config import Settings
from core.db import Connection, Database
from core.errors import CoreError, Invalid, NotFound
from core.keys.email_kind import EmailKind
from core.keys.models import Dependent, Key
from core.keys.registry import kind_named
from core.keys.service import Keys
from core.notify import repository
from core.notify.base import Transport
from core.notify.failures import MailSetUpWrong
from core.security.egress import EgressPolicy

_CHANGED = "the key {name} was changed after it was chosen. An administrator has to choose it again."
_GONE = "the key cannot be opened. An administrator has to choose another one."


@dataclass(frozen=True)
class ChosenKey:
    """A key that sends the mail, as far as it can be used; ``problem`` says why it cannot."""

    key: Key
    sender: str
    daily_cap: int | None
    problem: str | None


class ChosenKeys:
    """Remembers the choice. The secret is opened for each mail, never before.

    Only the key as it was chosen is used: whoever may edit it could otherwise lead the organisation's mail, and the
    links in it, to a server of their own.
    """

    def __init__(self, db: Database, settings: Settings, keys: Keys, policy: EgressPolicy, audit: Audit) -> None:
        """Ask ``keys``; send under ``policy``; tell ``audit``."""
        self._db = db
        self._settings = settings
        self._keys = keys
        self._policy = policy
        self._audit = audit

    def current(self, connection: Connection) -> ChosenKey | None:
        """Return the chosen key; None when none is chosen or it was deleted."""
        choice = repository.mail_key(connection)
        key = self._keys.find_for_mail(connection, choice.key_id) if choice else None
        if choice is None or key is None:
            return None
        kind = kind_named(key.provider)
        cap = kind.daily_cap if isinstance(kind, EmailKind) else None
        problem = None if key.secret_version == choice.version else _CHANGED.format(name=key.name)
        return ChosenKey(key, self._sender(key), self._settings.mail_daily_cap or cap, problem)

    def using_keys(self, connection: Connection, key_ids: Collection[str]) -> Sequence[Dependent]:
        """Return the organisation's mail where it is sent with one of these keys."""
        choice = repository.mail_key(connection)
        key = self._keys.find_for_mail(connection, choice.key_id) if choice and choice.key_id in key_ids else None
        return [Dependent("mail", key.id, "The organisation’s e-mail", key.id, key.owner_id)] if key else []

    def transport(self) -> Transport:
        """Open the chosen key for one mail.

        Raises:
            MailSetUpWrong: it was changed after it was chosen, or cannot be opened.
        """
        with self._db.read() as connection:
            choice = repository.mail_key(connection)
        if choice is None:
            raise MailSetUpWrong(answer=_GONE)
        try:
            opened = self._keys.open_for_mail(choice.key_id)
            kind = kind_named(opened.key.provider)
            if opened.key.secret_version != choice.version:
                raise MailSetUpWrong(answer=_CHANGED.format(name=opened.key.name))
            if not isinstance(kind, EmailKind):
                raise NotFound(what="key")
            return kind.transport(opened, self._policy)
        except MailSetUpWrong:
            raise
        except CoreError as error:
            raise MailSetUpWrong(answer=_GONE) from error

    def choices(self, actor: User) -> Sequence[Key]:
        """Return the e-mail keys that the actor may choose: their own; for administrators."""
        require(actor, "settings.manage")
        return [key for key in self._keys.list(actor, "email") if key.access.is_owner]

    def choose(self, actor: User, key_id: str | None) -> None:
        """Have mail sent with a key of one's own, or with none any more; for administrators.

        Raises:
            StepUpRequired: it is long ago that the actor proved who they are.
            NotFound: it is no e-mail key of the actor's.
            Invalid: the key has not passed its test, or there is no sender or no address of our own.
        """
        require(actor, "settings.manage")
        require_recent_proof(actor)
        version = None if key_id is None else self._checked(actor, key_id).secret_version
        with self._db.transaction() as connection:
            repository.choose_mail_key(connection, key_id, version)
            repository.hurry(connection, clock.now())
            self._audit.record(connection, actor, "mail.key_chosen", "key", key_id or "none")

    def _checked(self, actor: User, key_id: str) -> Key:
        key = next((key for key in self.choices(actor) if key.id == key_id), None)
        if key is None:
            raise NotFound(what="key")
        if key.test_code != "ok":
            raise Invalid(f"Test the key {key.name} on the page Keys first: it has to work.", "key")
        if "@" not in parseaddr(self._sender(key))[1]:
            raise Invalid("There is no sender: set ZOARK_MAIL_FROM, or enter one with Change address.", "sender")
        if not self._settings.base_url:
            raise Invalid(
                "Set ZOARK_BASE_URL first, the address that people open: the links in mails lead there.", "base_url"
            )
        return key

    def _sender(self, key: Key) -> str:
        return self._settings.mail_from or key.settings["sender"]
