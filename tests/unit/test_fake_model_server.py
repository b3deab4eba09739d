"""The fake is the measure of every other test, so it is itself measured here with the real clients."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import openai
import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_ollama import ChatOllama
from langchain_openai import ChatOpenAI
from ollama import ResponseError
from pydantic import BaseModel, Field, SecretStr

from tests.fakes.model_server import FakeModelServer
from tests.fakes.schema_instance import minimal_instance

REPOSITORY = Path(__file__).parents[2]
ALICES_KEY = "sk-alice-0123456789"
USAGE = {"input_tokens": 100, "output_tokens": 20, "total_tokens": 120}


class Verdict(BaseModel):
    title: str
    score: int = Field(ge=3)
    reviewer: str | None


@tool
def price_of(item: str, count: int = 1) -> str:
    """The price of an item."""
    return f"{item} costs {count * 7}"


@tool
def stock_of(item: str) -> str:
    """How many are left."""
    return f"{item}: 3 left"


@pytest.fixture(scope="module")
def running() -> Iterator[FakeModelServer]:
    with FakeModelServer() as fake:
        yield fake


@pytest.fixture
def fake(running: FakeModelServer) -> FakeModelServer:
    running.reset()
    return running


@pytest.fixture
def http(fake: FakeModelServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=fake.base_url, timeout=60, trust_env=False) as client:
        yield client


@pytest.fixture
def sdk(fake: FakeModelServer) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=fake.openai_url, api_key=ALICES_KEY, max_retries=0, timeout=60) as client:
        yield client


def body_for(model: str = "fake-1", **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": "hello MARK-a1 and MARK-b2"}], **more}


def chat(client: httpx.Client, model: str = "fake-1", key: str = ALICES_KEY, **more: Any) -> httpx.Response:
    headers = {"authorization": f"Bearer {key}"}
    return client.post("/v1/chat/completions", json=body_for(model, **more), headers=headers)


def chat_openai(fake: FakeModelServer, model: str, **more: Any) -> ChatOpenAI:
    return ChatOpenAI(
        model=model,
        base_url=fake.openai_url,
        api_key=SecretStr(ALICES_KEY),
        stream_usage=True,
        max_retries=0,
        timeout=60,
        **more,
    )


def chat_ollama(fake: FakeModelServer, model: str) -> ChatOllama:
    return ChatOllama(model=model, base_url=fake.base_url)


def streamed(model: Any, messages: list[Any]) -> Any:
    """All chunks of a LangChain stream added up, which is one message again."""
    pieces = list(model.stream(messages))
    total = pieces[0]
    for piece in pieces[1:]:
        total = total + piece
    return total


def asked(model: Any, messages: list[Any], is_streamed: bool) -> Any:
    return streamed(model, messages) if is_streamed else model.invoke(messages)


class TestOpenAIWire:
    def test_the_sdk_lists_the_models(self, sdk: openai.OpenAI) -> None:
        assert [model.id for model in sdk.models.list()] == ["fake-1", "fake-2"]

    def test_the_sdk_gets_an_answer_with_exact_usage(self, sdk: openai.OpenAI) -> None:
        answer = sdk.chat.completions.create(**body_for("fake-1@pt=31@ct=7"))
        assert answer.choices[0].message.content == "Fake answer 1. MARK-a1 MARK-b2"
        assert answer.choices[0].finish_reason == "stop"
        assert answer.usage
        assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (31, 7)
        assert answer.usage.prompt_tokens_details
        assert answer.usage.prompt_tokens_details.cached_tokens == 10

    @pytest.mark.parametrize("asks", [True, False])
    def test_a_stream_has_usage_only_when_asked(self, sdk: openai.OpenAI, asks: bool) -> None:
        more: dict[str, Any] = {"stream_options": {"include_usage": True}} if asks else {}
        chunks = list(
            sdk.chat.completions.create(**body_for("x@text=one%20two%20three@chunks=3"), stream=True, **more)
        )
        texts = [choice.delta.content for chunk in chunks for choice in chunk.choices if choice.delta.content]
        assert len(texts) == 3
        assert "".join(texts) == "one two three"
        assert [chunk.usage.total_tokens for chunk in chunks if chunk.usage] == ([120] if asks else [])

    def test_an_old_server_refuses_stream_options_and_answers_without(
        self, fake: FakeModelServer, sdk: openai.OpenAI
    ) -> None:
        fake.options.reject_stream_options = True
        with pytest.raises(openai.BadRequestError) as refused:
            sdk.chat.completions.create(**body_for(), stream=True, stream_options={"include_usage": True})
        assert refused.value.param == "stream_options"
        assert list(sdk.chat.completions.create(**body_for(), stream=True))
        assert fake.totals().calls == 1

    def test_a_json_schema_gets_an_instance(self, sdk: openai.OpenAI) -> None:
        answer = sdk.chat.completions.parse(**body_for(), response_format=Verdict)
        assert answer.choices[0].message.parsed == Verdict(title="x", score=3, reviewer="x")

    def test_no_usage_when_the_provider_hides_it_but_it_is_billed(
        self, fake: FakeModelServer, sdk: openai.OpenAI
    ) -> None:
        assert sdk.chat.completions.create(**body_for("fake-1@usage=none")).usage is None
        assert fake.totals() == (1, 100, 20)

    def test_a_forced_tool_is_called_and_a_forbidden_one_is_not(self, http: httpx.Client) -> None:
        tools = [{"type": "function", "function": {"name": name}} for name in ("first", "second")]
        choice = {"type": "function", "function": {"name": "second"}}
        forced = chat(http, tools=tools, tool_choice=choice).json()["choices"][0]["message"]
        assert forced["tool_calls"][0]["function"] == {"name": "second", "arguments": "{}"}
        forbidden = chat(http, "x@tool=1", tools=tools, tool_choice="none").json()["choices"][0]["message"]
        assert "tool_calls" not in forbidden

    def test_arguments_are_sent_as_told_even_when_broken(self, http: httpx.Client) -> None:
        tools = [{"type": "function", "function": {"name": "first"}}]
        model = f"x@tool=1@toolname=unheard_of@args={quote('{broken', safe='')}"
        message = chat(http, model, tools=tools).json()["choices"][0]["message"]
        assert message["tool_calls"][0]["function"] == {"name": "unheard_of", "arguments": "{broken"}


class TestOllamaWire:
    def test_it_says_its_models_and_version(self, http: httpx.Client) -> None:
        assert [model["model"] for model in http.get("/api/tags").json()["models"]] == ["fake-1", "fake-2"]
        assert http.get("/api/version").json()["version"]

    def test_it_streams_unless_told_not_to(self, http: httpx.Client) -> None:
        lines = [json.loads(line) for line in http.post("/api/chat", json=body_for()).text.splitlines()]
        assert [line["done"] for line in lines[-2:]] == [False, True]
        assert lines[-1]["prompt_eval_count"] == 100
        assert not any("eval_count" in line for line in lines[:-1])
        assert http.post("/api/chat", json=body_for(stream=False)).json()["eval_count"] == 20

    def test_an_unknown_model_is_not_found(self, fake: FakeModelServer) -> None:
        fake.options.strict_models = True
        with pytest.raises(ResponseError, match="model 'nope' not found") as missing:
            chat_ollama(fake, "nope").invoke("hello")
        assert missing.value.status_code == 404
        assert chat_ollama(fake, "fake-1@text=yes").invoke("hello").content == "yes"


@pytest.mark.parametrize("is_streamed", [False, True], ids=["invoke", "stream"])
@pytest.mark.parametrize("make", [chat_openai, chat_ollama])
class TestLangChain:
    def test_it_gets_text_and_exact_usage(self, fake: FakeModelServer, make: Any, is_streamed: bool) -> None:
        answer = asked(make(fake, "fake-1@text=Good%20day"), [HumanMessage("hello")], is_streamed)
        assert answer.text == "Good day"
        assert {name: answer.usage_metadata[name] for name in USAGE} == USAGE
        assert fake.totals() == (1, 100, 20)
        assert fake.requests[0].stream == (is_streamed or make is chat_ollama)

    def test_it_calls_tools_in_turn_and_then_answers(
        self, fake: FakeModelServer, make: Any, is_streamed: bool
    ) -> None:
        model = make(fake, "fake-1@tool=2").bind_tools([price_of, stock_of])
        messages: list[Any] = [HumanMessage("how much? MARK-round")]
        called = []
        while True:
            answer = asked(model, messages, is_streamed)
            assert answer.usage_metadata["total_tokens"] == 120
            if not answer.tool_calls:
                break
            (call,) = answer.tool_calls
            called.append((call["name"], call["args"]))
            result = {"price_of": price_of, "stock_of": stock_of}[call["name"]].invoke(call["args"])
            messages += [
                AIMessage(content="", tool_calls=answer.tool_calls),
                ToolMessage(result, tool_call_id=call["id"]),
            ]
        assert called == [("price_of", {"item": "x"}), ("stock_of", {"item": "x"})]
        assert answer.text == "Fake answer 3. MARK-round"
        assert [record.message_count for record in fake.requests] == [1, 3, 5]
        assert fake.requests[0].tool_names == ["price_of", "stock_of"]
        assert fake.totals() == (3, 300, 60)

    def test_it_calls_the_named_tool_with_the_given_arguments(
        self, fake: FakeModelServer, make: Any, is_streamed: bool
    ) -> None:
        wanted = {"item": "tea @ home", "count": 2}
        name = f"fake-1@tool=1@toolname=price_of@args={quote(json.dumps(wanted), safe='')}"
        model = make(fake, name).bind_tools([stock_of, price_of])
        answer = asked(model, [HumanMessage("buy")], is_streamed)
        assert [(call["name"], call["args"]) for call in answer.tool_calls] == [("price_of", wanted)]


def test_structured_output_through_langchain(fake: FakeModelServer) -> None:
    for make in (chat_openai, chat_ollama):
        verdict = make(fake, "fake-1").with_structured_output(Verdict, method="json_schema").invoke("judge")
        assert verdict == Verdict(title="x", score=3, reviewer="x")


class TestKeys:
    @pytest.fixture(autouse=True)
    def only_alice(self, fake: FakeModelServer) -> None:
        fake.valid_keys = {ALICES_KEY}

    def test_alice_is_served(self, fake: FakeModelServer, sdk: openai.OpenAI) -> None:
        assert list(sdk.models.list())
        assert sdk.chat.completions.create(**body_for()).choices
        assert {record.key for record in fake.requests} == {ALICES_KEY}

    def test_charlie_is_refused_everywhere(self, fake: FakeModelServer, sdk: openai.OpenAI) -> None:
        charlie = sdk.with_options(api_key="sk-charlie-0123456789")
        with pytest.raises(openai.AuthenticationError) as on_models:
            charlie.models.list()
        with pytest.raises(openai.AuthenticationError) as on_chat:
            charlie.chat.completions.create(**body_for())
        assert on_models.value.code == on_chat.value.code == "invalid_api_key"
        assert "sk-charlie-0123456789" not in on_chat.value.message
        assert [record.outcome for record in fake.requests] == ["fault", "fault"]
        assert fake.totals("sk-charlie-0123456789").calls == 0

    def test_a_local_ollama_needs_no_key_but_refuses_a_wrong_one(self, http: httpx.Client) -> None:
        assert http.get("/api/tags").status_code == 200
        refused = http.get("/api/tags", headers={"authorization": "Bearer wrong"})
        assert (refused.status_code, refused.json()) == (401, {"error": "unauthorized"})


class TestFaults:
    @pytest.mark.parametrize(
        ("fault", "error", "code"),
        [
            ("401", openai.AuthenticationError, "invalid_api_key"),
            ("403", openai.PermissionDeniedError, "unsupported_country_region_territory"),
            ("404", openai.NotFoundError, "model_not_found"),
            ("429", openai.RateLimitError, "rate_limit_exceeded"),
            ("quota", openai.RateLimitError, "insufficient_quota"),
            ("500", openai.InternalServerError, None),
            ("503", openai.InternalServerError, None),
            ("ctx", openai.BadRequestError, "context_length_exceeded"),
        ],
    )
    @pytest.mark.parametrize("stream", [False, True])
    def test_a_refusal_is_the_sdks_own_error(
        self,
        fake: FakeModelServer,
        sdk: openai.OpenAI,
        fault: str,
        error: type[openai.APIStatusError],
        code: str | None,
        stream: bool,
    ) -> None:
        with pytest.raises(error) as refused:
            sdk.chat.completions.create(**body_for(f"fake-1@fault={fault}"), stream=stream)
        assert refused.value.code == code
        assert fake.requests[0].outcome == "fault"
        assert fake.totals() == (0, 0, 0)

    @pytest.mark.parametrize(
        ("fault", "status"),
        [("401", 401), ("403", 403), ("404", 404), ("429", 429), ("quota", 429), ("500", 500), ("503", 503)],
    )
    def test_ollama_refuses_in_its_own_words(self, http: httpx.Client, fault: str, status: int) -> None:
        refused = http.post("/api/chat", json=body_for(f"fake-1@fault={fault}"))
        assert refused.status_code == status
        assert isinstance(refused.json()["error"], str)

    def test_the_first_requests_of_each_key_fail(self, fake: FakeModelServer, http: httpx.Client) -> None:
        model = "fake-1@fault=429@fail_first=2@retry_after=3"
        answers = [chat(http, model, key) for key in ("sk-a", "sk-a", "sk-a", "sk-b")]
        assert [answer.status_code for answer in answers] == [429, 429, 200, 429]
        assert [answer.headers.get("retry-after") for answer in answers] == ["3", "3", None, "3"]
        assert fake.totals() == (1, 100, 20)

    def test_the_sdks_own_retry_gets_through(self, fake: FakeModelServer, sdk: openai.OpenAI) -> None:
        fake.options.fail_first, fake.options.retry_after = 1, 0.01
        assert sdk.with_options(max_retries=1).chat.completions.create(**body_for()).choices
        assert [record.outcome for record in fake.requests] == ["fault", "answered"]

    def test_latency_and_hang(self, fake: FakeModelServer, http: httpx.Client) -> None:
        started = time.monotonic()
        assert chat(http, "fake-1@latency=150").status_code == 200
        assert time.monotonic() - started >= 0.15
        with pytest.raises(httpx.ReadTimeout):
            http.post("/v1/chat/completions", json=body_for("fake-1@fault=hang"), timeout=0.2)
        assert fake.wait_for(2, finished=True)[1].outcome == "client_gone"

    def test_a_closed_connection(self, fake: FakeModelServer, http: httpx.Client) -> None:
        with pytest.raises(httpx.RemoteProtocolError):
            chat(http, "fake-1@fault=close")
        assert fake.wait_for(1, finished=True)[0].outcome == "fault"

    @pytest.mark.parametrize("stream", [False, True])
    def test_an_answer_that_breaks_off(self, fake: FakeModelServer, http: httpx.Client, stream: bool) -> None:
        with pytest.raises(httpx.RemoteProtocolError, match="incomplete chunked read"):
            chat(http, "fake-1@fault=half", stream=stream)
        assert fake.wait_for(1, finished=True)[0].outcome == "fault"
        assert fake.totals().calls == 0

    def test_a_page_instead_of_json(self, http: httpx.Client) -> None:
        answer = chat(http, "fake-1@fault=badjson")
        assert answer.status_code == 200
        with pytest.raises(json.JSONDecodeError):
            answer.json()

    def test_a_redirect_shows_who_follows_it(self, fake: FakeModelServer, http: httpx.Client) -> None:
        stayed = chat(http, "fake-1@fault=redirect")
        assert (stayed.status_code, stayed.headers["location"]) == (307, "/redirected")
        http.follow_redirects = True
        chat(http, "fake-1@fault=redirect")
        assert [record.path for record in fake.requests[2:]] == ["/redirected"]

    def test_a_huge_body_stops_when_the_client_has_had_enough(
        self, fake: FakeModelServer, http: httpx.Client
    ) -> None:
        fake.options.fault = "huge"
        with http.stream("GET", "/v1/models") as answer:
            read = 0
            for piece in answer.iter_bytes():
                read += len(piece)
                if read > 1_000_000:
                    break
        assert fake.wait_for(1, finished=True)[0].outcome == "client_gone"

    def test_a_huge_body_ends(self, http: httpx.Client) -> None:
        assert len(chat(http, "fake-1@fault=huge@huge_mb=3").content) == pytest.approx(3 * 1024**2, rel=0.05)

    @pytest.mark.parametrize("stream", [False, True])
    def test_a_dripping_answer_is_slow_but_whole(
        self, fake: FakeModelServer, http: httpx.Client, stream: bool
    ) -> None:
        whole = chat(http, "fake-1@fault=drip@gap=0.01@text=slow", stream=stream)
        assert "slow" in whole.text
        assert fake.totals().calls == 1

    def test_a_dripping_list_outlasts_a_patient_read_timeout(
        self, fake: FakeModelServer, http: httpx.Client
    ) -> None:
        fake.options.fault = "drip"
        with http.stream("GET", "/v1/models", timeout=5) as answer:
            assert [len(piece) for piece, _ in zip(answer.iter_bytes(), range(3), strict=False)] == [1, 1, 1]
        assert fake.wait_for(1, finished=True)[0].outcome == "client_gone"

    def test_a_server_wide_fault_can_spare_the_list_of_models(
        self, fake: FakeModelServer, http: httpx.Client
    ) -> None:
        fake.options.fault = "503"
        assert [http.get("/v1/models").status_code, chat(http).status_code] == [503, 503]
        fake.options.fault_on = "chat"
        assert [http.get("/v1/models").status_code, chat(http).status_code] == [200, 503]

    @pytest.mark.parametrize("model", ["x@speed=3", "x@fault=boom", "x@latency=soon", "x@valid_keys=k"])
    def test_a_misspelt_option_is_told(self, http: httpx.Client, model: str) -> None:
        answer = chat(http, model)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "fake_misused")

    def test_an_at_sign_may_be_part_of_a_models_name(self, http: httpx.Client) -> None:
        assert chat(http, "sonnet@20260101@pt=3").json()["usage"]["prompt_tokens"] == 3


class TestLog:
    def test_a_request_is_written_down(self, fake: FakeModelServer, http: httpx.Client) -> None:
        chat(http, stream=True)
        (record,) = fake.requests
        assert (record.n, record.path, record.key) == (1, "/v1/chat/completions", ALICES_KEY)
        assert (record.model, record.stream, record.message_count) == ("fake-1", True, 1)
        assert record.markers == ["MARK-a1", "MARK-b2"]
        assert (record.outcome, record.tokens_in, record.tokens_out) == ("answered", 100, 20)
        assert json.loads(record.body)["model"] == "fake-1"
        assert abs(record.at - time.time()) < 5

    def test_totals_count_answered_chats_only_and_per_key(self, fake: FakeModelServer, http: httpx.Client) -> None:
        http.get("/v1/models")
        chat(http, "x@pt=1@ct=2", "sk-a")
        chat(http, "x@pt=10@ct=20", "sk-b")
        chat(http, "x@fault=500", "sk-b")
        assert http.get("/nowhere").status_code == 404
        assert fake.totals() == (2, 11, 22)
        assert fake.totals("sk-b") == (1, 10, 20)
        assert (len(fake.requests), len(fake.chats)) == (5, 3)

    @pytest.mark.parametrize("path", ["/v1/chat/completions", "/api/chat"])
    def test_a_client_that_leaves_mid_stream_is_noticed_and_not_billed(
        self, fake: FakeModelServer, http: httpx.Client, path: str
    ) -> None:
        with http.stream("POST", path, json=body_for("fake-1@gap=60000", stream=True)) as answer:
            next(answer.iter_lines())
        assert fake.wait_for(1, timeout_seconds=30, finished=True)[0].outcome == "client_gone"
        assert fake.totals() == (0, 0, 0)

    def test_leaving_a_langchain_stream_is_noticed(self, fake: FakeModelServer) -> None:
        with closing(chat_openai(fake, "fake-1@gap=300").stream("hello")) as stream:  # type: ignore[type-var]
            next(stream)
        assert fake.wait_for(1, finished=True)[0].outcome == "client_gone"

    def test_connections_are_kept_and_counted(self, fake: FakeModelServer, http: httpx.Client) -> None:
        for _ in range(3):
            chat(http)
            chat(http, stream=True)
        assert fake.accepted_connections == 1
        with httpx.Client(base_url=fake.base_url) as other:
            chat(other)
        assert fake.accepted_connections == 2

    def test_a_body_sent_in_chunks_is_read(self, fake: FakeModelServer, http: httpx.Client) -> None:
        pieces = iter([json.dumps(body_for()).encode()[:20], json.dumps(body_for()).encode()[20:]])
        assert http.post("/v1/chat/completions", content=pieces).status_code == 200
        assert fake.requests[0].markers == ["MARK-a1", "MARK-b2"]

    def test_waiting_in_vain_says_what_was_seen(self, fake: FakeModelServer, http: httpx.Client) -> None:
        http.get("/v1/models")
        with pytest.raises(TimeoutError, match="/v1/models"):
            fake.wait_for(2, timeout_seconds=0.05)

    def test_reset_forgets_everything(self, fake: FakeModelServer, http: httpx.Client) -> None:
        fake.options.fault = "429"
        chat(http)
        fake.reset()
        assert (fake.requests, fake.options.fault, fake.accepted_connections) == ([], "", 0)
        assert chat(http).status_code == 200


def test_requests_at_the_same_time_are_served_at_the_same_time(fake: FakeModelServer) -> None:
    messages = [[HumanMessage(f"MARK-{number}")] for number in range(20)]
    fake.options.hold = "fake-1"
    with ThreadPoolExecutor(1) as pool:
        batch = pool.submit(chat_openai(fake, "fake-1").batch, messages, {"max_concurrency": 20})  # type: ignore[arg-type]
        try:
            fake.wait_for(20)
        finally:
            fake.options.hold = ""
        answers = batch.result()
    assert all(f"MARK-{number}" in answer.text.split() for number, answer in enumerate(answers))
    assert fake.max_in_flight == 20
    assert fake.totals() == (20, 2000, 400)


def test_two_servers_do_not_share_anything(fake: FakeModelServer, http: httpx.Client) -> None:
    with FakeModelServer(models=("other",), valid_keys={"sk-other"}) as other:
        assert other.port != fake.port
        assert httpx.get(f"{other.openai_url}/models").status_code == 401
        chat(http)
        assert (len(other.requests), len(fake.requests)) == (1, 1)


def test_a_port_in_use_is_told(fake: FakeModelServer) -> None:
    with pytest.raises(OSError, match="address already in use"):
        FakeModelServer(port=fake.port).start()


def test_stopping_ends_open_requests(fake: FakeModelServer) -> None:
    with FakeModelServer() as other, httpx.Client(base_url=other.base_url, timeout=5) as client:
        with client.stream("POST", "/api/chat", json=body_for("x@gap=60000")):
            other.stop()
        assert other.requests[0].outcome == "client_gone"


def test_another_process_is_controlled_over_http() -> None:
    command = [sys.executable, "-W", "error", "-m", "tests.fakes.model_server", "--port", "0"]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            port = json.loads(process.stdout.readline())["port"]
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False) as client:
                assert client.get("/_options?pt=5&fault=429&models=a,b").json()["models"] == ["a", "b"]
                assert chat(client).status_code == 429
                assert client.get("/_options?fault=boom").status_code == 400
                client.get("/_options?fault=")
                assert chat(client).status_code == 200
                totals = client.get("/_totals").json()
                assert {"calls": 1, "tokens_in": 5, "tokens_out": 20, "requests": 2}.items() <= totals.items()
                assert [record["outcome"] for record in client.get("/_log").json()] == ["fault", "answered"]
                client.get("/_reset")
                assert client.get("/_log").json() == []
        finally:
            process.terminate()
            process.wait(timeout=10)
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("schema", "instance"),
    [
        ({"type": "object", "properties": {"a": {"type": "integer"}, "b": {}}, "required": ["a"]}, {"a": 1}),
        ({"properties": {"a": {"type": ["null", "boolean"]}, "b": {"const": 4}}}, {"a": True, "b": 4}),
        ({"type": "array", "items": {"enum": ["red", "blue"]}, "minItems": 2}, ["red", "red"]),
        ({"$ref": "#/$defs/D", "$defs": {"D": {"type": "number", "exclusiveMinimum": 4}}}, 5.0),
        (
            {"allOf": [{"properties": {"a": {"type": "null"}}}, {"properties": {"b": {}}}]},
            {"a": None, "b": "x"},
        ),
        ({"type": "string", "format": "date"}, "2026-01-01"),
        ({}, "x"),
    ],
)
def test_the_smallest_instance_of_a_schema(schema: dict[str, Any], instance: Any) -> None:
    assert minimal_instance(schema) == instance


def test_a_schema_that_contains_itself_ends() -> None:
    node = {
        "type": "object",
        "properties": {"next": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]}},
        "required": ["next"],
    }
    assert json.dumps(minimal_instance({"$ref": "#/$defs/Node", "$defs": {"Node": node}})).endswith(
        "null" + "}" * 3
    )
