"""The commands about master keys: make one, rotate, remove an old one, go on without a lost one."""

from __future__ import annotations

from collections.abc import Mapping

from core.bootstrap import KEY_FILE, build_core, load_rings
from core.config import load_settings
from core.db import Database
from core.db.migrate import one_at_a_time, upgrade
from core.errors import Conflict, Invalid
from core.master_keys.models import Loss, MasterKeyStatus
from core.master_keys.recovery import install_ring, plan_recovery
from core.security.sealing import KeyRing

HIGHEST = 65535
CONFIRMATION = "LOST"


def new_master_key(number: str = "1") -> int:
    """Print a fresh value for ZOARK_MASTER_KEYS, or an entry with a number for one that there is."""
    print(KeyRing({}).with_new(_number(number)).render())
    return 0


def rotate_keys() -> int:
    """Seal every secret with a new master key, while Zoark runs; after an interruption, go on."""
    core = build_core()
    status = core.master_keys.overview()
    print(f"Before: {_counts(status)}.")
    rotation = core.master_keys.begin_by_command()
    print(f"Sealing everything with master key {rotation.target} …", flush=True)
    done = 0
    for count in core.master_keys.carry_on():
        done += count
        print(f"  {done:,} of {status.total:,}", flush=True)
    status = core.master_keys.overview()
    print(f"After: {_counts(status)}.")
    for line in _advice(status):
        print(line)
    core.close()
    return 0 if status.done == status.total else 1


def remove_master_key(number: str) -> int:
    """Delete an old master key from the key file, when nothing is sealed with it any more."""
    core = build_core()
    core.master_keys.remove_by_command(_number(number))
    core.close()
    print(f"Master key {number} is gone. Backups from before the rotation still need it.")
    return 0


def recover_lost_key(yes: str = "") -> int:
    """Go on after a master key was lost for good: what it sealed is to be entered again."""
    if yes not in ("", "--yes"):
        raise Invalid("Write --yes to go on without a question, or nothing.")
    settings = load_settings()
    if not settings.is_sqlite:
        load_rings(settings)  # only SQLite's key file is made here
    db = Database(settings.database)
    with one_at_a_time(db, settings.data_dir):
        upgrade(db)
        plan = plan_recovery(db, settings.master_keys.get_secret_value(), settings.data_dir / KEY_FILE)
        print(_warning(plan.loss), flush=True)
        if not yes and input(f"Type {CONFIRMATION} to go on: ").strip() != CONFIRMATION:
            raise Conflict("Nothing was changed.")
        install_ring(plan)
        core = build_core(settings, is_recovery=True)
        for what, rows in core.master_keys.recover().items():
            if rows:
                print(f"  {rows:,} {what}")
        core.close()
    db.dispose()
    print("Everything else is as it was. Start Zoark; browsers may have to sign in again.")
    if plan.path is not None:
        print(f"A new master key is in {plan.path}. Keep a copy of that file in a safe place.")
    return 0


def _number(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= HIGHEST:
        raise Invalid(f"The number of a master key is between 1 and {HIGHEST}.")
    return int(text)


def _counts(status: MasterKeyStatus) -> str:
    return ", ".join(f"master key {key.number} has {key.rows:,}" for key in status.shown)


def _advice(status: MasterKeyStatus) -> list[str]:
    lines = []
    for key in status.keys:
        if key.state == "needed":
            lines.append(f"Keep master key {key.number}: {key.rows:,} secrets need it. Run this again.")
        elif key.state == "unneeded" and status.is_in_file:
            lines.append(
                f"Master key {key.number} is not needed. Delete it: python -m core remove-master-key {key.number}"
            )
        elif key.state == "unneeded":
            lines.append(
                f"Master key {key.number} is not needed. Delete {key.number}:… from ZOARK_MASTER_KEYS and start "
                "everything again."
            )
    return lines


def _warning(loss: Loss) -> str:
    numbers = ", ".join(map(str, loss.numbers))
    return "\n".join(
        [
            f"Without master key {numbers} nobody can open what it has sealed:",
            *_lines({**loss.secrets, **loss.ours}),
            "Stop Zoark and copy the database before you go on. Should the key be found later, put it back behind",
            "the new one: what was not entered again by then opens.",
        ]
    )


def _lines(secrets: Mapping[str, int]) -> list[str]:
    return [f"  {what}: {rows:,}" for what, rows in secrets.items()]
