"""People: who works here; changing, suspending and inviting them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Query, Request
from pydantic import Field

from app import runtime
from app.api.addresses import site
from app.api.paging import PageQuery, decode, encode, piece
from app.api.principal import Principal, caller
from app.api.problems import problems
from app.api.route import router as new_router
from app.api.schemas import Change, Id, Input, Output, Page
from core.accounts.models import Role
from core.people.models import Person

router = new_router("people")

Reads = Annotated[Principal, caller("admin:read")]
Writes = Annotated[Principal, caller("admin:write")]
Department = Annotated[str, Field(min_length=1, max_length=40, examples=["support"])]


class PeopleQuery(PageQuery):
    """Which people."""

    q: Annotated[str, Field(max_length=100, description="A part of the name or the e-mail address.")] = ""


class PersonShown(Output):
    """Somebody with an account; ``is_active`` is false while they are suspended."""

    id: Id
    email: str
    name: str
    role: Role
    department: str | None
    is_active: bool
    has_two_factor: bool
    created_at: datetime
    last_seen_at: datetime | None


class PersonChange(Change):
    """What to change of a person; ``department`` null is no department."""

    role: Role
    department: Department | None


class Invitation(Input):
    """Whom to invite, and as what."""

    email: Annotated[str, Field(max_length=254, examples=["ada@example.com"])]
    role: Role = "member"
    department: Department | None = None


class Invited(Output):
    """An invitation. ``link`` is null when it goes by mail; else hand it over yourself: it is shown only now."""

    email: str
    role: Role
    department: str | None
    link: str | None


class Ended(Output):
    """How many sessions were ended."""

    count: int


@router.get("/people")
def list_people(caller: Reads, query: Annotated[PeopleQuery, Query()]) -> Page[PersonShown]:
    """Return the people by name: to administrators everybody, to managers those of their department."""
    after = None if query.cursor is None else decode(query.cursor, str)[0]
    found = runtime.get_core().people.list(caller.user, query.q, after=after, limit=query.limit + 1)
    items, rest = piece(found, query, lambda person: encode(person.id))
    return Page(items=[PersonShown.model_validate(person) for person in items], next=rest)


@router.post("/people/invitations", status_code=201)
def invite_person(caller: Writes, body: Invitation, request: Request) -> Invited:
    """Invite somebody; asks for a recent proof. It goes by mail, or where mail is not set up the answer has a link.

    It works once, for seven days; an older one for the same address stops working.
    """
    links = runtime.get_core().mail_links
    link = links.invite(caller.user, body.email, body.role, body.department, site(request))
    runtime.wake_worker()
    shown = link.get_secret_value() if link else None
    return Invited(email=body.email, role=body.role, department=body.department, link=shown)


@router.get("/people/{person_id}", responses=problems(404))
def get_person(caller: Reads, person_id: Id) -> PersonShown:
    """Return one person, suspended or not."""
    return PersonShown.model_validate(runtime.get_core().people.get(caller.user, person_id))


@router.patch("/people/{person_id}", responses=problems(404, 409))
def change_person(caller: Writes, person_id: Id, body: PersonChange) -> PersonShown:
    """Give a person another role, department or both; asks for a recent proof. It holds at once."""
    people, given = runtime.get_core().people, body.model_dump(exclude_unset=True)
    if len(given) == 2:
        person = people.change(caller.user, person_id, **given)
    elif "role" in given:
        person = people.set_role(caller.user, person_id, given["role"])
    elif given:
        person = people.set_department(caller.user, person_id, given["department"])
    else:
        person = people.get(caller.user, person_id)
    return PersonShown.model_validate(person)


@router.post("/people/{person_id}/suspend", responses=problems(404))
def suspend_person(caller: Writes, person_id: Id) -> PersonShown:
    """Shut a person out: their sessions end, their runs are cancelled. Asks for a recent proof."""
    return _told(runtime.get_core().people.suspend(caller.user, person_id))


@router.post("/people/{person_id}/reactivate", responses=problems(404))
def reactivate_person(caller: Writes, person_id: Id) -> PersonShown:
    """Let a suspended person in again. Asks for a recent proof."""
    return _told(runtime.get_core().people.reactivate(caller.user, person_id))


@router.post("/people/{person_id}/end-sessions", responses=problems(404))
def end_sessions_of_person(caller: Writes, person_id: Id) -> Ended:
    """Sign a person out everywhere. Asks for a recent proof."""
    return Ended(count=runtime.get_core().people.end_sessions(caller.user, person_id))


@router.post("/people/{person_id}/reset-two-factor", responses=problems(404))
def reset_two_factor_of_person(caller: Writes, person_id: Id) -> PersonShown:
    """Remove a person's authenticator app and passkeys, when they have lost them. Asks for a recent proof.

    They are signed out everywhere and told by mail.
    """
    core = runtime.get_core()
    core.two_factor.reset(caller.user, person_id)
    return _told(core.people.get(caller.user, person_id))


def _told(person: Person) -> PersonShown:
    runtime.wake_worker()  # the person may be told by mail, and runs may have been cancelled
    return PersonShown.model_validate(person)
