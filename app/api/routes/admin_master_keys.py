"""Administration: the master keys, by number, and the way to a new one."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Path

from app import runtime
from app.api.principal import Principal, caller
from app.api.problems import problems
from app.api.route import router as new_router
from app.api.schemas import Output
from core.errors import NotFound
from core.master_keys.models import MasterKeyState, MasterKeyStatus

router = new_router("admin")

Reads = Annotated[Principal, caller("admin:read")]
Writes = Annotated[Principal, caller("admin:write")]
# Text, for it stands where "rotate" stands, too.
Number = Annotated[str, Path(max_length=10, examples=["1"])]


class MasterKeyShown(Output):
    """A master key: how many secrets are sealed with it, and how many of these people have entered."""

    number: int
    state: MasterKeyState
    secrets: int
    entered: int


class Sealed(Output):
    """How many secrets of a kind are sealed with a key."""

    kind: str
    number: int
    secrets: int


class RotationShown(Output):
    """Sealing everything anew with the key ``target``."""

    target: int
    started_by: str
    started_at: datetime
    finished_at: datetime | None


class MasterKeysShown(Output):
    """The master keys, newest first. Without ``is_in_file`` they are a setting, which an operator changes."""

    keys: list[MasterKeyShown]
    sealed: list[Sealed]
    rotation: RotationShown | None
    is_rotating: bool
    is_in_file: bool
    secrets: int
    sealed_with_newest: int
    next_number: int


@router.get("/admin/master-keys")
def get_master_keys(caller: Reads) -> MasterKeysShown:
    """Return what is sealed with which master key; never a key."""
    return _shown(runtime.get_core().master_keys.status(caller.user))


@router.post("/admin/master-keys/rotate", status_code=202)
def rotate_master_keys(caller: Writes) -> MasterKeysShown:
    """Seal everything with a new key, or go on with it; asks for a recent proof. Work goes on meanwhile."""
    status = runtime.get_core().master_keys.rotate(caller.user)
    runtime.wake_worker()
    return _shown(status)


@router.delete("/admin/master-keys/{number}", status_code=204, responses=problems(404, 409))
def remove_master_key(caller: Writes, number: Number) -> None:
    """Delete an old key for good, when nothing is sealed with it; asks for a recent proof."""
    if not (number.isascii() and number.isdecimal()):
        raise NotFound(what="master key")
    runtime.get_core().master_keys.remove(caller.user, int(number))


def _shown(status: MasterKeyStatus) -> MasterKeysShown:
    return MasterKeysShown(
        keys=[
            MasterKeyShown(number=key.number, state=key.state, secrets=key.rows, entered=key.entered)
            for key in status.keys
        ],
        sealed=[
            Sealed(kind=kind, number=number, secrets=secrets)
            for kind, by_key in status.secrets.items()
            for number, secrets in by_key.items()
        ],
        rotation=RotationShown.model_validate(status.rotation) if status.rotation else None,
        is_rotating=status.is_rotating,
        is_in_file=status.is_in_file,
        secrets=status.total,
        sealed_with_newest=status.done,
        next_number=status.next_number,
    )
