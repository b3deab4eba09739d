"""What is left of the master keys after a loss, and the ring to go on with."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from core import clock
from core.db import Database
from core.db.installation import Installation, find_installation
from core.errors import Conflict, MasterKeyWrong
from core.master_keys.models import Loss
from core.master_keys.status import read_loss
from core.security.ring_file import write_ring
from core.security.sealing import KeyRing


@dataclass(frozen=True)
class RecoveryPlan:
    """What is lost, and which ring Zoark goes on with. ``path`` is the file to write; None when nothing changes."""

    loss: Loss
    ring: KeyRing = field(repr=False)
    path: Path | None


def plan_recovery(db: Database, given: str, path: Path) -> RecoveryPlan:
    """Look what is lost; nothing is changed.

    Args:
        db: the database, with the newest tables.
        given: the master keys of the settings, empty when they are in a file.
        path: the file.

    Raises:
        Conflict: nothing is lost.
        MasterKeyWrong: the keys of the settings are malformed, or reuse the number of another key.
    """
    with db.read() as connection:
        found = find_installation(connection)
        if found is None:
            raise Conflict("This database has never been started with, so nothing is lost.")
        ring = KeyRing.parse(given) if given else _usable(path, found)
        wrong = found.wrong(ring)
        if wrong:
            raise MasterKeyWrong(
                f"Master key {wrong[0]} of ZOARK_MASTER_KEYS is not the one of this database. A new key needs a "
                f"number of its own; make one with: python -m core new-master-key {max(found.key_checks) + 1}"
            )
        loss = read_loss(connection, ring)
    if not loss.numbers:
        raise Conflict("Every master key is here, so there is nothing to recover.")
    if given or ring.masters:
        return RecoveryPlan(loss, ring, None if given or _has(path, ring) else path)
    return RecoveryPlan(loss, ring.with_new(max(found.key_checks) + 1), path)


def install_ring(plan: RecoveryPlan) -> None:
    """Write the ring of a plan; what was in the file is put aside, for it may be a key of something else."""
    if plan.path is None:
        return
    if plan.path.exists() and plan.path.stat().st_size:
        plan.path.rename(plan.path.with_name(f"{plan.path.name}.{clock.now():%Y%m%d%H%M%S}"))
    write_ring(plan.path, plan.ring)


def _usable(path: Path, found: Installation) -> KeyRing:
    """Return the keys of a file that are not those of another database; none when it is gone or damaged."""
    ring = _read(path)
    for number in found.wrong(ring):
        ring = ring.without(number)
    return ring


def _has(path: Path, ring: KeyRing) -> bool:
    return _read(path) == ring


def _read(path: Path) -> KeyRing:
    try:
        return KeyRing.parse(path.read_text("ascii", "replace").strip())
    except (OSError, MasterKeyWrong):
        return KeyRing({})
