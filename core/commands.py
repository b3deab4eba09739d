"""What ``python -m core`` does: the administrator's commands."""

from __future__ import annotations

import getpass
import logging
import sys
from collections.abc import Callable

from core.accounts.models import FirstAdmin
from core.audit.head import Head
from core.bootstrap import build_core, load_ring
from core.config import Settings, load_settings, settings_table
from core.db import Database
from core.db.migrate import HEAD, has_table, is_current, one_at_a_time, upgrade
from core.db.sqlite import FIRST_SAFE_VERSION, running_version
from core.errors import Invalid
from core.key_commands import new_master_key, recover_lost_key, remove_master_key, rotate_keys
from core.runs.queue import system_database_url


def migrate() -> int:
    """Create or update every table, ours and the queue's, and make the first administrator."""
    settings = load_settings()
    load_ring(settings)  # before the database: a database without its key is refused
    db = Database(settings.database)
    with one_at_a_time(db, settings.data_dir):
        had_seals = has_table(db, "audit_head")
        upgrade(db)
        _migrate_queue(settings)
        core = build_core(settings)
        if not had_seals:
            core.audit.adopt()
        first = core.accounts.ensure_first_admin()
        core.close()
    db.dispose()
    if first:
        print(_welcome(first), flush=True)
    return 0


def create_admin() -> int:
    """Ask for an address and a password and add an administrator."""
    core = build_core()
    email = input("E-mail address: ")
    password = getpass.getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    user = core.accounts.create_user(email, "Administrator", password, "admin")
    print(f"{user.email} is an administrator.")
    return 0


def doctor() -> int:
    """Say what is set up and what is missing; the exit code counts the problems."""
    settings = load_settings()
    db = Database(settings.database)
    problems = 0

    def report(good: bool, text: str) -> None:
        nonlocal problems
        problems += not good
        print(("ok    " if good else "wrong ") + text)

    report(is_current(db), f"database tables are at version {HEAD}")
    if db.is_sqlite:
        version = ".".join(map(str, running_version()))
        report(running_version() >= FIRST_SAFE_VERSION, f"SQLite {version} is free of the WAL-reset bug")
    core = build_core(settings)
    report(True, "master keys open this database")
    reason = core.local_model.why_unavailable()
    print(f"note  built-in model: {reason or 'can run here'}")
    return problems


def audit_verify(seq: str = "", mac: str = "") -> int:
    """Check the chain of the audit log; exit code 1 when it is broken or cut.

    Number and MAC of an entry, as a worker once told them to the log stream, are looked for as well.
    """
    if bool(seq) != bool(mac) or (seq and not seq.isdecimal()):
        raise Invalid("Give number and MAC of an entry, or neither.")
    core = build_core()
    check = core.audit.verify(Head(int(seq), mac) if seq else None)
    print(check.sentence)
    return 0 if check.problem is None else 1


def reset_two_factor(email: str) -> int:
    """Turn off two-factor sign-in of somebody who lost app and codes, where no other administrator can."""
    core = build_core()
    address = core.two_factor.lost.reset_by_command(email)
    print(f"Two-factor sign-in of {address} is off, and every browser was signed out.")
    return 0


def demo() -> int:
    """Perform one real run in the terminal."""
    from core.demo import demo as perform

    return perform()


def print_settings_table() -> int:
    """Print the settings as a Markdown table, for the README."""
    print(settings_table())
    return 0


COMMANDS: dict[str, Callable[..., int]] = {
    "migrate": migrate,
    "create-admin": create_admin,
    "doctor": doctor,
    "audit verify": audit_verify,
    "reset-two-factor": reset_two_factor,
    "demo": demo,
    "new-master-key": new_master_key,
    "rotate-keys": rotate_keys,
    "remove-master-key": remove_master_key,
    "recover-lost-key": recover_lost_key,
    "settings-table": print_settings_table,
}


def _migrate_queue(settings: Settings) -> None:
    from dbos import DBOS

    logging.getLogger("dbos").setLevel(logging.WARNING)
    DBOS.migrate(system_database_url(settings))


def _welcome(first: FirstAdmin) -> str:
    lines = ["", "  The first administrator:", f"    e-mail    {first.email}"]
    if first.password:
        lines += [f"    password  {first.password}", "  This password is shown once. Keep it now."]
    else:
        lines += ["    password  the one you set in ZOARK_ADMIN_PASSWORD"]
    return "\n".join([*lines, ""])
