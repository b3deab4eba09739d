"""Accepting an invitation, by password (``mail_links``) or through a provider (``core.oauth``).

Everything happens inside the caller's transaction, so that an invitation which is refused stays good.
"""

from __future__ import annotations

from datetime import datetime

from core import clock
from core.accounts import repository
from core.accounts.link_rules import INVITATIONS
from core.accounts.models import MailLink, User
from core.accounts.reach import may_give
from core.audit.service import Audit
from core.db import Connection
from core.errors import Conflict, LinkRefused


def open_invitation(connection: Connection, token_hash: str, at: datetime) -> MailLink:
    """Return what an invitation is for.

    Raises:
        LinkRefused: unknown, expired, used, or its sender may not invite any more.
    """
    kinds = (repository.open_link(connection, kind, token_hash, at) for kind in INVITATIONS)
    link = next(filter(None, kinds), None)
    inviter = repository.user_by_id(connection, link.created_by) if link and link.created_by else None
    if link is None or inviter is None or not may_give(inviter, link.role or "member", link.department):
        raise LinkRefused
    return link


def accept(
    connection: Connection,
    audit: Audit,
    token_hash: str,
    name: str,
    password_hash: str | None,
    *,
    is_verified: bool = False,
) -> User:
    """Make the account an invitation is for and use the invitation up.

    The address counts as verified when a mail carried the link, or a provider vouches for it (``is_verified``).

    Raises:
        LinkRefused: unknown, expired, used, or its sender may not invite any more.
        Conflict: the address has an account by now.
    """
    at = clock.now()
    link = open_invitation(connection, token_hash, at)
    if not repository.use_link(connection, link.kind, token_hash, at):
        raise LinkRefused
    role = link.role or "member"
    user = User(clock.new_id("user"), link.email, name, role, link.department, at, proved_at=at)
    if not repository.insert_user(connection, user, password_hash):
        raise Conflict("Somebody with this e-mail address has an account already.")
    if is_verified or link.kind == "invitation":
        repository.verify_email(connection, user.id, link.email, at)
    detail = {"role": role, "invited_by": link.created_by}
    audit.record(connection, user, "invitation.accepted", "user", user.id, detail=detail)
    return user
