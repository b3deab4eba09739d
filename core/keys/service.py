"""The rules of keys: whose they are, where they lead, when they are opened."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import httpx

from core import clock
from core.accounts.capabilities import require
from core.accounts.models import User
from core.accounts.proof import require_recent_proof
from core.audit.service import Audit
from core.db import Connection, Database
from core.errors import Conflict, CoreError, Invalid, NotFound
from core.keys import repository
from core.keys.models import Key, KeyDraft, KeyTest, OpenKey
from core.llm.base import Endpoint, Provider
from core.llm.pricing import OwnPrice
from core.llm.registry import all_providers, provider_named
from core.local_model.models import LocalModelStatus
from core.local_model.service import LocalModel
from core.names import clean_name
from core.security.egress import EgressPolicy, GuardedClient, guarded_client
from core.security.sealing import Vault

TEST_SECONDS = 15.0
TEST_MAX_BYTES = 1_000_000
LOCAL_TEST_WAIT_SECONDS = 8.0
MAX_NAME = 80
MAX_SECRET = 2000
MAX_URL = 400


class Keys:
    """Add, list, test, open and delete a person's keys."""

    def __init__(
        self, db: Database, vault: Vault, policy: EgressPolicy, local_model: LocalModel, audit: Audit
    ) -> None:
        """Seal with ``vault``; reach providers under ``policy`` only; tell ``audit``."""
        self._db = db
        self._audit = audit
        self._vault = vault
        self._policy = policy
        self._local_model = local_model
        self._listeners: list[Callable[[Connection, User, Key], None]] = []

    def on_added(self, tell: Callable[[Connection, User, Key], None]) -> None:
        """Call ``tell`` in the transaction of each new key."""
        self._listeners.append(tell)

    def providers(self) -> list[Provider]:
        """Return the providers that can be used here, in the order of the picker."""
        hidden = self._local_model.why_unavailable() is not None
        return [p for p in all_providers().values() if not (p.is_built_in and hidden)]

    def add(self, actor: User, draft: KeyDraft) -> Key:
        """Store a new key.

        Raises:
            StepUpRequired: it is long ago that the actor proved who they are.
            Invalid: a field has not the right form.
            AddressBlocked: the address may not be reached from here.
            Conflict: the person has a key of this name.
            LocalModelUnavailable: the built-in model cannot run on this machine.
        """
        require(actor, "keys.edit")
        require_recent_proof(actor)
        provider = provider_named(draft.provider)
        name = clean_name(draft.name, MAX_NAME, "Give the key a name")
        secret = _clean_secret(provider, draft.secret)
        base_url = self._clean_url(provider, draft.base_url)
        if provider.is_built_in:
            self._local_model.request()
        key = Key(
            id=clock.new_id("key"),
            owner_id=actor.id,
            name=name,
            provider=provider.name,
            base_url=base_url,
            hint=_mask(secret),
            secret_version=1,
            own_price=_own_price(draft),
            created_at=clock.now(),
            tested_at=None,
            test_code=None,
            last_used_at=None,
        )
        sealed = self._vault.seal(secret, **_context(key)) if secret else None
        with self._db.transaction() as connection:
            if repository.name_is_taken(connection, actor.id, name):
                raise Conflict("You already have a key of this name. Choose another name.")
            repository.insert_key(connection, key, sealed)
            self._audit.record(connection, actor, "key.added", "key", key.id, detail={"provider": key.provider})
            for tell in self._listeners:
                tell(connection, actor, key)
        return key

    def list(self, actor: User) -> Sequence[Key]:
        """Return the actor's keys, newest first."""
        with self._db.read() as connection:
            return repository.keys_of(connection, actor.id)

    def get(self, actor: User, key_id: str) -> Key:
        """Return one key; ``NotFound`` for a stranger's."""
        return self._row(actor, key_id)[0]

    def delete(self, actor: User, key_id: str) -> None:
        """Delete a key and its secret at once; agents that use it need another one.

        Raises:
            NotFound: the key is not the actor's.
            StepUpRequired: it is long ago that the actor proved who they are.
        """
        require_recent_proof(actor)
        key = self.get(actor, key_id)
        with self._db.transaction() as connection:
            repository.delete_key(connection, key.id, clock.now())
            self._audit.record(connection, actor, "key.deleted", "key", key.id)

    def test(self, actor: User, key_id: str) -> KeyTest:
        """Make one cheap real call with a key and remember how it went."""
        key = self.get(actor, key_id)
        provider = provider_named(key.provider)
        outcome = self._test_built_in() if provider.is_built_in else self._test_remote(actor, provider, key)
        with self._db.transaction() as connection:
            repository.note_test(connection, key.id, clock.now(), outcome.code)
        return outcome

    def models(self, actor: User, key_id: str) -> Sequence[str]:
        """Return the models a key may use, asking its provider.

        Raises:
            ModelError: the provider does not answer or refuses.
        """
        key = self.get(actor, key_id)
        provider = provider_named(key.provider)
        if provider.is_built_in:
            return provider.example_models
        with self._client() as http:
            return provider.list_models(self.open(actor, key.id).endpoint, http)

    def open(self, actor: User, key_id: str) -> OpenKey:
        """Open a key's secret for one call or one node: the only way from the database to a provider.

        Raises:
            NotFound: the key is not the actor's.
            SecretUnreadable: no present master key opens it.
        """
        key, sealed = self._row(actor, key_id)
        secret = self._vault.unseal(sealed, **_context(key)) if sealed else None
        return OpenKey(key, Endpoint(key.base_url, secret))

    def note_use(self, key_id: str) -> None:
        """Remember that a run used this key now."""
        with self._db.transaction() as connection:
            repository.note_use(connection, key_id, clock.now())

    def _row(self, actor: User, key_id: str) -> tuple[Key, bytes | None]:
        with self._db.read() as connection:
            found = repository.key_of(connection, actor.id, key_id)
        if found is None:
            raise NotFound(what="key")
        return found

    def _client(self) -> GuardedClient:
        return guarded_client(self._policy, total_seconds=TEST_SECONDS, max_bytes=TEST_MAX_BYTES)

    def _test_remote(self, actor: User, provider: Provider, key: Key) -> KeyTest:
        try:
            with self._client() as http:
                provider.check(self.open(actor, key.id).endpoint, http)
        except CoreError as error:
            return KeyTest(False, error.code, error.sentence)
        return KeyTest(True, "ok", f"{provider.label} accepts this key.")

    def _test_built_in(self) -> KeyTest:
        try:
            status = self._local_model.request()
        except CoreError as error:
            return KeyTest(False, error.code, error.sentence)
        give_up_at = clock.monotonic_seconds() + LOCAL_TEST_WAIT_SECONDS
        while status.is_busy and clock.monotonic_seconds() < give_up_at:
            time.sleep(0.2)
            status = self._local_model.status()
        return _local_outcome(status)

    def _clean_url(self, provider: Provider, given: str) -> str:
        if not provider.asks_base_url:
            return provider.default_base_url
        text = given.strip().rstrip("/") or provider.default_base_url
        try:
            url = httpx.URL(text if text.isprintable() else "")
        except httpx.InvalidURL:
            url = httpx.URL("")
        if not url.host or len(text) > MAX_URL or "?" in text or "#" in text:
            raise Invalid("Enter the full address, such as https://models.example.com/v1.", "base_url")
        self._policy.check_url(url)
        return text


