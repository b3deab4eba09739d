"""What every model provider must do, whoever wrote it. A new provider is found by itself; only one that does
not speak OpenAI's wire format needs a line in ``WAYS``."""

from __future__ import annotations

import asyncio
import gc
import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from pydantic import SecretStr

from core.config import ROOT
from core.errors import BadKey, CoreError
from core.llm.base import ChatOptions, Endpoint, Provider
from core.llm.bridge import counted_tokens
from core.llm.failures import classify
from core.llm.pricing import Tokens
from core.llm.registry import all_providers
from core.security.egress import EgressPolicy, GuardedClient, connections_opened, guarded_client
from tests.fakes.model_server import FakeModelServer

SECRET = "zk-right-key-0123456789abcdef"
TRAP_SECRET = "zk-trap-key-0123456789abcdef"
OUTPUT_LIMIT = 321
SHORT_SECONDS = 1.0


def seconds_for(fault: str) -> float:
    """Only a provider that hangs is waited for to the end, and that is soon."""
    return SHORT_SECONDS if fault == "hang" else 30.0


# What the fake can be told to do, and what a person is told then.
FAILURES = {
    "401": "bad_key",
    "403": "key_forbidden",
    "404": "no_model",
    "429": "rate_limited",
    "quota": "quota",
    "ctx": "context_too_long",
    "500": "provider_error",
    "503": "provider_error",
    "hang": "timeout",
    "badjson": "bad_response",
    "huge": "response_too_large",
    "redirect": "bad_response",
    "close": "unreachable",
    "half": "unreachable",
}

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Tells the weather of a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}


@dataclass(frozen=True)
class Way:
    """How a provider reaches the fake, where it sends the output limit, whether it tells what was cached."""

    base_url: Callable[[FakeModelServer], str] = lambda fake: fake.openai_url
    output_limit: Callable[[dict[str, Any]], object] = lambda body: body["max_tokens"]
    counts_cached: bool = True


WAYS = {
    "openai": Way(output_limit=lambda body: body["max_completion_tokens"]),
    "anthropic": Way(lambda fake: fake.base_url),
    "gemini": Way(lambda fake: fake.base_url, lambda body: body["generationConfig"]["maxOutputTokens"]),
    "groq": Way(lambda fake: f"{fake.base_url}/openai/v1"),
    "mistral": Way(lambda fake: f"{fake.base_url}/mistral/v1"),
    "ollama": Way(lambda fake: fake.base_url, lambda body: body["options"]["num_predict"], counts_cached=False),
}

PROVIDERS = all_providers()
REMOTE = [provider for provider in PROVIDERS.values() if not provider.is_built_in]


def way_of(provider: Provider) -> Way:
    return WAYS.get(provider.name, Way())


@pytest.fixture(params=PROVIDERS.values(), ids=PROVIDERS.keys())
def provider(request: pytest.FixtureRequest) -> Provider:
    return request.param


@pytest.fixture(params=REMOTE, ids=lambda provider: provider.name)
def remote(request: pytest.FixtureRequest) -> Provider:
    return request.param


@pytest.fixture(autouse=True)
def guarded_only(fake: FakeModelServer) -> Iterator[None]:
    """Every connection that the fake saw went through the guard."""
    before = connections_opened()
    yield
    assert fake.accepted_connections == connections_opened() - before


