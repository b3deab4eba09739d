"""One secret of every kind, made as the app makes them, and a way to see that each still opens."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pydantic import SecretStr
from sqlalchemy import select

from core import clock
from core.accounts.models import User
from core.bootstrap import Core
from core.db.sealed import sealed_columns
from core.db.tables import identities, mail_outbox, oauth_flows, triggers, webhooks
from core.db.tables import keys as keys_table
from core.idempotency.models import Answer, Attempt
from core.keys import binding, repository
from core.keys.models import Key, KeyDraft
from core.notify import messages
from core.notify.service import sealing_context
from core.oauth.models import Profile, Tokens
from core.oauth.providers.google import PROVIDER as GOOGLE
from core.oauth.repository import _identity, insert_flow
from core.oauth.service import _flow_context
from core.triggers.models import TriggerDraft
from core.triggers.service import _context as _trigger_context
from core.webhooks.models import WebhookDraft
from core.webhooks.service import previous_context, secret_context
from tests.support.mailbox import MemoryTransport
from tests.support.starts import published

SECRET = "zk-Rotating-canary-0123456789"
LINK = "https://zoark.example.com/verify?token=CANARY-TOKEN-0123456789"
ADDRESS = "https://models.example.com/v1"
ANSWER = Answer(201, {}, b"a secret that is shown once")


@dataclass(frozen=True)
class Secrets:
    """Everything that Alice and the house keep sealed."""

    owner: User
    keys: list[Key]
    seed: str
    of_webhook: list[SecretStr]
    of_trigger: SecretStr


def every_secret(core: Core, owner: User, keys: int = 1) -> Secrets:
    """Seal one secret of every kind, and so many keys."""
    core.mail.transport = MemoryTransport()
    first = core.keys.add(owner, KeyDraft("Key", "openai_compatible", SECRET, ADDRESS))
    more = [replace(first, id=f"{first.id}{number:06}", name=f"Key {number}") for number in range(1, keys)]
    profile = Profile("https://issuer.example", "subject", "alice@example.com", True, "Alice")
    tokens = Tokens(SecretStr("access-0123456789"), SecretStr("refresh-0123456789"), None, ())
    seed = core.two_factor.begin(owner).text
    with core.db.transaction() as connection:
        for key in more:
            repository.insert_key(connection, key, core.keys._vault.seal(SECRET, **binding.context(key)))
        core.oauth._identities.add(connection, owner, GOOGLE, profile, tokens)
        insert_flow(
            connection,
            state_hash="s" * 64,
            provider="google",
            browser_hash="b" * 64,
            nonce="n",
            verifier_sealed=core.oauth._vault.seal("verifier-0123456789", **_flow_context("s" * 64)),
            next_path="/",
            expires_at=clock.now(),
        )
        core.mail.put(connection, "dora@example.com", messages.verification(LINK))
    hook = core.webhooks.add(owner, WebhookDraft("Hook", "https://example.com/hook", ("run.failed",)))
    fresh = core.webhooks.rotate_secret(owner, hook.webhook.id)
    trigger = core.triggers.create(owner, published(core, owner), TriggerDraft("Shop"))
    attempt = core.idempotency.begin(owner, "key", b"request")
    assert isinstance(attempt, Attempt)
    core.idempotency.finish(attempt, ANSWER)
    return Secrets(owner, [first, *more], seed, [fresh.secret, hook.secret], trigger.secret)


def assert_all_open(core: Core, secrets: Secrets, secret: str = SECRET) -> None:
    """Open everything through what owns it; the log and the cookies, too."""
    for key in secrets.keys[:3]:
        found = core.keys.open(secrets.owner, key.id).endpoint.secret
        assert found is not None
        assert found.get_secret_value() == secret
    with core.db.read() as connection:
        sealed = {row.id: row.secret_sealed for row in connection.execute(select(keys_table))}
    for key in secrets.keys:
        assert core.keys._vault.unseal(sealed[key.id], **binding.context(key)).get_secret_value() == secret
    pending = core.two_factor.pending(secrets.owner)
    assert pending is not None
    assert pending.text == secrets.seed
    with core.db.read() as connection:
        row = connection.execute(select(identities)).one()
        assert core.oauth._identities.open(_identity(row), row.token_sealed).access.get_secret_value() == (
            "access-0123456789"
        )
        flow = connection.execute(select(oauth_flows)).one()
        opened = core.oauth._vault.unseal(flow.verifier_sealed, **_flow_context(flow.state_hash))
        assert opened.get_secret_value() == "verifier-0123456789"
        mail = connection.execute(select(mail_outbox).where(mail_outbox.c.kind == "verification")).one()
        assert LINK in core.mail._vault.unseal(mail.body_sealed, **sealing_context(mail.id)).get_secret_value()
        hook = connection.execute(select(webhooks)).one()
        vault = core.webhooks._vault
        assert secrets.of_webhook == [
            vault.unseal(hook.secret_sealed, **secret_context(hook.id)),
            vault.unseal(hook.previous_sealed, **previous_context(hook.id)),
        ]
        trigger = connection.execute(select(triggers)).one()
        opened = core.triggers._vault.unseal(
            trigger.secret_sealed, **_trigger_context(trigger.id, trigger.secret_version)
        )
        assert opened == secrets.of_trigger
    assert core.idempotency.begin(secrets.owner, "key", b"request") == ANSWER
    assert core.audit.verify().problem is None


def kinds_with_rows(core: Core) -> set[str]:
    """Return the kinds of secrets of which there is at least one."""
    return set(core.master_keys.overview().secrets)


def every_kind() -> set[str]:
    """Return the kinds of all declared columns."""
    return {column.what for column in sealed_columns()}
