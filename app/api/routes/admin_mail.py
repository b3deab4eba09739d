"""Administration: how mail is sent, how each one goes, and a test."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Query, Response

from app import runtime
from app.api.paging import PageQuery, encode, moment_and_id, piece
from app.api.principal import Principal, caller
from app.api.problems import problems
from app.api.route import router as new_router
from app.api.schemas import Id, Input, Output, Page
from core.accounts.models import User
from core.errors import Invalid
from core.notify.models import MailGroup, MailKind, MailState

router = new_router("admin")

Reads = Annotated[Principal, caller("admin:read")]
Writes = Annotated[Principal, caller("admin:write")]


class MailShown(Output):
    """How mail is sent and how it goes; ``transport`` is null where it is not set up.

    It is sent as a setting of this server says, which ``setting`` then names, or with a key. ``problem`` says why
    the key cannot be used. ``sent_today`` is of the day in UTC.
    """

    transport: str | None
    way: str
    setting: str | None
    sender: str
    api_key_id: Id | None
    api_key_name: str | None
    problem: str | None
    queued: int
    failed: int
    unknown: int
    sent_today: int
    daily_cap: int | None
    last_error: str | None


class MessageShown(Output):
    """A mail, without what it says; ``unknown`` may have been sent, so it is not sent again."""

    id: Id
    kind: MailKind
    recipient: str
    subject: str
    state: MailState
    attempts: int
    error: str | None
    created_at: datetime
    due_at: datetime
    sent_at: datetime | None
    can_be_retried: bool


class MessageQuery(PageQuery):
    """Which mails."""

    group: MailGroup = "waiting"


class MailKeyChoice(Input):
    """Which e-mail key of the caller sends the organisation's mail; null turns it off."""

    api_key_id: Id | None


class Retried(Output):
    """How many mails are tried now."""

    count: int


@router.get("/admin/mail")
def get_mail(caller: Reads) -> MailShown:
    """Return how mail is sent and how it goes."""
    return _mail(caller.user)


@router.put("/admin/mail/key", responses=problems(404, 409))
def choose_mail_key(caller: Writes, body: MailKeyChoice) -> MailShown:
    """Have mail sent with a key of one's own that has passed its test; asks for a recent proof."""
    try:
        runtime.get_core().mail.choose_key(caller.user, body.api_key_id)
    except Invalid as error:
        raise Invalid(error.sentence, "api_key_id") from error
    runtime.wake_worker()
    return _mail(caller.user)


@router.post("/admin/mail/test", status_code=202)
def send_test_mail(caller: Writes, response: Response) -> MessageShown:
    """Send a mail to oneself; where to ask how it went is in the header Location."""
    mail = runtime.get_core().mail
    mail_id = mail.send_test(caller.user)
    runtime.wake_worker()
    response.headers["Location"] = f"/api/v1/admin/mail/messages/{mail_id}"
    return MessageShown.model_validate(mail.get(caller.user, mail_id))


@router.post("/admin/mail/retry", status_code=202)
def retry_waiting_mail(caller: Writes) -> Retried:
    """Have all mail that waits after a failed try sent now."""
    count = runtime.get_core().mail.retry_waiting(caller.user)
    runtime.wake_worker()
    return Retried(count=count)


@router.get("/admin/mail/messages")
def list_mail_messages(caller: Reads, query: Annotated[MessageQuery, Query()]) -> Page[MessageShown]:
    """Return the mails of a group, newest first: of the last 30 days, or all that wait."""
    before = None if query.cursor is None else moment_and_id(query.cursor)
    found = runtime.get_core().mail.list(caller.user, query.group, before=before, limit=query.limit + 1)
    items, rest = piece(found, query, lambda mail: encode(mail.created_at.isoformat(), mail.id))
    return Page(items=[MessageShown.model_validate(mail) for mail in items], next=rest)


@router.get("/admin/mail/messages/{message_id}", responses=problems(404))
def get_mail_message(caller: Reads, message_id: Id) -> MessageShown:
    """Return how one mail goes."""
    return MessageShown.model_validate(runtime.get_core().mail.get(caller.user, message_id))


@router.post("/admin/mail/messages/{message_id}/retry", status_code=202, responses=problems(404))
def retry_mail_message(caller: Writes, message_id: Id) -> MessageShown:
    """Have a mail that failed sent again, from its first attempt on."""
    mail = runtime.get_core().mail
    mail.retry(caller.user, message_id)
    runtime.wake_worker()
    return MessageShown.model_validate(mail.get(caller.user, message_id))


def _mail(actor: User) -> MailShown:
    status = runtime.get_core().mail.status(actor)
    return MailShown(
        transport=status.transport,
        way=status.way,
        setting=status.setting or None,
        sender=status.sender,
        api_key_id=status.key_id,
        api_key_name=status.key_name or None,
        problem=status.problem,
        queued=status.queued,
        failed=status.failed,
        unknown=status.unknown,
        sent_today=status.sent_today,
        daily_cap=status.daily_cap,
        last_error=status.last_error,
    )
