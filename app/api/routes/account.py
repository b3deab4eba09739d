"""The caller's own account: who they are, and what protects it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from app import runtime
from app.api.principal import Principal, caller
from app.api.route import router as new_router
from app.api.schemas import Id, Output
from core.accounts.models import Role

router = new_router("account")

# Also for somebody who has to set up two-factor sign-in before anything else.
Reads = Annotated[Principal, caller("account:read", must_be_enrolled=False)]


class Account(Output):
    """An account; ``email_verified_at`` is null until its address is confirmed."""

    id: Id
    email: str
    name: str
    role: Role
    department: str | None
    created_at: datetime
    email_verified_at: datetime | None
    has_password: bool


class TwoFactorShown(Output):
    """How two-factor sign-in stands: since when an app is set up, how many passkeys, whether it is demanded."""

    enabled_at: datetime | None
    recovery_codes_left: int
    passkeys: int
    is_demanded: bool
    is_met: bool


@router.get("/account")
def get_account(caller: Reads) -> Account:
    """Return the caller's account."""
    core, user = runtime.get_core(), caller.user
    return Account(
        id=user.id,
        email=user.email,
        name=user.name,
        role=user.role,
        department=user.department,
        created_at=user.created_at,
        email_verified_at=core.mail_links.verified_at(user),
        has_password=core.accounts.has_password(user),
    )


@router.get("/account/two-factor")
def get_two_factor(caller: Reads) -> TwoFactorShown:
    """Return how the caller's two-factor sign-in stands. It is set up on the page Security."""
    return TwoFactorShown.model_validate(runtime.get_core().two_factor.state(caller.user))
