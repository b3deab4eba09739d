"""One vocabulary for what goes wrong at a model provider, from a response or from an SDK's exception."""

from __future__ import annotations

import re
from collections.abc import Iterator

from core.errors import (
    BadKey,
    BadResponse,
    ContextTooLong,
    CoreError,
    KeyForbidden,
    ModelError,
    ModelTimeout,
    NoSuchModel,
    QuotaExceeded,
    RateLimited,
    Unreachable,
)

# Each alternative is in the words of one of the providers; the contract test has their bodies.
_CONTEXT = re.compile(
    r"context[_ ]length|maximum context|context[_ ](size|window)|too many tokens|prompt is too long"
    r"|exceeds the maximum number of tokens",
    re.I,
)
_QUOTA = re.compile(
    r"insufficient_quota|exceeded your current quota|billing|credit balance|usage limit|spend (alert|limit)", re.I
)
# Gemini and Groq speak of quotas and billing in every 429: what counts is whether the limit is one of a day.
_OF_A_DAY = re.compile(r"per ?day", re.I)
_OF_A_MINUTE = re.compile(r"per ?minute|per ?second|rate_limit_(exceeded|error)", re.I)
_NO_MODEL = re.compile(
    r"model_not_found|model_decommissioned|invalid[_ ]model|models?.{0,80}(not found|does not exist)"
    r"|not_found_error.{0,40}model",
    re.I,
)
_BAD_KEY = re.compile(r"API_KEY_INVALID|API key not valid|API key expired|reported as leaked", re.I)
_FORBIDDEN = re.compile(r"location is not supported", re.I)
_MODEL_SLIPPED = re.compile(r"tool_use_failed", re.I)  # Groq: the model wrote a tool call that cannot be read

# Class names of SDK errors that carry no status: openai.APITimeoutError, httpx.ReadTimeout …
_TIMEOUTS = re.compile(r"Timeout")
_UNREACHABLE = re.compile(r"Connect(ion)?Error|RemoteProtocolError|ReadError|WriteError|NetworkError")
_UNREADABLE = re.compile(
    r"JSONDecodeError|ValidationError|AttributeError|TypeError|ValueError|KeyError|DecodingError"
)


def from_response(status: int, body: str) -> ModelError:
    """Return the error that a provider's HTTP answer means (any status but success)."""
    text = body[:4000]
    if status == 401 or (status in (400, 403) and _BAD_KEY.search(text)):
        return BadKey()
    if status == 402 or (status in (400, 403) and _QUOTA.search(text)):
        return QuotaExceeded()
    if status == 403 or (status == 400 and _FORBIDDEN.search(text)):
        return KeyForbidden()
    if status in (400, 404) and _NO_MODEL.search(text):
        return NoSuchModel()
    if status == 413 or (status in (400, 422, 500) and _CONTEXT.search(text)):
        return ContextTooLong()
    if status == 429:
        return _too_much(text)
    if status in (408, 504):
        return ModelTimeout()
    if status >= 500 or (status == 400 and _MODEL_SLIPPED.search(text)):
        return ModelError()
    return BadResponse()


def _too_much(text: str) -> ModelError:
    """Tell a limit that is over in a minute from one that another try does not help."""
    if _OF_A_DAY.search(text):
        return QuotaExceeded()
    if _OF_A_MINUTE.search(text):
        return RateLimited()
    return QuotaExceeded() if _QUOTA.search(text) else RateLimited()


def classify(error: BaseException) -> CoreError:
    """Return the ``CoreError`` behind an exception of an SDK, LangChain or CrewAI.

    The chain of causes is walked from the outside in; the most telling link wins: one of our own errors
    (the guarded transport's), then an HTTP status, then the kind of exception.
    """
    links = list(_chain(error))
    for link in links:
        if isinstance(link, CoreError):
            return link
    for link in links:
        # Google's SDK calls it "code", which at others is a word.
        status = getattr(link, "status_code", None) or getattr(link, "code", None)
        if isinstance(status, int) and status >= 300:
            return from_response(status, _body_of(link))
    for link in links:
        name = type(link).__name__
        if _TIMEOUTS.search(name):
            return ModelTimeout()
        if _UNREACHABLE.search(name):
            return Unreachable()
    if any(_UNREADABLE.search(type(link).__name__) for link in links):
        return BadResponse()
    return ModelError()


def _body_of(error: BaseException) -> str:
    body = getattr(error, "body", None)
    return f"{error} {body if body is not None else ''}"


def _chain(error: BaseException) -> Iterator[BaseException]:
    # CrewAI re-raises with "from": the chain can be a cycle, so visited links are remembered.
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        link = waiting.pop(0)
        if link is None or id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        waiting += [link.__cause__, link.__context__]
