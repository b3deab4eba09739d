"""Whether somebody whom nobody knows may come in through a provider.

An e-mail address never opens an existing account: whoever registers first at a careless provider would own it
(pre-hijacking).
"""

from __future__ import annotations

from core import clock
from core.accounts import invitations, provider_sign_in
from core.accounts.models import MailLink, User
from core.accounts.service import Accounts, normalise_email
from core.audit.service import Audit
from core.db import Connection
from core.errors import Conflict, Invalid
from core.oauth import shown
from core.oauth.base import Provider
from core.oauth.failures import (
    OAuthAccountExists,
    OAuthDomainRefused,
    OAuthEmailUnverified,
    OAuthOtherAddress,
    OAuthSuspended,
)
from core.oauth.models import Profile
from core.security.tokens import hash_link


def admit(connection: Connection, accounts: Accounts, provider: Provider, profile: Profile) -> User:
    """Add a member for an identity that nobody has, in the caller's transaction.

    Raises:
        OAuthError: the address is not verified, has an account already, or is of another domain.
        RegistrationClosed: people cannot register by themselves.
    """
    email = _unused_address(connection, provider, profile)
    accounts.check_open(connection)
    try:
        accounts.check_domain(email)
    except Invalid:
        raise OAuthDomainRefused(provider.label) from None
    user = provider_sign_in.add_member(connection, email, _name(profile, email))
    if user is None:
        raise OAuthAccountExists(provider.label)
    return user


def admit_invited(
    connection: Connection,
    accounts: Accounts,
    audit: Audit,
    provider: Provider,
    profile: Profile,
    invitation: str,
) -> User:
    """Make the account that an invitation is for, for the identity whose verified address was invited.

    Raises:
        RegistrationClosed: nobody new is taken in.
        LinkRefused: the invitation is over.
        OAuthError: the address is not verified, is another one, or has an account by now.
    """
    accounts.check_open(connection, ("open", "invite"))
    token_hash = hash_link(invitation)
    link = invitations.open_invitation(connection, token_hash, clock.now())
    email = _unused_address(connection, provider, profile)
    if not _is_invited(email, link):
        raise OAuthOtherAddress(provider.label)
    try:
        return invitations.accept(connection, audit, token_hash, _name(profile, email), None, is_verified=True)
    except Conflict:  # somebody was faster by a moment
        raise OAuthAccountExists(provider.label) from None


def _unused_address(connection: Connection, provider: Provider, profile: Profile) -> str:
    """Return the address that the provider vouches for, when nobody has an account with it."""
    try:
        email = normalise_email(profile.email) if profile.email_verified else ""
    except Invalid:
        email = ""
    if not email:
        raise OAuthEmailUnverified(provider.label)
    state = provider_sign_in.address_state(connection, email)
    if state == "suspended":
        raise OAuthSuspended(provider.label)
    if state == "active":
        raise OAuthAccountExists(provider.label)
    return email


def _is_invited(email: str, link: MailLink) -> bool:
    return email == link.email


def _name(profile: Profile, email: str) -> str:
    return shown.name(profile) or email.partition("@")[0]
