"""What a failed test of a key means and what to do next, in the words of its kind."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator

from core.errors import AddressBlocked, CoreError, Unreachable
from core.keys.failures import NoAnswer, TlsFailed
from core.keys.kind import Kind
from core.keys.models import KeyTest

_WHO = {"llm": "The provider", "email": "The mail service", "service": "The service"}
# The vocabulary of errors speaks of models; these codes come from every kind of key.
_SAID = {
    "bad_key": "{who} does not accept this key.",
    "key_forbidden": "{who} accepts the key but forbids this call.",
    "rate_limited": "{who} asks us to slow down.",
    "quota": "The account behind this key has no credit left.",
    "timeout": "There was no answer in time.",
    "unreachable": "The server cannot be reached.",
    "bad_response": "{who}'s answer could not be read.",
    "response_too_large": "{who}'s answer is too large.",
    "provider_error": "{who} answers with an error of its own.",
    "no_model": "{who} does not know what was asked for.",
    "address_blocked": "This address is not allowed.",
    "secret_unreadable": "The stored secret cannot be opened with the present master keys.",
    "no_models": "The server answers, but offers no model.",
    "tls_failed": "There is no secure connection.",
    "smtp_auth": "The mail server does not accept this user name and password.",
    "nothing_there": "The server answers, but does not know this address.",
    "leads_elsewhere": "The server sends us to another address, which is not followed with a secret.",
}
_NEXT = {
    "bad_key": "Copy the whole key again and choose Replace secret.",
    "key_forbidden": "Give the key the missing permission at {label}, or take another one with Replace secret.",
    "rate_limited": "Wait a minute, then test again.",
    "quota": "Top up the account at {label}, or use a key of another account.",
    "timeout": "Check that the server is running and not busy, then test again.",
    "unreachable": "Check that the server is running, then test again.",
    "bad_response": "Check that this is the address of the API, with its whole path.",
    "response_too_large": "Check that this is the address of the API, with its whole path.",
    "provider_error": "Wait a little, then test again; {label} may have a breakdown.",
    "no_model": "Check that this is the address of the API, with its whole path.",
    "address_blocked": "Use a public https address, or ask an administrator to list this host:port in "
    "ZOARK_ENDPOINT_ALLOWLIST.",
    "secret_unreadable": "Enter it again with Replace secret.",
    "no_models": "See at {label} which models this key may use.",
    "tls_failed": "Use the name that is on the server's certificate. A server of your own without https has to be "
    "listed by an administrator in ZOARK_ENDPOINT_ALLOWLIST.",
    "smtp_auth": "Check both; many services want an app password here. Then choose Replace secret, or Change "
    "address for another user name.",
    "leads_elsewhere": "Use the address it leads to, with Change address.",
}
# Where another address may help, and the kind lets a person say one.
MOVES = (
    *("timeout", "unreachable", "bad_response", "response_too_large", "no_model", "address_blocked", "tls_failed"),
    *("nothing_there", "leads_elsewhere"),
)
_ABOUT_ADDRESS = ("timeout", "unreachable", "bad_response", "response_too_large", "no_model")


def outcome_of(kind: Kind, error: CoreError) -> KeyTest:
    """Return the outcome of a test that ended with ``error``."""
    told = _closer(error)
    said = told.sentence if isinstance(told, TlsFailed | NoAnswer) else _said(kind, told.code)
    if isinstance(told, AddressBlocked):
        said = f"This address is not allowed: {told.facts['reason']}."
    return KeyTest(False, told.code, f"{said or told.sentence} {next_step(kind, told.code)}".strip())


def explained(kind: Kind, code: str) -> str:
    """Return what a stored outcome means and what to do next; empty for one that is no failure."""
    said = _said(kind, code)
    return f"{said} {next_step(kind, code)}".strip() if said else ""


def next_step(kind: Kind, code: str) -> str:
    """Return what to do after a failure, as one or two sentences."""
    if code in kind.advice:
        return kind.advice[code]
    step = _NEXT.get(code, "").format(label=kind.label)
    if code == "bad_key" and kind.needs_secret and kind.secret_help:
        step = f"{step} Where to find it: {kind.secret_help.rstrip('.')}."
    if code in _ABOUT_ADDRESS and kind.has_address:
        step = f"{step} If the address is wrong, choose Change address."
    return step


def _said(kind: Kind, code: str) -> str:
    return _SAID.get(code, "").format(who=_WHO[kind.family])


def _closer(error: CoreError) -> CoreError:
    """Tell apart why a server could not be reached."""
    if not isinstance(error, Unreachable):
        return error
    causes = tuple(_causes(error))
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return TlsFailed(reason="the server's certificate is not trusted, or is for another name")
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return TlsFailed(reason="the server does not speak https at this address")
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return NoAnswer(reason="there is no server of this name")
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return NoAnswer(reason="it takes no connection on this port")
    return error


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause = error.__cause__
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__
