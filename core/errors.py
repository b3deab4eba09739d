"""Every way a request can fail, said once: a stable code, whether trying again can help, and a sentence."""

from __future__ import annotations


class CoreError(Exception):
    """Something went wrong. Please try again."""

    code = "error"
    retryable = False

    def __init__(self, **facts: object) -> None:
        """Fill the docstring's ``{names}`` with ``facts``; the result is what a person reads."""
        self.facts = facts
        self.sentence = _plain(type(self).__doc__ or "").format(**facts)
        super().__init__(self.sentence)


def _plain(doc: str) -> str:
    return " ".join(doc.split())


# --- what was asked for -------------------------------------------------------------------------


class NotFound(CoreError):
    """This {what} does not exist, or it is not yours."""

    code = "not_found"


class NoSuchPerson(NotFound):
    """There is no such person, or they are suspended."""


class Forbidden(CoreError):
    """You are not allowed to do this. Ask an administrator for the right."""

    code = "forbidden"


class Invalid(CoreError):
    """{reason}"""

    code = "invalid"

    def __init__(self, reason: str, field: str | None = None) -> None:
        """Say in ``reason`` what to change; ``field`` names the input it belongs to."""
        self.field = field
        super().__init__(reason=reason)


class Conflict(CoreError):
    """{reason}"""

    code = "conflict"

    def __init__(self, reason: str) -> None:
        """Say in ``reason`` what stands in the way."""
        super().__init__(reason=reason)


# --- people and sign-in -------------------------------------------------------------------------


class SignInRefused(CoreError):
    """The e-mail address or the password is not right."""

    code = "sign_in_refused"


class LockedOut(CoreError):
    """Too many wrong passwords. Please wait {wait_seconds} s before the next try."""

    code = "locked_out"
    retryable = True


class CodeRefused(CoreError):
    """This code is not right, or it was used before. Wait for the next one and type it in."""

    code = "code_refused"


class CodesLockedOut(LockedOut):
    """Too many wrong codes. Please wait {wait_seconds} s before the next try."""


class SecondStepOver(CoreError):
    """This sign-in took too long or had too many wrong codes. Please sign in again."""

    code = "second_step_over"


class StepUpRequired(CoreError):
    """Please confirm that it is you."""

    code = "step_up_required"


class RegistrationClosed(CoreError):
    """Registration is not open here. Ask an administrator for an invitation."""

    code = "registration_closed"


class TicketRefused(CoreError):
    """This sign-in link has expired or was already used. Please sign in again."""

    code = "ticket_refused"


# --- signing in at a provider -------------------------------------------------------------------


class LinkRefused(CoreError):
    """This link has expired or was already used. Please ask for a new one."""

    code = "link_refused"


class RateLimitedHere(CoreError):
    """Too many tries. Please wait {wait_seconds} s before the next one."""

    code = "rate_limited_here"
    retryable = True


# --- e-mail -------------------------------------------------------------------------------------


class MailNotSetUp(CoreError):
    """E-mail is not set up here. An administrator can set SMTP_URL, SENDGRID_API_KEY or MAILGUN_API_KEY."""

    code = "mail_not_set_up"


# --- start-up -----------------------------------------------------------------------------------


class SettingsWrong(CoreError):
    """{reason}"""

    code = "settings_wrong"

    def __init__(self, reason: str) -> None:
        """Name the setting and what it should be."""
        super().__init__(reason=reason)


class MasterKeyWrong(CoreError):
    """{reason}"""

    code = "master_key_wrong"

    def __init__(self, reason: str) -> None:
        """Say which master key is missing or wrong and what to do."""
        super().__init__(reason=reason)


class SecretUnreadable(CoreError):
    """A stored secret cannot be opened with the present master keys. Please enter it again."""

    code = "secret_unreadable"


class SecretLost(SecretUnreadable):
    """The master key of this secret was lost. Enter the secret again; a model's key on the Keys page."""

    code = "secret_lost"


# --- model calls: the one vocabulary of the key test, the run and the API -------------------------


class ModelError(CoreError):
    """The model's provider answered with an error. Please try again."""

    code = "provider_error"
    retryable = True


class BadKey(ModelError):
    """The provider does not accept this key. Replace it on the Keys page."""

    code = "bad_key"
    retryable = False


class KeyForbidden(ModelError):
    """The provider accepts the key but forbids this call. Check the key's permissions at the provider."""

    code = "key_forbidden"
    retryable = False


class RateLimited(ModelError):
    """The provider asks us to slow down. Please try again in a minute."""

    code = "rate_limited"


class QuotaExceeded(ModelError):
    """The account behind this key has no credit left. Top it up at the provider or use another key."""

    code = "quota"
    retryable = False


class NoSuchModel(ModelError):
    """The provider does not offer this model to this key. Choose another model."""

    code = "no_model"
    retryable = False


class ContextTooLong(ModelError):
    """The text is too long for this model. Shorten the input or choose a model with a larger context."""

    code = "context_too_long"
    retryable = False


class ModelTimeout(ModelError):
    """The model did not answer in time. Please try again, or raise the agent's time limit."""

    code = "timeout"


class Unreachable(ModelError):
    """The provider's server cannot be reached. Check the address, or try again later."""

    code = "unreachable"


class AddressBlocked(ModelError):
    """This address is not allowed: {reason}.

    An administrator can allow a private address, such as 127.0.0.1:1234, in ZOARK_ENDPOINT_ALLOWLIST.
    """

    code = "address_blocked"
    retryable = False

    def __init__(self, reason: str) -> None:
        """Say in ``reason`` which rule refused the address."""
        super().__init__(reason=reason)


class BadResponse(ModelError):
    """The provider's answer could not be read. Is this the address of a model API?"""

    code = "bad_response"
    retryable = False


class ResponseTooLarge(BadResponse):
    """The provider's answer is larger than {limit_bytes} bytes and was cut off."""

    code = "response_too_large"


class LocalModelUnavailable(ModelError):
    """The built-in model cannot run here: {reason}"""

    code = "local_model_unavailable"
    retryable = False

    def __init__(self, reason: str) -> None:
        """Say in ``reason`` what is missing, as a sentence."""
        super().__init__(reason=reason)


# --- runs ---------------------------------------------------------------------------------------


class RunCancelled(CoreError):
    """The run was cancelled."""

    code = "cancelled"


class KeyNotShared(CoreError):
    """This runs on a key of {owner} that you may not use. Ask {owner} to lend it, or choose another key."""

    code = "key_not_shared"


class KeyOwnerInactive(CoreError):
    """This runs on a key of {owner}, whose account is suspended. Choose another key."""

    code = "key_owner_inactive"


class OwnerInactive(CoreError):
    """The person who started this run was suspended, so it was stopped."""

    code = "owner_inactive"


class GraphInvalid(CoreError):
    """This workflow cannot run: {reason}"""

    code = "graph_invalid"

    def __init__(self, reason: str) -> None:
        """Say in ``reason`` which node or edge is wrong."""
        super().__init__(reason=reason)


class ToolFailed(CoreError):
    """The tool {tool} failed: {reason}"""

    code = "tool_failed"


class Internal(CoreError):
    """Something went wrong on our side. The reference is {reference}."""

    code = "internal"
