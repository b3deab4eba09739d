"""The rules of webhooks: whose they are, where they may lead, what they hear, and how their secret is changed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import httpx

from core import clock
from core.accounts.capabilities import can, require
from core.accounts.models import User
from core.accounts.proof import require_recent_proof
from core.audit.service import Audit
from core.db import Connection, Database
from core.errors import AddressBlocked, Conflict, Invalid, NotFound, SecretUnreadable
from core.names import clean_name
from core.security.egress import EgressPolicy
from core.security.sealing import Vault
from core.webhooks import repository, signing
from core.webhooks.deliveries import repository as deliveries
from core.webhooks.models import (
    EVENTS,
    OVERLAP,
    Event,
    NewWebhook,
    Reason,
    Webhook,
    WebhookChange,
    WebhookDraft,
)

MAX_NAME = 80
MAX_URL = 1000
MAX_WEBHOOKS = 20


class Webhooks:
    """A person's webhooks and, for administrators, the organisation's."""

    def __init__(self, db: Database, vault: Vault, policy: EgressPolicy, audit: Audit) -> None:
        """Seal secrets with ``vault``; let addresses pass that ``policy`` allows; tell ``audit``."""
        self._db = db
        self._vault = vault
        self._policy = policy
        self._audit = audit

    def list(self, actor: User) -> Sequence[Webhook]:
        """Return the actor's webhooks and, for administrators, the organisation's, newest first."""
        with self._db.read() as connection:
            found = repository.webhooks_of(connection, actor.id, with_organisation=can(actor, "webhooks.manage"))
            last = deliveries.newest(connection, [webhook.id for webhook in found])
        return [replace(webhook, last=last.get(webhook.id)) for webhook in found]

    def get(self, actor: User, webhook_id: str) -> Webhook:
        """Return one webhook; ``NotFound`` for a stranger's."""
        with self._db.read() as connection:
            webhook = self._seen(connection, actor, webhook_id)
            return replace(webhook, last=deliveries.newest(connection, [webhook.id]).get(webhook.id))

    def add(self, actor: User, draft: WebhookDraft) -> NewWebhook:
        """Make a webhook; its secret is shown this once.

        Raises:
            Forbidden: the actor may not make one of the organisation.
            StepUpRequired: it is long ago that the actor proved who they are.
            Invalid: a field has not the right form.
            AddressBlocked: the address may not be called from here.
            Conflict: the actor has too many of them.
        """
        if draft.is_organisation:
            require(actor, "webhooks.manage")
        require_recent_proof(actor)
        draft = WebhookDraft(
            _clean_name(draft.name), self._clean_url(draft.url), _clean_events(draft.events), draft.is_organisation
        )
        webhook_id, secret, at = clock.new_id("webhook"), signing.new_secret(), clock.now()
        sealed = self._vault.seal(secret.get_secret_value(), **secret_context(webhook_id))
        with self._db.transaction() as connection:
            mine = repository.webhooks_of(connection, actor.id, with_organisation=draft.is_organisation)
            if sum(webhook.is_organisation == draft.is_organisation for webhook in mine) >= MAX_WEBHOOKS:
                raise Conflict(f"There are {MAX_WEBHOOKS} of them. Delete one that is not needed any more.")
            repository.insert_webhook(connection, webhook_id, actor.id, draft, sealed, at)
            told = {"name": draft.name, "host": _host(draft.url), "events": list(draft.events)}
            self._record(connection, actor, "webhook.added", webhook_id, {**told, "all": draft.is_organisation})
        return NewWebhook(self.get(actor, webhook_id), secret)

    def change(self, actor: User, webhook_id: str, change: WebhookChange) -> Webhook:
        """Change a webhook; whoever changes one of the organisation vouches for it from then on.

        Turned off, it forgets what waits; turned on again, it hears of what happens from then on.

        Raises:
            NotFound: it is a stranger's.
            StepUpRequired: it is to lead elsewhere, and it is long ago that the actor proved who they are.
            Invalid: a field has not the right form.
            AddressBlocked: the address may not be called from here.
            Conflict: its secret was lost, so it cannot be turned on.
        """
        before = self.get(actor, webhook_id)
        values: dict[str, Any] = {}
        if change.name is not None:
            values["name"] = _clean_name(change.name)
        if change.url is not None and (url := self._clean_url(change.url)) != before.url:
            require_recent_proof(actor)
            values["url"] = url
        if change.events is not None:
            values["events"] = " ".join(_clean_events(change.events))
        if change.is_active and not before.is_active:
            self._check_secret(webhook_id)
            values |= {"disabled_at": None, "disabled_reason": None, "failing_since": None}
        with self._db.transaction() as connection:
            if values:
                self._change(connection, actor, before, values)
            if change.is_active is False and self.turn_off(connection, webhook_id, "person"):
                self._record(connection, actor, "webhook.turned_off", webhook_id, {"name": before.name})
        return self.get(actor, webhook_id)

    def delete(self, actor: User, webhook_id: str) -> None:
        """Delete a webhook with its log; ``NotFound`` for a stranger's."""
        with self._db.transaction() as connection:
            webhook = self._seen(connection, actor, webhook_id)
            repository.delete_webhook(connection, webhook.id)
            told = {"name": webhook.name, "host": _host(webhook.url)}
            self._record(connection, actor, "webhook.deleted", webhook.id, told)

    def rotate_secret(self, actor: User, webhook_id: str) -> NewWebhook:
        """Make a new secret; for 24 hours the one before signs, too. A webhook whose secret was lost goes on.

        Raises:
            NotFound: it is a stranger's.
            StepUpRequired: it is long ago that the actor proved who they are.
            Conflict: somebody else has just done so.
        """
        before = self.get(actor, webhook_id)
        require_recent_proof(actor)
        secret, at = signing.new_secret(), clock.now()
        with self._db.read() as connection:
            sealed = repository.secret_of(connection, webhook_id)
        values: dict[str, Any] = {
            "secret_sealed": self._vault.seal(secret.get_secret_value(), **secret_context(webhook_id)),
            "secret_changed_at": at,
            **self._former(webhook_id, sealed),
        }
        if before.disabled_reason == "secret_lost":
            values |= {"disabled_at": None, "disabled_reason": None}
        if before.is_organisation:
            values["owner_id"] = actor.id
        with self._db.transaction() as connection:
            if not repository.change_secret(connection, webhook_id, sealed, **values):
                raise Conflict("This webhook was changed elsewhere just now. Reload it and try again.")
            self._record(connection, actor, "webhook.secret_rotated", webhook_id, {"name": before.name})
        return NewWebhook(self.get(actor, webhook_id), secret)

    def turn_off(self, connection: Connection, webhook_id: str, reason: Reason) -> bool:
        """Turn a webhook off in the caller's transaction and forget what waits; False when it is off already."""
        at = clock.now()
        is_done = repository.turn_off(connection, webhook_id, reason, at)
        if is_done:
            deliveries.give_up_waiting(connection, webhook_id, at)
        return is_done

    def forget_unreadable(self, connection: Connection, master_keys: Collection[int]) -> dict[str, int]:
        """Turn the webhooks off whose secret was sealed with lost master keys, until it is rotated."""
        repository.forget_previous_sealed_with(connection, master_keys)
        lost = repository.sealed_with(connection, master_keys)
        for webhook_id in lost:
            self.turn_off(connection, webhook_id, "secret_lost")
            repository.change_webhook(connection, webhook_id, disabled_reason="secret_lost")
        return {"webhooks turned off": len(lost)}

    # --- inside ----------------------------------------------------------------------------------

    def _seen(self, connection: Connection, actor: User, webhook_id: str) -> Webhook:
        webhook = repository.webhook(connection, webhook_id)
        if webhook is None or not _looks_after(actor, webhook):
            raise NotFound(what="webhook")
        return webhook

    def _change(self, connection: Connection, actor: User, before: Webhook, values: dict[str, Any]) -> None:
        told: dict[str, object] = {
            "name": values.get("name", before.name),
            "host": _host(values.get("url", before.url)),
        }
        if "events" in values:
            told["events"] = values["events"]
        if before.is_organisation:
            values["owner_id"] = actor.id
        repository.change_webhook(connection, before.id, **values)
        action = "webhook.turned_on" if "disabled_at" in values else "webhook.changed"
        self._record(connection, actor, action, before.id, told)

    def _former(self, webhook_id: str, sealed: bytes | None) -> dict[str, Any]:
        """Return what keeps the present secret as the former one; it is let go where nobody can open it."""
        try:
            opened = self._vault.unseal(sealed or b"", **secret_context(webhook_id))
        except SecretUnreadable:
            return {"previous_sealed": None, "previous_until": None}
        former = self._vault.seal(opened.get_secret_value(), **previous_context(webhook_id))
        return {"previous_sealed": former, "previous_until": clock.now() + OVERLAP}

    def _check_secret(self, webhook_id: str) -> None:
        with self._db.read() as connection:
            sealed = repository.secret_of(connection, webhook_id)
        try:
            self._vault.unseal(sealed or b"", **secret_context(webhook_id))
        except SecretUnreadable:
            raise Conflict("The secret of this webhook was lost. Rotate it: that turns it on again.") from None

    def _clean_url(self, given: str) -> str:
        url = given.strip()
        if not url or len(url) > MAX_URL or not (url.isascii() and url.isprintable()):
            raise Invalid(f"Enter the address to call, of {MAX_URL:,} characters at most.", "url")
        try:
            self._policy.check_url(httpx.URL(url))
        except httpx.InvalidURL:
            raise AddressBlocked("it cannot be read") from None
        return url

    def _record(
        self, connection: Connection, actor: User, action: str, webhook_id: str, detail: Mapping[str, object]
    ) -> None:
        self._audit.record(connection, actor, action, "webhook", webhook_id, detail=detail)


def secret_context(webhook_id: str) -> dict[str, str]:
    """Return what binds a sealed secret to its row."""
    return {"table": "webhooks", "field": "secret", "row": webhook_id}


def previous_context(webhook_id: str) -> dict[str, str]:
    """Return what binds a former secret to its row."""
    return {"table": "webhooks", "field": "previous", "row": webhook_id}


def _looks_after(actor: User, webhook: Webhook) -> bool:
    if webhook.is_organisation:
        return can(actor, "webhooks.manage")
    return webhook.owner_id == actor.id


def _clean_name(name: str) -> str:
    return clean_name(name, MAX_NAME, "Give the webhook a name")


def _clean_events(given: Iterable[str]) -> tuple[Event, ...]:
    chosen = set(given)
    if not chosen or not chosen <= set(EVENTS):
        raise Invalid("Choose what the webhook is told of.", "events")
    return tuple(event for event in EVENTS if event in chosen)


def _host(url: str) -> str:
    """Return as much of an address as the audit log may have: its path may be a secret."""
    return httpx.URL(url).host
