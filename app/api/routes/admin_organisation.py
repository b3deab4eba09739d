"""Administration: the organisation's settings, and how far setting up has come."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from app import runtime
from app.api.principal import Principal, caller
from app.api.route import router as new_router
from app.api.schemas import Change, Id, Input, Output, Strings
from core.accounts.models import User
from core.organisation.models import MAX_DOMAINS, DemandedOf, Registration
from core.setup.models import STEPS, SetupProgress, Step, StepState

router = new_router("admin")

Reads = Annotated[Principal, caller("admin:read")]
Writes = Annotated[Principal, caller("admin:write")]
Domain = Annotated[str, Field(max_length=255, examples=["example.com"])]


class OrganisationShown(Output):
    """What administrators set. With ``registration_is_fixed`` ZOARK_REGISTRATION says who may register."""

    company_name: str
    registration: Registration
    registration_is_fixed: bool
    two_factor_for: DemandedOf
    allowed_email_domains: Strings
    mail_domains: Strings
    session_idle_minutes: int
    session_life_hours: int


class OrganisationChange(Change):
    """What to change of the settings."""

    company_name: Annotated[str, Field(max_length=80)]
    registration: Registration
    two_factor_for: DemandedOf
    allowed_email_domains: Annotated[list[Domain], Field(max_length=MAX_DOMAINS)]
    mail_domains: Annotated[
        list[Domain],
        Field(max_length=MAX_DOMAINS, description="Whom agents and workflows may write to besides people here."),
    ]
    session_idle_minutes: Annotated[int, Field(ge=5, le=1440)]
    session_life_hours: Annotated[int, Field(ge=1, le=336)]


class StepShown(Output):
    """A step of setting up."""

    step: Step
    state: Literal["open", "done", "skipped"]


class StepNote(Input):
    """How a step ended."""

    state: StepState


class SetupShown(Output):
    """How far setting up has come, once for the installation."""

    steps: list[StepShown]
    next_step: Step | None
    begun_by: Id | None
    postponed_at: datetime | None
    finished_at: datetime | None
    reminder_hidden_at: datetime | None


@router.get("/admin/organisation")
def get_organisation(caller: Reads) -> OrganisationShown:
    """Return the organisation's settings."""
    return _organisation(caller.user)


@router.patch("/admin/organisation")
def change_organisation(caller: Writes, body: OrganisationChange) -> OrganisationShown:
    """Change some of the settings, all of them or none; asks for a recent proof."""
    given: Mapping[str, Any] = body.model_dump(exclude_unset=True)
    runtime.get_core().organisation.change(caller.user, given)
    return _organisation(caller.user)


@router.get("/admin/setup")
def get_setup(caller: Reads) -> SetupShown:
    """Return how far setting up has come."""
    return _setup(runtime.get_core().setup.progress(caller.user))


@router.put("/admin/setup/steps/{step}")
def note_setup_step(caller: Writes, step: Step, body: StepNote) -> SetupShown:
    """Note that a step was done or skipped; skipping does not undo what was done."""
    return _setup(runtime.get_core().setup.note_step(caller.user, step, body.state))


@router.post("/admin/setup/finish")
def finish_setup(caller: Writes) -> SetupShown:
    """Note that setting up is done: nobody is led there or reminded of it any more."""
    runtime.get_core().setup.finish(caller.user)
    return get_setup(caller)


@router.post("/admin/setup/postpone")
def postpone_setup(caller: Writes) -> SetupShown:
    """Put setting up off: the home page reminds of it."""
    runtime.get_core().setup.postpone(caller.user)
    return get_setup(caller)


@router.post("/admin/setup/hide-reminder")
def hide_setup_reminder(caller: Writes) -> SetupShown:
    """Have nobody reminded of setting up any more."""
    runtime.get_core().setup.hide_reminder(caller.user)
    return get_setup(caller)


def _organisation(actor: User) -> OrganisationShown:
    organisation = runtime.get_core().organisation
    is_fixed = organisation.fixed_registration is not None
    return OrganisationShown(**organisation.look(actor).model_dump(), registration_is_fixed=is_fixed)


def _setup(progress: SetupProgress) -> SetupShown:
    return SetupShown(
        steps=[StepShown(step=step, state=progress.steps.get(step, "open")) for step in STEPS],
        next_step=progress.next_step,
        begun_by=progress.begun_by,
        postponed_at=progress.postponed_at,
        finished_at=progress.finished_at,
        reminder_hidden_at=progress.card_hidden_at,
    )