def _local_outcome(status: LocalModelStatus) -> KeyTest:
    if status.state == "ready":
        return KeyTest(True, "ok", status.message)
    if status.is_busy:
        return KeyTest(False, "preparing", status.message)
    return KeyTest(False, "local_model_unavailable", status.message)


def _context(key: Key) -> dict[str, str | int]:
    return {
        "table": "keys",
        "row": key.id,
        "field": "secret",
        "owner": key.owner_id,
        "origin": key.base_url,
        "version": key.secret_version,
    }


def _clean_secret(provider: Provider, given: str) -> str:
    secret = given.strip()
    if not provider.asks_secret:
        return ""
    if provider.needs_secret and not secret:
        raise Invalid(f"Enter the key. {provider.secret_help}", "secret")
    if len(secret) > MAX_SECRET or not (secret.isascii() and secret.isprintable()) or " " in secret:
        raise Invalid("This does not look like a key: it has spaces or unusual characters.", "secret")
    return secret


def _own_price(draft: KeyDraft) -> OwnPrice | None:
    prices = (draft.input_price_micros_per_million, draft.output_price_micros_per_million)
    if prices == (None, None):
        return None
    if any(price is None or not 0 <= price <= 10**12 for price in prices):
        raise Invalid("Enter both prices, in dollars per million tokens, or none.", "price")
    return OwnPrice(int(prices[0] or 0), int(prices[1] or 0))


def _mask(secret: str) -> str:
    """Show just enough to tell two keys apart, and nothing of a short one."""
    if not secret:
        return ""
    return f"{secret[:3]}…{secret[-4:]}" if len(secret) >= 16 else "…"
