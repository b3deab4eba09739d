"""A second factor that was lost with its recovery codes: an administrator, or the command line, removes it."""

from __future__ import annotations

from collections.abc import Callable, Collection

from core.accounts import tries
from core.accounts.capabilities import can, require
from core.accounts.models import User
from core.accounts.proof import require_recent_proof
from core.accounts.provider_sign_in import active_user
from core.accounts.service import normalise_email
from core.accounts.sessions import Sessions
from core.audit.service import Audit
from core.db import Connection, Database
from core.errors import Conflict, Forbidden, NoSuchPerson
from core.passkeys.service import Passkeys
from core.security.tokens import hash_token
from core.two_factor import repository


class LostFactors:
    """Removes second factors. The person's sessions end, and they are told."""

    def __init__(self, db: Database, passkeys: Passkeys, sessions: Sessions, audit: Audit) -> None:
        """Remove ``passkeys`` too; end ``sessions``; tell ``audit``."""
        self._db = db
        self._passkeys = passkeys
        self._sessions = sessions
        self._audit = audit
        self._listeners: list[Callable[[Connection, User], None]] = []

    def on_reset(self, tell: Callable[[Connection, User], None]) -> None:
        """Call ``tell`` in the transaction of each reset: the mail about it."""
        self._listeners.append(tell)

    def reset(self, actor: User, user_id: str) -> None:
        """Remove somebody's second factor; for administrators. Raises what ``TwoFactor.reset`` raises."""
        require(actor, "people.manage")
        require_recent_proof(actor)
        if user_id == actor.id:
            raise Conflict("Turn off your own second factor on the page Security, with a code.")
        with self._db.transaction() as connection:
            # The actor's value is as old as their page: whoever was demoted meanwhile resets nobody any more.
            now = active_user(connection, actor.id)
            if now is None or not can(now, "people.manage"):
                raise Forbidden
            if repository.seed_of(connection, user_id) is None:
                raise NoSuchPerson
            self._remove(connection, actor, user_id)

    def reset_by_command(self, email: str) -> str:
        """Remove the second factor of whoever has an address, where no administrator can; return the address.

        Raises:
            Invalid: this is no e-mail address.
            NoSuchPerson: nobody has it.
            Conflict: there is no second factor to remove.
        """
        address = normalise_email(email)
        with self._db.transaction() as connection:
            user_id = repository.user_id_at(connection, address)
            seed = repository.seed_of(connection, user_id) if user_id else None
            if user_id is None or seed is None:
                raise NoSuchPerson
            if seed.enabled_at is None and not self._passkeys.count(connection, user_id):
                raise Conflict("Two-factor sign-in of this person is off already.")
            self._remove(connection, None, user_id)
        return address

    def reset_unreadable(self, connection: Connection, master_keys: Collection[int]) -> dict[str, int]:
        """Remove the seeds that were sealed with lost master keys: their codes can never be checked again.

        Passkeys stay, for they need no master key. The sessions of whose seed was in force end, and they are told.
        """
        found = repository.sealed_with(connection, master_keys)
        for user_id, was_in_force in found:
            repository.erase(connection, user_id)
            if was_in_force:
                self._tell_reset(connection, None, user_id, {"reason": "the master key was lost"})
        return {"authenticator apps reset": sum(in_force for _, in_force in found)}

    def _remove(self, connection: Connection, actor: User | None, user_id: str) -> None:
        repository.erase(connection, user_id)
        self._tell_reset(connection, actor, user_id, {"passkeys": self._passkeys.erase(connection, user_id)})

    def _tell_reset(
        self, connection: Connection, actor: User | None, user_id: str, told: dict[str, str | int]
    ) -> None:
        tries.clear(connection, subject(user_id))
        # Whoever has the password only must not go on in a session that began with both.
        told["sessions"] = self._sessions.revoke_all(connection, user_id)
        person = active_user(connection, user_id)
        if person is not None:
            for tell in self._listeners:
                tell(connection, person)
        by = "" if actor else "command line"
        self._audit.record(connection, actor, "two_factor.reset", "user", user_id, actor_email=by, detail=told)


def subject(user_id: str) -> str:
    """Return under what the wrong codes of a person are counted."""
    return hash_token("code/" + user_id)