@pytest.fixture
def trap(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeModelServer]:
    """A server that nobody may call, named by every variable the SDKs know."""
    with FakeModelServer() as server:
        for name in ("OPENAI_BASE_URL", "OPENAI_API_BASE", "MISTRAL_BASE_URL"):
            monkeypatch.setenv(name, server.openai_url)
        for name in (
            "ANTHROPIC_BASE_URL",
            "ANTHROPIC_API_URL",
            "ANTHROPIC_PROXY",
            "GROQ_BASE_URL",
            "GROQ_API_BASE",
        ):
            monkeypatch.setenv(name, server.base_url)
        for name in ("GROQ_PROXY", "GOOGLE_GEMINI_BASE_URL", "GOOGLE_VERTEX_BASE_URL"):
            monkeypatch.setenv(name, server.base_url)
        for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "GOOGLE_API_KEY", "GEMINI_API_KEY"):
            monkeypatch.setenv(name, TRAP_SECRET)
        for name in ("GROQ_API_KEY", "MISTRAL_API_KEY"):
            monkeypatch.setenv(name, TRAP_SECRET)
        monkeypatch.setenv("GOOGLE_GENAI_USE_VERTEXAI", "true")
        monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "the-servers-own")
        for name in ("OLLAMA_HOST", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
            monkeypatch.setenv(name, server.base_url)
        for name in ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OLLAMA_API_KEY", "LANGSMITH_API_KEY"):
            monkeypatch.setenv(name, TRAP_SECRET)
        monkeypatch.setenv("LANGSMITH_GATEWAY", server.base_url)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        yield server
        assert server.accepted_connections == 0


def guard(fake: FakeModelServer, total_seconds: float = 10.0) -> GuardedClient:
    policy = EgressPolicy.from_allowlist(f"127.0.0.1:{fake.port}")
    return guarded_client(policy, total_seconds=total_seconds, max_bytes=100_000)


def endpoint(provider: Provider, fake: FakeModelServer, secret: str | None = SECRET) -> Endpoint:
    return Endpoint(way_of(provider).base_url(fake), SecretStr(secret) if secret else None)


def options(model: str = "fake-1", stream_usage: bool = True) -> ChatOptions:
    return ChatOptions(model, 0.2, OUTPUT_LIMIT, 10.0, stream_usage)


def streamed(model: Any, messages: object = "Hello MARK-1") -> AIMessage:
    whole = None
    for chunk in model.stream(messages):
        whole = chunk if whole is None else whole + chunk
    assert whole is not None
    return whole


def closed_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


# --- what the forms show ------------------------------------------------------------------------


def test_a_provider_describes_itself_completely(provider: Provider) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]{0,39}", provider.name)
    assert provider.pricing in ("catalogue", "own", "free")
    assert 0 < len(provider.label) <= 60
    assert provider.about.endswith(".")
    texts = (provider.label, provider.about, provider.secret_help, provider.default_base_url)
    assert all(text == text.strip() and text.isprintable() for text in (*texts, *provider.example_models))
    assert isinstance(provider.example_models, tuple)


def test_a_provider_asks_only_for_what_it_explains(provider: Provider) -> None:
    assert provider.asks_secret or not provider.needs_secret
    assert bool(provider.secret_help) or not provider.asks_secret
    # Somebody has to say where it is.
    assert provider.asks_base_url or provider.is_built_in or provider.default_base_url.startswith("https://")


def test_the_name_of_a_provider_is_its_name_in_the_registry() -> None:
    assert all(name == provider.name for name, provider in PROVIDERS.items())
    assert len({provider.label for provider in PROVIDERS.values()}) == len(PROVIDERS)


def test_only_the_local_provider_is_built_in() -> None:
    built_in = [provider for provider in PROVIDERS.values() if provider.is_built_in]
    assert [provider.name for provider in built_in] == ["local"]
    assert not built_in[0].asks_secret
    assert not built_in[0].asks_base_url


def test_the_built_in_provider_lists_its_model_without_a_call(fake: FakeModelServer) -> None:
    local = PROVIDERS["local"]
    with guard(fake) as http:
        assert local.list_models(endpoint(local, fake), http) == list(local.example_models)
        local.check(endpoint(local, fake), http)
    assert fake.requests == []


# --- the key test and the list of models --------------------------------------------------------


