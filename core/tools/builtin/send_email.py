"""Writes an e-mail to somebody here, through the organisation's own outbox."""

from __future__ import annotations

from pydantic import BaseModel, Field

from core.notify.tool_mail import MAX_BODY, MAX_SUBJECT
from core.tools.base import Tool, ToolContext, always


class Arguments(BaseModel):
    """What the tool takes."""

    to: str = Field(description="E-mail address of one person", max_length=254)
    subject: str = Field(description="What it is about, in one line", max_length=MAX_SUBJECT)
    body: str = Field(description="The text of the e-mail, without formatting", max_length=MAX_BODY)


def send_email(arguments: BaseModel, context: ToolContext) -> str:
    """Put the mail into the outbox, once; raises what ``ToolMail.send`` raises."""
    assert isinstance(arguments, Arguments)  # noqa: S101 - narrows the type; the adapter has validated it
    mail = context.services.mail
    address = mail.send(context.user, arguments.to, arguments.subject, arguments.body, context.key)
    return f"The e-mail to {address} is on its way."


TOOL = Tool(
    name="send_email",
    label="Send e-mail",
    description="Sends an e-mail to one person of the organisation. Use it only when you are told to write.",
    arguments=Arguments,
    run=send_email,
    may_act=True,
    acts=always,
    is_repeatable=always,
)
