"""Whether somebody whom nobody knows may come in through a provider.

An e-mail address never opens an existing account: whoever registers first at a careless provider would own it
(pre-hijacking).
"""

from __future__ import annotations

from core.accounts import provider_sign_in
from core.accounts.models import User
from core.accounts.service import Accounts, normalise_email
from core.db import Connection
from core.errors import Invalid
from core.oauth import shown
from core.oauth.base import Provider
from core.oauth.failures import OAuthAccountExists, OAuthDomainRefused, OAuthEmailUnverified, OAuthSuspended
from core.oauth.models import Profile


def admit(connection: Connection, accounts: Accounts, provider: Provider, profile: Profile) -> User:
    """Add a member for an identity that nobody has, in the caller's transaction.

    Raises:
        OAuthError: the address is not verified, has an account already, or is of another domain.
        RegistrationClosed: people cannot register by themselves.
    """
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
    accounts.check_open(connection)
    try:
        accounts.check_domain(email)
    except Invalid:
        raise OAuthDomainRefused(provider.label) from None
    user = provider_sign_in.add_member(connection, email, shown.name(profile) or email.partition("@")[0])
    if user is None:
        raise OAuthAccountExists(provider.label)
    return user