def test_alice_sees_the_models_of_her_key(remote: Provider, fake: FakeModelServer) -> None:
    fake.options.models = ("zeta-1", "alpha-1")
    with guard(fake) as http:
        assert remote.list_models(endpoint(remote, fake), http) == ["alpha-1", "zeta-1"]
    assert [record.key for record in fake.requests] == [SECRET]


def test_alices_right_key_passes_the_check(remote: Provider, fake: FakeModelServer) -> None:
    fake.valid_keys = {SECRET}
    with guard(fake) as http:
        remote.check(endpoint(remote, fake), http)
    assert fake.totals().calls == 0, "a check costs nothing"


def test_alices_wrong_key_is_called_a_bad_key(remote: Provider, fake: FakeModelServer) -> None:
    fake.valid_keys = {SECRET}
    with guard(fake) as http, pytest.raises(BadKey):
        remote.check(endpoint(remote, fake, "zk-wrong-key-0123456789abcdef"), http)
    assert len(fake.requests) == 1


@pytest.mark.parametrize(("fault", "code"), FAILURES.items())
def test_a_failed_check_has_the_code_of_its_cause(
    remote: Provider, fake: FakeModelServer, fault: str, code: str
) -> None:
    fake.options.fault = fault
    with guard(fake, seconds_for(fault)) as http, pytest.raises(CoreError) as caught:
        remote.check(endpoint(remote, fake), http)
    assert caught.value.code == code
    assert len(fake.requests) == 1, "nothing is tried again, no redirect is followed"


def test_a_check_of_an_address_where_nobody_listens_is_unreachable(remote: Provider) -> None:
    port = closed_port()
    policy = EgressPolicy.from_allowlist(f"127.0.0.1:{port}")
    with (
        guarded_client(policy, total_seconds=5, max_bytes=1000) as http,
        pytest.raises(CoreError) as caught,
    ):
        remote.check(Endpoint(f"http://127.0.0.1:{port}/v1", SecretStr(SECRET)), http)
    assert caught.value.code == "unreachable"


def test_a_check_of_a_private_address_is_blocked(remote: Provider, fake: FakeModelServer) -> None:
    with (
        guarded_client(EgressPolicy(), total_seconds=5, max_bytes=1000) as http,
        pytest.raises(CoreError) as caught,
    ):
        remote.check(endpoint(remote, fake), http)
    assert caught.value.code == "address_blocked"


# --- chat ---------------------------------------------------------------------------------------


def test_a_streamed_answer_brings_text_and_the_exact_usage(provider: Provider, fake: FakeModelServer) -> None:
    fake.options.pt, fake.options.ct, fake.options.cached = 137, 41, 17
    with guard(fake) as http:
        answer = streamed(provider.chat_model(endpoint(provider, fake), options(), http))
    assert answer.text == "Fake answer 1. MARK-1"
    assert counted_tokens(answer) == Tokens(137, 41, 17 if way_of(provider).counts_cached else 0)
    assert fake.totals() == (1, 137, 41)
    assert [record.key for record in fake.chats] == [SECRET]
    assert fake.chats[0].stream


def test_a_whole_answer_brings_the_same_usage(provider: Provider, fake: FakeModelServer) -> None:
    fake.options.pt, fake.options.ct, fake.options.cached = 137, 41, 17
    with guard(fake) as http:
        answer = provider.chat_model(endpoint(provider, fake), options(), http).invoke("Hello")
    assert isinstance(answer, AIMessage)
    assert counted_tokens(answer) == Tokens(137, 41, 17 if way_of(provider).counts_cached else 0)


def test_usage_that_was_not_reported_is_none(provider: Provider, fake: FakeModelServer) -> None:
    with guard(fake) as http:
        model = provider.chat_model(endpoint(provider, fake), options("fake-1@usage=none"), http)
        assert counted_tokens(streamed(model)) is None


