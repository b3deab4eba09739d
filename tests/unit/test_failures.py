"""Whatever a provider or an SDK says, a person reads one of a dozen sentences."""

from __future__ import annotations

import httpx
import openai
import pytest

from core.errors import (
    AddressBlocked,
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
from core.llm.failures import classify, from_response

REQUEST = httpx.Request("POST", "https://api.example.com/v1/chat/completions")
TOO_LONG = "This model's maximum context length is 8192 tokens."
NO_MODEL = "The model `gpt-9` does not exist or you do not have access to it."
NO_MONEY = '{"error": {"code": "insufficient_quota", "message": "You exceeded your current quota"}}'


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (301, "", BadResponse),
        (307, "", BadResponse),
        (400, "", BadResponse),
        (400, TOO_LONG, ContextTooLong),
        (400, NO_MODEL, NoSuchModel),
        (401, "", BadKey),
        (401, NO_MONEY, BadKey),
        (402, "", QuotaExceeded),
        (403, "", KeyForbidden),
        (404, "<html>", BadResponse),
        (404, NO_MODEL, NoSuchModel),
        (404, '{"code": "model_not_found"}', NoSuchModel),
        (404, '{"error": "model \\"llama9\\" not found, try pulling it first"}', NoSuchModel),
        (405, "", BadResponse),
        (408, "", ModelTimeout),
        (413, TOO_LONG, ContextTooLong),
        (422, "prompt is too long: 210000 tokens", ContextTooLong),
        (429, "", RateLimited),
        (429, NO_MONEY, QuotaExceeded),
        (429, "Your credit balance is too low", QuotaExceeded),
        (500, "", ModelError),
        (500, "the request exceeds the available context size", ContextTooLong),
        (502, "<html>", ModelError),
        (503, "", ModelError),
        (504, "", ModelTimeout),
        (529, "overloaded", ModelError),
        (400, "API key not valid. Please pass a valid API key.", BadKey),
        (403, "Your API key was reported as leaked. Please use another API key.", BadKey),
        (400, "User location is not supported for the API use.", KeyForbidden),
        (400, "Your credit balance is too low to access the Anthropic API.", QuotaExceeded),
        (400, '{"error": {"code": "model_decommissioned"}}', NoSuchModel),
        (404, '{"error": {"type": "not_found_error", "message": "model: claude-9"}}', NoSuchModel),
        (404, "models/gemini-9 is not found for API version v1beta", NoSuchModel),
        (400, "Invalid model: mistral-9", NoSuchModel),
        (400, "The input token count exceeds the maximum number of tokens allowed (1048576).", ContextTooLong),
        (413, "Request too large for model on tokens per minute", ContextTooLong),
        (429, "exceeded your current quota … GenerateRequestsPerMinutePerProject", RateLimited),
        (429, "exceeded your current quota … GenerateRequestsPerDayPerProject", QuotaExceeded),
        (429, "on tokens per minute (TPM): Limit 6000 … Upgrade at /settings/billing", RateLimited),
        (429, "on tokens per day (TPD): Limit 100000 … Upgrade at /settings/billing", QuotaExceeded),
        (400, '{"error": {"code": "tool_use_failed"}}', ModelError),
    ],
)
def test_an_answer_of_a_provider_means_one_error(status: int, body: str, expected: type[ModelError]) -> None:
    assert type(from_response(status, body)) is expected


def test_a_providers_words_never_reach_the_sentence() -> None:
    error = from_response(401, "Incorrect API key provided: sk-abcd********wxyz")
    assert "sk-" not in error.sentence + repr(error) + str(error.facts)


def _status_error(kind: type[openai.APIStatusError], status: int, body: object) -> openai.APIStatusError:
    return kind("Error code", response=httpx.Response(status, request=REQUEST), body=body)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (_status_error(openai.AuthenticationError, 401, None), BadKey),
        (_status_error(openai.PermissionDeniedError, 403, None), KeyForbidden),
        (_status_error(openai.NotFoundError, 404, {"code": "model_not_found"}), NoSuchModel),
        (_status_error(openai.RateLimitError, 429, None), RateLimited),
        (_status_error(openai.RateLimitError, 429, {"code": "insufficient_quota"}), QuotaExceeded),
        (_status_error(openai.BadRequestError, 400, {"message": TOO_LONG}), ContextTooLong),
        (_status_error(openai.InternalServerError, 500, None), ModelError),
        (openai.APITimeoutError(REQUEST), ModelTimeout),
        (openai.APIConnectionError(request=REQUEST), Unreachable),
        (httpx.ReadTimeout("slow"), ModelTimeout),
        (httpx.ConnectError("refused"), Unreachable),
        (httpx.RemoteProtocolError("gone"), Unreachable),
        (ValueError("No generations found in stream"), BadResponse),
        (AttributeError("'str' object has no attribute 'choices'"), BadResponse),
        (RuntimeError("anything"), ModelError),
        (KeyboardInterrupt(), ModelError),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else type(value).__name__,
)
def test_an_exception_of_an_sdk_means_one_error(error: BaseException, expected: type[CoreError]) -> None:
    assert type(classify(error)) is expected


class _GoogleError(Exception):
    code = 429


class _StreamError(Exception):
    """Anthropic reports an overload in the middle of an answer: with the status of its beginning."""

    status_code = 200


def test_a_status_under_another_name_is_found_and_one_of_success_is_none() -> None:
    assert type(classify(_GoogleError("RESOURCE_EXHAUSTED PerMinute"))) is RateLimited
    assert type(classify(_StreamError("Overloaded"))) is ModelError


def _raised(outer: BaseException, cause: BaseException) -> BaseException:
    try:
        raise outer from cause
    except type(outer) as error:
        return error


def test_an_own_error_wins_over_what_an_sdk_made_of_it() -> None:
    own = AddressBlocked("a test")
    wrapped = _raised(RuntimeError("crew"), _raised(openai.APIConnectionError(request=REQUEST), own))
    assert classify(wrapped) is own


def test_a_status_wins_over_the_kind_of_the_exceptions_around_it() -> None:
    inner = _status_error(openai.RateLimitError, 429, None)
    assert type(classify(_raised(ValueError("no answer"), _raised(TimeoutError(), inner)))) is RateLimited


def test_a_circle_of_causes_ends() -> None:
    first, second = RuntimeError("a"), ValueError("b")
    first.__cause__, second.__cause__ = second, first
    first.__context__, second.__context__ = first, first
    assert type(classify(first)) is BadResponse


def test_a_long_chain_of_causes_is_followed_to_its_end() -> None:
    error: BaseException = BadKey()
    for _ in range(5000):
        outer = RuntimeError("wrapped")
        outer.__cause__ = error
        error = outer
    assert type(classify(error)) is BadKey
