"""The rules of the master keys: rotating them while work goes on, removing old ones, going on after a loss."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import timedelta

from core import clock
from core.accounts.capabilities import require
from core.accounts.models import User
from core.accounts.proof import require_recent_proof
from core.audit.models import RECOVERED
from core.audit.service import Audit
from core.db import Connection, Database
from core.db.installation import note_keys, renew_cookie_key
from core.errors import Conflict
from core.master_keys import repository
from core.master_keys.models import COMMAND_LINE, MasterKeyStatus, Rotation
from core.master_keys.resealing import Resealing
from core.master_keys.status import read_loss, read_status
from core.security.ring_file import RingFile
from core.security.sealing import RingSource, Vault

# What a click waits for; the worker does the rest.
AT_ONCE_SECONDS = 1.0
# Longer than it takes anybody to write what they have sealed: from then on nothing comes that needs an older key.
REMOVE_AFTER = timedelta(minutes=1)

# Called in the transaction of a recovery with the numbers of the lost keys; says what became of how many secrets.
LossHook = Callable[[Connection, Collection[int]], Mapping[str, int]]


class MasterKeys:
    """What is sealed with which master key, and how that changes."""

    def __init__(self, db: Database, vault: Vault, rings: RingSource, audit: Audit) -> None:
        """Reseal with ``vault``; the keys come from ``rings``; tell ``audit``."""
        self._db = db
        self._rings = rings
        self._vault = vault
        self._audit = audit
        self._resealing = Resealing(db, vault, rings)
        self._hooks: list[LossHook] = []

    def on_lost(self, *hooks: LossHook) -> None:
        """Have nouns clear away what cannot be opened any more, where entering it again is not enough."""
        self._hooks.extend(hooks)

    def status(self, actor: User) -> MasterKeyStatus:
        """Return the keys by number and what is sealed with each; for administrators."""
        require(actor, "settings.manage")
        return self.overview()

    def overview(self) -> MasterKeyStatus:
        """Return what ``status`` returns; for the command line."""
        with self._db.read() as connection:
            return read_status(connection, self._rings)

    def rotate(self, actor: User) -> MasterKeyStatus:
        """Begin to seal everything with a new key, or go on with it; the worker does what a click cannot wait for.

        Raises:
            Forbidden: the actor is no administrator.
            StepUpRequired: it is long ago that the actor proved who they are.
            Conflict: the keys are a setting, and it has no new key.
            MasterKeyWrong: the file of the keys cannot be written.
        """
        require(actor, "settings.manage")
        require_recent_proof(actor)
        self._begin(actor)
        give_up_at = clock.monotonic_seconds() + AT_ONCE_SECONDS
        for _ in self.carry_on():
            if clock.monotonic_seconds() > give_up_at:
                break
        return self.overview()

    def begin_by_command(self) -> Rotation:
        """Begin a rotation, or go on with one, where no administrator clicks; raises what ``rotate`` raises."""
        return self._begin(None)

    def is_rotating(self) -> bool:
        """Whether a rotation is under way that this process has the key for."""
        with self._db.read() as connection:
            rotation = repository.newest_rotation(connection)
        return rotation is not None and rotation.is_under_way and self._resealing.is_newest(rotation.target)

    def carry_on(self) -> Iterator[int]:
        """Go on with the rotation that is under way, to its end; yield how many rows each batch resealed.

        Any number of processes may do it at once, and any of them may die.
        """
        with self._db.read() as connection:
            rotation = repository.newest_rotation(connection)
        if rotation is None or not rotation.is_under_way:
            return
        yield from self._resealing.batches(rotation.target)
        if self._resealing.is_newest(rotation.target):
            self._finish(rotation)

    def remove(self, actor: User, number: int) -> None:
        """Delete an old key for good, when nothing is sealed with it.

        Raises:
            Forbidden: the actor is no administrator.
            StepUpRequired: it is long ago that the actor proved who they are.
            Conflict: it is in use, is the newest, is not there, or is in a setting.
            MasterKeyWrong: the file of the keys cannot be written.
        """
        require(actor, "settings.manage")
        require_recent_proof(actor)
        self._remove(actor, number)

    def remove_by_command(self, number: int) -> None:
        """Delete an old key where no administrator clicks; raises what ``remove`` raises."""
        self._remove(None, number)

    def recover(self) -> Mapping[str, int]:
        """Go on without the keys that are missing: what they sealed is to be entered again. Nothing else changes.

        Returns:
            What became of how many secrets.

        Raises:
            Conflict: no key is missing.
        """
        with self._db.transaction() as connection:
            loss = read_loss(connection, self._rings.current())
            if not loss.numbers:
                raise Conflict("Every master key is here, so there is nothing to recover.")
            note_keys(connection, self._rings.current(), lost=tuple(loss.numbers))
            renew_cookie_key(connection, self._vault, loss.numbers)
            self._audit.begin_segment(connection, is_recovery=True)
            told: dict[str, int] = {}
            for hook in self._hooks:
                told.update(hook(connection, loss.numbers))
            left = read_loss(connection, self._rings.current(), loss.numbers).secrets
            told.update({f"{what} to enter again": rows for what, rows in left.items()})
            names = ", ".join(map(str, loss.numbers))
            self._audit.record(connection, None, RECOVERED, "master_key", names, detail=told)
        return told

    # --- inside ----------------------------------------------------------------------------------

    def _begin(self, actor: User | None) -> Rotation:
        ring, status = self._rings.current(), self.overview()
        if status.rotation and status.is_rotating and status.rotation.target == ring.newest:
            return status.rotation
        if status.done == status.total:
            if not isinstance(self._rings, RingFile):
                raise Conflict(_how_to_add(status))
            ring = self._rings.add(status.next_number, ring)
        by = actor.email if actor else COMMAND_LINE
        with self._db.transaction() as connection:
            note_keys(connection, ring)
            if repository.start(connection, ring.newest, by, clock.now()):
                self._audit.begin_segment(connection)
                told = {"secrets": status.total}
                number = str(ring.newest)
                self._audit.record(
                    connection, actor, "master_key.rotation_started", "master_key", number, detail=told
                )
            return repository.newest_rotation(connection) or Rotation(ring.newest, by, clock.now(), None)

    def _finish(self, rotation: Rotation) -> None:
        with self._db.transaction() as connection:
            if repository.finish(connection, rotation.target, clock.now()):
                status = read_status(connection, self._rings)
                told = {f"key {key.number}": key.rows for key in status.keys}
                self._audit.record(
                    connection,
                    None,
                    "master_key.rotated",
                    "master_key",
                    str(rotation.target),
                    actor_email=rotation.started_by,
                    detail=told,
                )

    def _remove(self, actor: User | None, number: int) -> None:
        with self._db.transaction() as connection:
            status = read_status(connection, self._rings)
            found = next((key for key in status.keys if key.number == number), None)
            if found is None or found.state in ("lost", "unknown"):
                raise Conflict(f"There is no master key {number} here.")
            if found.state == "newest":
                raise Conflict("This key seals every new secret. Rotate first, then remove the old one.")
            if found.rows:
                secrets = "1 secret is" if found.rows == 1 else f"{found.rows:,} secrets are"
                raise Conflict(
                    f"{secrets} still sealed with master key {number}. Rotate first; what then stays is damaged."
                )
            if not isinstance(self._rings, RingFile):
                raise Conflict(f"Delete the entry {number}:… from ZOARK_MASTER_KEYS and start everything again.")
            if status.rotation and clock.now() - status.rotation.started_at < REMOVE_AFTER:
                raise Conflict("Please wait a minute: somebody may be writing a secret with the old key right now.")
            note_keys(connection, self._rings.current(), drop=number)
            self._audit.record(connection, actor, "master_key.removed", "master_key", str(number))
            self._rings.remove(number)  # last: what fails here undoes the rest


def _how_to_add(status: MasterKeyStatus) -> str:
    number, old = status.next_number, status.newest
    if status.removable:
        names = ", ".join(f"{removable}:…" for removable in status.removable)
        return f"Everything is sealed with master key {old}. You can delete {names} from ZOARK_MASTER_KEYS."
    return (
        f"The keys are a setting, and it has only key {old}. Make a new one with: python -m core new-master-key "
        f"{number}. Then put it in front, ZOARK_MASTER_KEYS={number}:…,{old}:…, start everything again, and rotate."
    )