def test_the_output_limit_is_always_sent(provider: Provider, fake: FakeModelServer) -> None:
    with guard(fake) as http:
        model = provider.chat_model(endpoint(provider, fake), options(), http)
        streamed(model)
        model.invoke("Hello")
        streamed(model.bind_tools([WEATHER]))
    bodies = [json.loads(record.body) for record in fake.chats]
    assert [way_of(provider).output_limit(body) for body in bodies] == [OUTPUT_LIMIT] * 3
    assert all(not {"max_tokens", "max_completion_tokens"} <= body.keys() for body in bodies)


def test_a_model_that_is_gone_leaves_the_client_to_the_next_one(provider: Provider, fake: FakeModelServer) -> None:
    """An agent's calls share one client, and some SDKs close theirs when they are collected."""
    with guard(fake) as http:
        for _ in range(2):
            streamed(provider.chat_model(endpoint(provider, fake), options(), http))
            gc.collect()
    assert fake.totals().calls == 2


def test_a_tool_call_makes_the_round_trip(provider: Provider, fake: FakeModelServer) -> None:
    with guard(fake) as http:
        model = provider.chat_model(endpoint(provider, fake), options("fake-1@tool=1"), http)
        with_tools = model.bind_tools([WEATHER])
        question = HumanMessage("What is the weather? MARK-2")
        asked = streamed(with_tools, [question])
        call = asked.tool_calls[0]
        result = ToolMessage("sunny", tool_call_id=call["id"] or "")
        answer = streamed(with_tools, [question, asked, result])
    assert (call["name"], call["args"]) == ("weather", {"city": "x"})
    assert answer.text == "Fake answer 2. MARK-2"
    assert answer.tool_calls == []
    used = [message.usage_metadata["input_tokens"] for message in (asked, answer) if message.usage_metadata]
    assert sum(used) == fake.totals().tokens_in
    assert [record.tool_names for record in fake.chats] == [["weather"]] * 2


@pytest.mark.parametrize(("fault", "code"), FAILURES.items())
@pytest.mark.parametrize("is_stream", [True, False], ids=["stream", "whole"])
def test_a_failed_call_has_the_code_that_the_check_would_give(
    provider: Provider, fake: FakeModelServer, fault: str, code: str, is_stream: bool
) -> None:
    fake.options.fault = fault
    with guard(fake, seconds_for(fault)) as http:
        model = provider.chat_model(endpoint(provider, fake), options(), http)
        with pytest.raises(Exception) as caught:  # noqa: PT011 - the SDK's own kinds; the code is the point
            streamed(model) if is_stream else model.invoke("Hello")
    assert classify(caught.value).code == code
    assert len(fake.requests) == 1, "nothing is tried again, no redirect is followed"


def test_a_call_where_nobody_listens_is_unreachable(provider: Provider) -> None:
    port = closed_port()
    policy = EgressPolicy.from_allowlist(f"127.0.0.1:{port}")
    with guarded_client(policy, total_seconds=5, max_bytes=1000) as http:
        there = Endpoint(f"http://127.0.0.1:{port}/v1", SecretStr(SECRET))
        model = provider.chat_model(there, options(), http)
        with pytest.raises(Exception) as caught:  # noqa: PT011
            streamed(model)
    assert classify(caught.value).code == "unreachable"


def test_a_call_ends_when_its_client_is_aborted(provider: Provider, fake: FakeModelServer) -> None:
    with guard(fake) as http:
        model = provider.chat_model(endpoint(provider, fake), options("fake-1@gap=300"), http)
        with pytest.raises(Exception) as caught:  # noqa: PT011, PT012
            for _ in model.stream("Hello"):
                http.abort()
    assert classify(caught.value).code == "cancelled"


