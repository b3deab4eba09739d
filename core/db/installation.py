"""Which installation this database belongs to, and whether the master keys are the right ones."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.exc import OperationalError, ProgrammingError

from core import clock
from core.db.engine import Connection, Database
from core.db.sealed import registered, rows_by_key
from core.db.tables import installation
from core.errors import MasterKeyWrong, SettingsWrong
from core.security.sealing import KEY_BYTES, KeyRing, RingSource, Vault, key_id_of

COOKIE: dict[str, str | int] = {"table": "installation", "field": "cookie", "row": 1}

# What is made with the vault at a start: whether the installation is new, and whether it is the first start with
# keys that outlive the master keys.
Prepare = Callable[[Connection, Vault, bool, bool], None]


@dataclass(frozen=True)
class Installation:
    """What the one row says: its id, proofs of its master keys by number, and which of these were lost."""

    install_id: str
    key_checks: dict[int, str]
    lost_keys: tuple[int, ...]
    has_cookie_key: bool

    def wrong(self, ring: KeyRing) -> list[int]:
        """Return the numbers under which the ring has another key."""
        present = ring.checks(self.install_id)
        return [n for n, check in self.key_checks.items() if present.get(str(n), check) != check]

    def missing(self, ring: KeyRing) -> list[int]:
        """Return the numbers that the ring lacks, lost ones aside."""
        return [n for n in self.key_checks if n not in ring.masters and n not in self.lost_keys]


def open_installation(
    db: Database, rings: RingSource, prepare: Prepare | None = None, *, is_recovery: bool = False
) -> Vault:
    """Return the installation's vault; the installation is made at the first start.

    Args:
        db: the database.
        rings: the master keys.
        prepare: called in the transaction that makes the installation or opens it.
        is_recovery: whether keys may be missing; then nothing is written.

    Raises:
        MasterKeyWrong: the ring lacks a key that something here is sealed with, or has another one.
        SettingsWrong: the database cannot be reached or has no tables yet.
    """
    try:
        with db.transaction() as connection:
            return _open(connection, rings, prepare, is_recovery)
    except (OperationalError, ProgrammingError) as error:
        raise SettingsWrong(
            "The database cannot be used: check DATABASE_URL, and run: python -m core migrate"
        ) from error


def find_installation(connection: Connection) -> Installation | None:
    """Return what is noted about this installation; None before its first start."""
    row = connection.execute(select(installation)).first()
    return _installation(row) if row else None


def note_keys(connection: Connection, ring: KeyRing, drop: int | None = None, lost: tuple[int, ...] = ()) -> None:
    """Note the keys of a ring, that ``drop`` is not needed any more, or that others were lost."""
    found = find_installation(connection)
    if found is None:
        return
    checks = {**_as_text(found.key_checks), **ring.checks(found.install_id)}
    checks.pop(str(drop), None)
    values = {"key_checks": checks, "lost_keys": sorted({*found.lost_keys, *lost} - {drop})}
    connection.execute(update(installation).values(values))


def new_cookie_key(connection: Connection, vault: Vault, key: bytes) -> None:
    """Seal the key that signs browser cookies. It stays when master keys change, so nobody is signed out."""
    connection.execute(update(installation).values(cookie_sealed=vault.seal(key.hex(), **COOKIE)))


def renew_cookie_key(connection: Connection, vault: Vault, lost: Collection[int]) -> None:
    """Make a new key for browser cookies if the present one is sealed with a lost master key: all sign in again."""
    sealed = connection.execute(select(installation.c.cookie_sealed)).scalar()
    if sealed is None or key_id_of(sealed) in lost:
        new_cookie_key(connection, vault, clock.new_bytes(KEY_BYTES))


def read_cookie_key(db: Database, rings: RingSource) -> str:
    """Return the key that signs browser cookies, in hexadecimal; before the first start the one it will have.

    Raises:
        SecretLost: its master key is not here.
    """
    try:
        with db.read() as connection:
            row = connection.execute(select(installation)).first()
    except (OperationalError, ProgrammingError):  # no tables yet; a database that is away refuses the start later
        row = None
    if row is None or row.cookie_sealed is None:
        return rings.current().derive("cookie").hex()
    return Vault(rings, row.install_id).unseal(row.cookie_sealed, **COOKIE).get_secret_value()


def _open(connection: Connection, rings: RingSource, prepare: Prepare | None, is_recovery: bool) -> Vault:
    ring = rings.current()
    row = connection.execute(select(installation)).first()
    is_new = row is None
    if row is None:
        _make(connection, ring)
        row = connection.execute(select(installation)).one()
    else:
        _admit(connection, row, ring, is_recovery)
    vault = Vault(rings, row.install_id, registered())
    if is_recovery:
        return vault
    is_first = row.cookie_sealed is None
    if is_first:
        # The oldest key's derivative is what versions before this one signed with.
        new_cookie_key(connection, vault, ring.derive("cookie"))
    if prepare:
        prepare(connection, vault, is_new, is_first)
    return vault


def _make(connection: Connection, ring: KeyRing) -> None:
    install_id = clock.new_id("inst")
    values = {"install_id": install_id, "key_checks": ring.checks(install_id), "created_at": clock.now()}
    connection.execute(insert(installation).values(id=1, lost_keys=[], **values))


def _admit(connection: Connection, row: Any, ring: KeyRing, is_recovery: bool) -> None:
    found = _installation(row)
    wrong = found.wrong(ring)
    if wrong:
        raise MasterKeyWrong(
            f"Master key {wrong[0]} is another one: this database was made with a different key. Set "
            "ZOARK_MASTER_KEYS to the keys it was made with, or give the new key a number of its own."
        )
    if is_recovery:
        return
    missing = found.missing(ring)
    if missing:
        needed = [n for n in missing if row.cookie_sealed is None or rows_by_key(connection).get(n)]
        if needed:
            raise MasterKeyWrong(
                f"Master key {needed[0]} is missing: this database was made with a different key. Set "
                "ZOARK_MASTER_KEYS to the keys it was made with. If it is lost for good, run: "
                "python -m core recover-lost-key"
            )
    kept = {n: check for n, check in found.key_checks.items() if n not in missing}
    lost = [n for n in found.lost_keys if n not in ring.masters]
    checks = {**_as_text(kept), **ring.checks(found.install_id)}
    if checks != row.key_checks or lost != row.lost_keys:
        connection.execute(update(installation).values(key_checks=checks, lost_keys=lost))


def _installation(row: Any) -> Installation:
    checks = {int(number): check for number, check in row.key_checks.items()}
    return Installation(row.install_id, checks, tuple(row.lost_keys), row.cookie_sealed is not None)


def _as_text(checks: dict[int, str]) -> dict[str, str]:
    return {str(number): check for number, check in checks.items()}
