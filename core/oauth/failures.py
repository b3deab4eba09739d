"""How signing in at a provider can go wrong: each rule has its code and its sentence."""

from __future__ import annotations

from core.errors import CoreError


class OAuthError(CoreError):
    """Signing in with {label} did not work. Please try again."""

    code = "oauth"

    def __init__(self, label: str) -> None:
        """Name the provider as people know it."""
        super().__init__(label=label)


class OAuthFlowRefused(OAuthError):
    """This sign-in with {label} took too long, was used before, or began in another browser. Please try again."""

    code = "oauth_flow"


class OAuthDeclined(OAuthError):
    """The sign-in with {label} was cancelled or refused there."""

    code = "oauth_declined"


class OAuthProviderFailed(OAuthError):
    """The server for {label} cannot be reached or gave no usable answer. Please try again in a minute."""

    code = "oauth_provider"
    retryable = True


class OAuthProofRefused(OAuthError):
    """The answer from {label} could not be verified, so nobody was signed in. Please try again."""

    code = "oauth_proof"


class OAuthEmailUnverified(OAuthError):
    """Your e-mail address is not verified at {label}. Verify it there, then try again."""

    code = "oauth_unverified"


class OAuthOtherAddress(OAuthError):
    """This invitation is for another e-mail address than the one of your {label} account.

    Choose the account with the invited address there, or set a password here.
    """

    code = "oauth_other_address"


class OAuthAccountExists(OAuthError):
    """An account with this e-mail exists.

    Sign in with your password, then connect {label} under Connected accounts.
    """

    code = "oauth_account_exists"


class OAuthIdentityTaken(OAuthError):
    """This account of {label} is connected to somebody else here."""

    code = "oauth_identity_taken"


class OAuthDomainRefused(OAuthError):
    """Addresses of this domain cannot register here. Use the one of your company."""

    code = "oauth_domain"


class OAuthSuspended(OAuthError):
    """Your account here is suspended. Ask an administrator."""

    code = "oauth_suspended"


class OAuthExpired(OAuthError):
    """The connection to {label} has expired. Connect it again under Connected accounts."""

    code = "oauth_expired"