def test_a_request_to_slow_down_is_passed_on_at_once(provider: Provider, fake: FakeModelServer) -> None:
    """Waiting is the step's business: an SDK that obeyed would hold a worker's thread for a minute."""
    fake.options.fault, fake.options.retry_after = "429", 60
    began = time.monotonic()
    with guard(fake) as http:
        model = provider.chat_model(endpoint(provider, fake), options(), http)
        with pytest.raises(Exception) as caught:  # noqa: PT011
            streamed(model)
    assert classify(caught.value).code == "rate_limited"
    assert len(fake.requests) == 1
    assert time.monotonic() - began < 30


def test_a_temperature_that_is_too_high_for_a_provider_is_no_failure(
    provider: Provider, fake: FakeModelServer
) -> None:
    with guard(fake) as http:
        hot = ChatOptions("fake-1", 2.0, OUTPUT_LIMIT, 10.0)
        assert streamed(provider.chat_model(endpoint(provider, fake), hot, http)).text


# --- nothing leaves by another way --------------------------------------------------------------


@pytest.mark.parametrize("secret", [SECRET, None], ids=["with key", "without key"])
def test_the_environment_is_never_asked(
    provider: Provider, fake: FakeModelServer, trap: FakeModelServer, secret: str | None
) -> None:
    with guard(fake) as http:
        there = endpoint(provider, fake, secret)
        if secret is None and provider.needs_secret:
            for ask in (lambda: provider.check(there, http), lambda: provider.chat_model(there, options(), http)):
                with pytest.raises(BadKey):
                    ask()
            assert fake.requests == [], "refused before the SDK sees it"
            return
        provider.check(there, http)
        model = provider.chat_model(there, options(), http)
        streamed(model)
        model.invoke("Hello")
    seen = [f"{record.headers} {record.body}" for record in fake.requests]
    assert not any(TRAP_SECRET in text for text in seen)


def test_an_asynchronous_call_cannot_leave_the_guard(
    provider: Provider, fake: FakeModelServer, trap: FakeModelServer
) -> None:
    with guard(fake) as http:
        model = provider.chat_model(endpoint(provider, fake), options(), http)
        with pytest.raises(Exception) as caught:  # noqa: PT011
            asyncio.run(model.ainvoke("Hello"))
    assert classify(caught.value).code == "address_blocked"
    assert fake.requests == []


PACKAGES = {
    "anthropic": {"langchain_anthropic", "anthropic", "httpx2"},
    "gemini": {"langchain_google_genai", "google.genai"},
    "groq": {"langchain_groq", "groq"},
    "mistral": {"langchain_mistralai"},
    "openai": {"langchain_openai", "openai"},
    "ollama": {"langchain_ollama", "ollama"},
}


@pytest.mark.parametrize("name", PACKAGES)
def test_a_worker_loads_only_the_packages_of_the_provider_it_needs(name: str) -> None:
    code = f"""
import sys
from pydantic import SecretStr
from core.llm.base import ChatOptions, Endpoint
from core.llm.registry import provider_named
from core.security.egress import EgressPolicy, guarded_client
before = set(sys.modules)
with guarded_client(EgressPolicy(), total_seconds=5, max_bytes=10) as http:
    there = Endpoint("https://models.example.com", SecretStr("a-key-0123456789"))
    provider_named({name!r}).chat_model(there, ChatOptions("m", 0.2, 10, 5.0), http)
print(*(module for module in {sorted(set().union(*PACKAGES.values()))!r} if module in before))
print(*(module for module in {sorted(set().union(*PACKAGES.values()))!r} if module in sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    before, after = done.stdout.split("\n")[:2]
    assert before == ""
    # Google's SDK looks whether httpx2 is there; it is not used.
    assert set(after.split()) - {"httpx2"} == PACKAGES[name] - {"httpx2"}


def test_a_chat_model_does_not_show_its_secret(provider: Provider, fake: FakeModelServer) -> None:
    with guard(fake) as http:
        model = provider.chat_model(endpoint(provider, fake), options(), http)
    assert SECRET not in repr(model) + str(model) + repr(model.model_dump())
    assert SECRET not in repr(endpoint(provider, fake))
