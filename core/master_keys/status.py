"""Reads what is sealed with which master key, and which of them are here."""

from __future__ import annotations

from collections.abc import Collection

from core.db import Connection
from core.db.installation import find_installation
from core.db.sealed import counts
from core.master_keys import repository
from core.master_keys.models import Loss, MasterKey, MasterKeyState, MasterKeyStatus
from core.security.ring_file import RingFile
from core.security.sealing import KeyRing, RingSource


def read_status(connection: Connection, rings: RingSource) -> MasterKeyStatus:
    """Return the keys of the ring, and those that are not in it but noted or used."""
    ring, installation = rings.current(), find_installation(connection)
    lost = installation.lost_keys if installation else ()
    secrets: dict[str, dict[int, int]] = {}
    rows, entered = dict.fromkeys(ring.masters, 0), dict.fromkeys(ring.masters, 0)
    for column, number, count in counts(connection):
        kind = secrets.setdefault(column.what, {})
        kind[number] = kind.get(number, 0) + count
        rows[number] = rows.get(number, 0) + count
        entered[number] = entered.get(number, 0) + (0 if column.is_ours else count)

    def state(number: int) -> MasterKeyState:
        if number not in ring.masters:
            return "lost" if number in lost else "unknown"
        if number == ring.newest:
            return "newest"
        return "needed" if rows[number] else "unneeded"

    order = sorted(rows, key=lambda number: (number != ring.newest, number not in ring.masters, -number))
    return MasterKeyStatus(
        keys=tuple(MasterKey(number, rows[number], entered[number], state(number)) for number in order),
        secrets=secrets,
        rotation=repository.newest_rotation(connection),
        is_in_file=isinstance(rings, RingFile),
    )


def read_loss(connection: Connection, ring: KeyRing, numbers: Collection[int] | None = None) -> Loss:
    """Return which keys the ring lacks although something is sealed with them, or only what ``numbers`` sealed."""
    installation = find_installation(connection)
    if installation is None:
        return Loss((), {}, {})
    missing = installation.missing(ring) if numbers is None else numbers
    secrets: dict[str, int] = {}
    ours: dict[str, int] = {}
    used = set()
    for column, number, rows in counts(connection):
        if number in missing:
            kind = ours if column.is_ours else secrets
            kind[column.what] = kind.get(column.what, 0) + rows
            used.add(number)
    # Before the first start with keys that outlive the master keys, the log itself hangs on the oldest one.
    is_needed = used if installation.has_cookie_key else set(missing)
    return Loss(tuple(sorted(is_needed)), secrets, ours)
