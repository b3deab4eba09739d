"""The rules of keys: whose they are, who may run on them, where they lead, when they are opened."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from core import clock
from core.accounts.capabilities import can, require
from core.accounts.models import User
from core.accounts.proof import require_recent_proof
from core.audit.service import Audit
from core.db import Connection, Database
from core.errors import Forbidden, KeyNotShared, KeyOwnerInactive, NotFound
from core.keys import binding, drafts, repository
from core.keys.changes import Changes, check_name
from core.keys.checks import KeyChecks
from core.keys.kind import PURPOSES, Kind
from core.keys.model_kind import ModelKind
from core.keys.models import Family, Key, KeyDraft, KeyTest, OpenKey
from core.keys.refusals import KeyDeleted, KeyDisabled, WrongKindOfKey
from core.keys.registry import all_kinds, kind_named
from core.keys.rights import require_care
from core.keys.services import OtherUses
from core.llm.base import Endpoint, Provider
from core.llm.pricing import OwnPrice
from core.llm.registry import provider_named
from core.local_model.service import LocalModel
from core.security.egress import EgressPolicy
from core.security.sealing import Vault
from core.sharing.models import Access
from core.sharing.service import Sharing


class Keys(Changes, OtherUses):
    """Add, list, test, open and delete keys: a person's own, and those shared with them as far as that goes."""

    def __init__(
        self,
        db: Database,
        vault: Vault,
        policy: EgressPolicy,
        local_model: LocalModel,
        sharing: Sharing,
        audit: Audit,
    ) -> None:
        """Seal with ``vault``; reach providers under ``policy`` only; ask ``sharing``; tell ``audit``."""
        self._db = db
        self._audit = audit
        self._vault = vault
        self._policy = policy
        self._local_model = local_model
        self._checks = KeyChecks(policy, local_model)
        self._sharing = sharing
        sharing.register("key", repository.owner_of, asks_proof=True, in_care_of=_in_care_of)
        self._listeners: list[Callable[[Connection, User, Key], None]] = []
        self._test_listeners: list[Callable[[Connection, Key, str], None]] = []

    def on_added(self, tell: Callable[[Connection, User, Key], None]) -> None:
        """Call ``tell`` in the transaction of each new key."""
        self._listeners.append(tell)

    def on_tested(self, tell: Callable[[Connection, Key, str], None]) -> None:
        """Call ``tell`` with a key and the code of its test, in the transaction that notes it."""
        self._test_listeners.append(tell)

    def providers(self) -> list[Provider]:
        """Return the model providers that can be used here, in the order of the picker."""
        return [kind.provider for kind in self.kinds() if isinstance(kind, ModelKind)]

    def kinds(self) -> list[Kind]:
        """Return the kinds of keys that can be used here, in the order of the picker."""
        hidden = self._local_model.why_unavailable() is not None
        return [kind for kind in all_kinds().values() if not (kind.is_built_in and hidden)]

    def add(self, actor: User, draft: KeyDraft) -> Key:
        """Store a new key.

        Raises:
            Forbidden: the actor may add none, or none to the pool.
            StepUpRequired: it is long ago that the actor proved who they are.
            Invalid: a field has not the right form.
            AddressBlocked: the address may not be reached from here.
            Conflict: the person has a key of this name.
            LocalModelUnavailable: the built-in model cannot run on this machine.
        """
        require(actor, "keys.edit")
        if draft.pool:
            require(actor, "pool.manage")
        require_recent_proof(actor)
        kind = kind_named(draft.provider)
        key, secret = drafts.new_key(kind, draft, self._policy, actor.id)
        if kind.is_built_in:
            self._local_model.request()
        sealed = self._vault.seal(secret, **binding.context(key)) if secret else None
        with self._db.transaction() as connection:
            check_name(connection, actor, actor.id, key.name)
            repository.insert_key(connection, key, sealed)
            self._audit.record(connection, actor, "key.added", "key", key.id, detail={"provider": key.provider})
            if key.is_pool:
                self._audit.record(connection, actor, "key.pooled", "key", key.id)
            for tell in self._listeners:
                tell(connection, actor, key)
        return key

    def list(self, actor: User, family: Family | None = None) -> Sequence[Key]:
        """Return the actor's keys and those shared with them, newest first; of one family if that is told."""
        with self._db.read() as connection:
            levels = self._sharing.levels(connection, actor, "key")
            found = repository.keys_of(connection, actor.id, levels, family)
            of = self._sharing.accesses(connection, actor, "key", levels, {key.id: key.owner_id for key in found})
        return [self._seen(key, of[key.id]) for key in found]

    def get(self, actor: User, key_id: str) -> Key:
        """Return one key; ``NotFound`` for a stranger's."""
        with self._db.read() as connection:
            found = repository.key(connection, key_id)
            access = self._sharing.access(connection, actor, "key", key_id)
        if found is None or access is None:
            raise NotFound(what="key")
        return self._seen(found[0], access)

    def delete(self, actor: User, key_id: str) -> None:
        """Delete a key and its secret at once; agents that use it need another one.

        Raises:
            NotFound: the key is a stranger's.
            Forbidden: the actor does not look after it.
            StepUpRequired: it is long ago that the actor proved who they are.
        """
        require_recent_proof(actor)
        key = self.get(actor, key_id)
        require_care(key)
        with self._db.transaction() as connection:
            repository.delete_key(connection, key.id, clock.now())
            self._sharing.forget(connection, "key", key.id)
            self._audit.record(connection, actor, "key.deleted", "key", key.id)

    def test(self, actor: User, key_id: str) -> KeyTest:
        """Make one cheap real call with a key and remember how it went.

        Raises:
            Forbidden: it is shared with the actor to look at only.
            KeyDisabled: it is disabled.
        """
        key = self.get(actor, key_id)
        if not key.access.reaches("run"):
            raise Forbidden
        if key.disabled_at:
            raise KeyDisabled(owner=key.access.owner_name)
        outcome = self._checks.test(kind_named(key.provider), lambda: self._opened(actor, key.id))
        with self._db.transaction() as connection:
            repository.note_test(connection, key.id, clock.now(), outcome.code)
            for tell in self._test_listeners:
                tell(connection, key, outcome.code)
        return outcome

    def models(self, actor: User, key_id: str) -> Sequence[str]:
        """Return the models a key may use, asking its provider.

        Raises:
            NotFound, KeyNotShared, KeyOwnerInactive, KeyDisabled: the actor cannot run on this key.
            ModelError: the provider does not answer or refuses.
        """
        opened = self.open(actor, key_id)
        return self._checks.models(provider_named(opened.key.provider), opened.endpoint)

    def check_exists(self, key_id: str) -> None:
        """Raise ``KeyDeleted`` when a key is gone, whosever it was."""
        with self._db.read() as connection:
            if repository.owner_of(connection, key_id) is None:
                raise KeyDeleted

    def priced(self, key_id: str) -> tuple[str, OwnPrice | None] | None:
        """Return a key's provider and own price, for the books; None when it was deleted."""
        with self._db.read() as connection:
            found = repository.key(connection, key_id)
        return (found[0].provider, found[0].own_price) if found else None

    def require_usable(self, actor: User, key_id: str, agent_id: str | None = None) -> None:
        """Raise what ``open`` would raise about the actor's right to run on a key, for an agent or at all."""
        self._usable(actor, key_id, agent_id, "llm")

    def open(self, actor: User, key_id: str, agent_id: str | None = None) -> OpenKey:
        """Open a model key's secret for one call or one node: the only way from the database to a provider.

        With ``agent_id`` a key that is lent to this agent opens for whoever may run the agent.

        Raises:
            NotFound: the key is gone, or a stranger's; ``KeyDeleted`` where an agent needs it.
            KeyNotShared: it is another person's, and not shared with the actor to run.
            KeyOwnerInactive: its owner was suspended.
            KeyDisabled: it is disabled.
            SecretLost: its master key was lost.
            SecretUnreadable: it was changed, or moved from another row.
            WrongKindOfKey: it is not one of a model provider.
        """
        return self._opened(actor, key_id, agent_id, "llm")

    def note_use(self, key_id: str) -> None:
        """Remember that a run used this key now."""
        with self._db.transaction() as connection:
            repository.note_use(connection, key_id, clock.now())

    def _opened(
        self, actor: User, key_id: str, agent_id: str | None = None, family: Family | None = None
    ) -> OpenKey:
        return self._unsealed(*self._usable(actor, key_id, agent_id, family))

    def _unsealed(self, key: Key, sealed: bytes | None) -> OpenKey:
        secret = self._vault.unseal(sealed, **binding.context(key)) if sealed else None
        return OpenKey(key, Endpoint(key.base_url, secret))

    def _usable(
        self, actor: User, key_id: str, agent_id: str | None, family: Family | None
    ) -> tuple[Key, bytes | None]:
        with self._db.read() as connection:
            found = repository.key(connection, key_id)
            access = self._sharing.access(connection, actor, "key", key_id)
            is_lent = agent_id is not None and self._sharing.may_run_lent(connection, actor, key_id, agent_id)
            if found is None and agent_id is not None:
                raise KeyDeleted
            if found is None or (access is None and agent_id is None):
                raise NotFound(what="key")
            owner = self._sharing.owners(connection, [found[0].owner_id])[found[0].owner_id]
        if not (is_lent or (access is not None and access.reaches("run"))):
            raise KeyNotShared(owner=owner.name)
        if owner.id != actor.id and not owner.is_active and not found[0].is_pool:
            raise KeyOwnerInactive(owner=owner.name)
        if found[0].disabled_at:
            raise KeyDisabled(owner=owner.name)
        if family is not None and found[0].family != family:
            raise WrongKindOfKey(name=found[0].name, purpose=PURPOSES[family])
        return found

    def _seen(self, key: Key, access: Access) -> Key:
        """Return a key as somebody with this access may see it."""
        is_lost = key.sealed_with is not None and not self._vault.has_key(key.sealed_with)
        return replace(key, access=access, hint=key.hint if access.is_owner else "", is_lost=is_lost)


def _in_care_of(connection: Connection, actor: User) -> Collection[str]:
    return repository.pool_ids(connection) if can(actor, "pool.manage") else ()
