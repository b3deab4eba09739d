"""How a key refuses to be used, and what the stored code of any failure says."""

from __future__ import annotations

from collections.abc import Iterator

from core.errors import CoreError, NotFound


class KeyDisabled(CoreError):
    """This runs on a key of {owner} that is disabled. {owner} can enable it again, or choose another key."""

    code = "key_disabled"


class KeyDeleted(NotFound):
    """The key of this agent was deleted. Choose another key in the agent's settings."""

    code = "key_deleted"


class WrongKindOfKey(CoreError):
    """The key {name} is not one for {purpose}. Choose another key."""

    code = "wrong_kind_of_key"


def sentence_of(code: str) -> str:
    """Return what people read about a stored code: its error's sentence, up to a fact that is not stored."""
    for error in _all(CoreError):
        if vars(error).get("code") == code:
            told, fact, _ = " ".join((error.__doc__ or "").split()).partition("{")
            if not fact:
                return told
            if told.endswith(": "):
                return f"{told.removesuffix(': ')}."
    return f"The code is {code}."


def _all(error: type[CoreError]) -> Iterator[type[CoreError]]:
    yield error
    for below in error.__subclasses__():
        yield from _all(below)
