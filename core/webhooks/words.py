"""What people read about a delivery that failed and about a webhook that is off."""

from __future__ import annotations

from core.webhooks.models import Reason

# Codes of our own stand beside those of core.errors: what went wrong before there was an answer.
_SENTENCES = {
    "timeout": "There was no answer within 10 seconds.",
    "unreachable": "The server could not be reached.",
    "address_blocked": "The address may not be called from here.",
    "bad_response": "The answer could not be read.",
    "redirect": "It answered with a redirect, which is not followed. Enter the address it leads to.",
    "gone": "It answered 410: nothing is wanted there any more.",
    "refused": "It answered with an error.",
    "secret_lost": "The secret cannot be opened. Rotate it.",
    "owner_inactive": "Whoever it belongs to may not have it any more.",
    "webhook_off": "The webhook was turned off before this was sent.",
}
_REASONS: dict[Reason, str] = {
    "person": "Somebody turned it off.",
    "gone": "The receiver answered 410: it wants nothing any more.",
    "failing": "Nothing has arrived for three days.",
    "secret_lost": "The master key of its secret was lost. Rotate the secret: that turns it on again.",
}


def sentence_of(code: str) -> str:
    """Return what the error code of a delivery says."""
    return _SENTENCES.get(code, "Something went wrong.")


def why_off(reason: Reason | None) -> str:
    """Return why a webhook is off; empty where it is not."""
    return _REASONS[reason] if reason else ""
