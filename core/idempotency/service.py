"""The rules of Idempotency-Key: the same key and request get the first answer, for a day."""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Collection
from datetime import timedelta

from core import clock
from core.accounts.models import User
from core.db import Connection, Database
from core.errors import SecretUnreadable
from core.idempotency import repository
from core.idempotency.failures import KeyReused, StillRunning
from core.idempotency.models import Answer, Attempt
from core.security.sealing import Vault

KEPT = timedelta(hours=24)
# After this long an attempt without an answer is taken for dead: no request lasts longer.
ATTEMPT_LIFE = timedelta(minutes=2)


class Idempotency:
    """Keeps answers, sealed: some have a secret in them that is shown once."""

    def __init__(self, db: Database, vault: Vault) -> None:
        """Seal with ``vault``."""
        self._db = db
        self._vault = vault

    def begin(self, actor: User, key: str, request: bytes) -> Answer | Attempt:
        """Return the answer that was given before, or the right to execute the request now.

        Args:
            actor: whose key it is; keys of two people never meet.
            key: what the client calls this request.
            request: everything that makes the request what it is: method, path and body.

        Raises:
            KeyReused: the key was used for another request.
            StillRunning: the first request is under way.
        """
        at, number = clock.now(), clock.new_id("try")
        key_id = hashlib.sha256(f"{actor.id}\n{key}".encode("utf-8", "surrogatepass")).hexdigest()
        request_hash = hashlib.sha256(request).hexdigest()
        with self._db.transaction() as connection:
            if repository.begin(connection, key_id, actor.id, request_hash, number, at):
                return Attempt(key_id, number)
            row = repository.kept(connection, key_id)
            is_over = row is None or at - row.begun_at > KEPT
            if row is not None and not is_over:
                if row.request_hash != request_hash:
                    raise KeyReused
                answer = self._opened(key_id, row.answer_sealed) if row.status is not None else None
                if answer is not None:
                    return answer
                left = (row.begun_at + ATTEMPT_LIFE - at).total_seconds()
                if row.status is None and left > 0:
                    raise StillRunning(wait_seconds=min(2, math.ceil(left)))
            if row is None or not repository.take_over(connection, key_id, row.attempt, request_hash, number, at):
                raise StillRunning(wait_seconds=1)
        return Attempt(key_id, number)

    def finish(self, attempt: Attempt, answer: Answer) -> None:
        """Keep the answer of an attempt."""
        told = {**vars(answer), "body": base64.b64encode(answer.body).decode()}
        sealed = self._vault.seal_text(json.dumps(told), **_context(attempt.id))
        with self._db.transaction() as connection:
            repository.finish(connection, attempt.id, attempt.number, answer.status, sealed)

    def abandon(self, attempt: Attempt) -> None:
        """Forget an attempt that failed on our side, so that it may be made again."""
        with self._db.transaction() as connection:
            repository.drop(connection, attempt.id, attempt.number)

    def forget_old(self, limit: int) -> int:
        """Drop answers that are not repeated any more; return how many those were, ``limit`` at most."""
        with self._db.transaction() as connection:
            return repository.forget(connection, clock.now() - KEPT, limit)

    def forget_unreadable(self, connection: Connection, master_keys: Collection[int]) -> dict[str, int]:
        """Drop what was sealed with lost master keys."""
        return {"answers": repository.forget_sealed_with(connection, master_keys)}

    def _opened(self, key_id: str, sealed: bytes | None) -> Answer | None:
        if sealed is None:
            return None
        try:
            told = json.loads(self._vault.unseal_text(sealed, **_context(key_id)).get_secret_value())
        except SecretUnreadable:
            return None
        return Answer(told["status"], told["headers"], base64.b64decode(told["body"]))


def _context(key_id: str) -> dict[str, str]:
    return {"table": "idempotency_keys", "field": "answer", "row": key_id}
