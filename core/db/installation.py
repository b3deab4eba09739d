"""Which installation this database belongs to, and whether the master keys are the right ones."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import insert, select, update
from sqlalchemy.exc import OperationalError, ProgrammingError

from core import clock
from core.db.engine import Connection, Database
from core.db.tables import installation
from core.errors import MasterKeyWrong, SettingsWrong
from core.security.sealing import KeyRing


def open_installation(db: Database, ring: KeyRing, begin: Callable[[Connection], None] | None = None) -> str:
    """Return the installation's id, made at the first start; ``begin`` is called in the transaction that makes it.

    Raises:
        MasterKeyWrong: the ring lacks a key that this database was used with, or has another one.
        SettingsWrong: the database cannot be reached or has no tables yet.
    """
    try:
        with db.transaction() as connection:
            return _open(connection, ring, begin)
    except (OperationalError, ProgrammingError) as error:
        raise SettingsWrong(
            "The database cannot be used: check DATABASE_URL, and run: python -m core migrate"
        ) from error


def _open(connection: Connection, ring: KeyRing, begin: Callable[[Connection], None] | None) -> str:
    row = connection.execute(select(installation)).first()
    if row is None:
        install_id = clock.new_id("inst")
        connection.execute(
            insert(installation).values(
                id=1, install_id=install_id, key_checks=ring.checks(install_id), created_at=clock.now()
            )
        )
        if begin:
            begin(connection)
        return install_id
    install_id = str(row.install_id)
    proven: dict[str, str] = dict(row.key_checks)
    present = ring.checks(install_id)
    wrong = [number for number, check in proven.items() if number in present and present[number] != check]
    lost = [number for number in proven if number not in present]
    if wrong or lost:
        number = (wrong or lost)[0]
        raise MasterKeyWrong(
            f"Master key {number} is {'another one' if wrong else 'missing'}: this database was made with a "
            "different key. Set ZOARK_MASTER_KEYS to the keys it was made with."
        )
    if present.keys() - proven.keys():
        connection.execute(update(installation).values(key_checks={**proven, **present}))
    return install_id
