"""The real clients of other tools' protocols talk to our agents: OpenAI's, LangChain's and MCP's."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import pairwise
from typing import Any

import anyio
import anyio.to_thread
import httpx
import openai
import pytest
from langchain_openai import ChatOpenAI
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.types import (
    CallToolResult,
    CancelledNotification,
    CancelledNotificationParams,
    ClientNotification,
    Tool,
)
from openai import OpenAI
from openai.types.chat import ChatCompletionChunk

from core.accounts.models import User
from core.config import ROOT
from tests.support.databases import SqliteTemplates
from tests.support.protocols import Served, served
from tests.support.worker import wait_until

HOUR = timedelta(hours=1)
SLOW = "fake-1@gap=200@chunks=20@text=One two three four five six seven eight nine ten."


@pytest.fixture(scope="module")
def desk(sqlite_templates: SqliteTemplates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(sqlite_templates, tmp_path_factory.mktemp("protocols")) as found:
        yield found


@pytest.fixture(scope="module")
def client(desk: Served) -> OpenAI:
    return OpenAI(base_url=desk.openai_url, api_key=desk.token(), timeout=300)


@pytest.fixture(scope="module")
def bob(desk: Served) -> User:
    return desk.core.accounts.register("bob@example.com", "Bob", "correct horse battery staple")


def said(text: str) -> list[Any]:
    return [{"role": "user", "content": text}]


def text_of(chunks: list[ChatCompletionChunk]) -> str:
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def test_models_are_the_agents_that_the_caller_may_run(desk: Served, client: OpenAI, bob: User) -> None:
    agent_id = desk.at.agent("fake-1", name="Clerk of models")
    found = {model.id: model for model in client.models.list()}
    assert found[agent_id].owned_by == "Alice"
    assert found[agent_id].model_extra is not None
    assert found[agent_id].model_extra["name"] == "Clerk of models"
    assert client.models.retrieve(agent_id).id == agent_id
    bobs = desk.core.tokens.create(bob, "t", ["agents:read", "runs:write"], 1).secret.get_secret_value()
    stranger = OpenAI(base_url=desk.openai_url, api_key=bobs)
    assert list(stranger.models.list()) == []
    with pytest.raises(openai.NotFoundError):
        stranger.models.retrieve(agent_id)
    with pytest.raises(openai.NotFoundError):
        stranger.chat.completions.create(model=agent_id, messages=said("Hello"))
    assert desk.runs_of(agent_id) == []


def test_an_answer_is_a_run_with_its_real_usage(desk: Served, client: OpenAI) -> None:
    agent_id = desk.at.agent("fake-1@tool=1@text=It is 42.", name="Reckoner", tools=["calculator"])
    raw = client.chat.completions.with_raw_response.create(
        model="Reckoner", messages=said("What is it?"), temperature=0.9, user="somebody", seed=1
    )
    answer = raw.parse()
    run = desk.only_run(agent_id)
    assert (answer.id, answer.model, raw.headers["x-run-id"]) == (run.id, agent_id, run.id)
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == ("It is 42.", "stop")
    # Two calls of the model, one before and one after the tool.
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (200, 40)
    assert answer.usage.model_extra == {"cost_micros": run.totals.cost_micros}
    assert run.inputs == {"input": "What is it?"}
    root = desk.core.accounts.create_user("root@example.com", "Root", "correct horse battery staple", "admin")
    (entry,) = desk.core.audit.search(root, run.created_at - HOUR, run.created_at + HOUR, run.id)
    assert (entry.action, entry.address, entry.request_id) == ("run.started", "127.0.0.1", raw.request_id)
    assert entry.actor_email.startswith("API token ")
    assert entry.on_behalf_of == "alice@example.com"


def test_a_stream_brings_the_answer_while_it_is_written(desk: Served, client: OpenAI) -> None:
    agent_id = desk.at.agent(SLOW.replace("gap=200", "gap=600"))  # it lasts, so that we are there before its end
    stream = client.chat.completions.create(
        model=agent_id, messages=said("Count"), stream=True, stream_options={"include_usage": True}
    )
    chunks = []
    for chunk in stream:
        if not text_of(chunks) and text_of([chunk]):
            (run,) = desk.runs_of(agent_id)
            assert run.is_active
        chunks.append(chunk)
    run = desk.only_run(agent_id)
    assert text_of(chunks) == run.output == "One two three four five six seven eight nine ten."
    assert len([chunk for chunk in chunks if text_of([chunk])]) > 2
    assert {chunk.id for chunk in chunks} == {run.id}
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert chunks[-1].usage is not None
    assert (chunks[-1].usage.total_tokens, chunks[-1].choices) == (120, [])
    assert {chunk.usage for chunk in chunks[:-1]} == {None}


def test_an_agent_with_tools_streams_its_answer_and_no_thoughts(desk: Served, client: OpenAI) -> None:
    agent_id = desk.at.agent("fake-1@tool=1@text=It is 42.", tools=["calculator"])
    chunks = list(client.chat.completions.create(model=agent_id, messages=said("What?"), stream=True))
    assert text_of(chunks) == "It is 42."


def test_a_conversation_becomes_a_transcript(desk: Served, client: OpenAI) -> None:
    agent_id = desk.at.agent("fake-1")
    conversation: list[Any] = [
        {"role": "system", "content": "Be short."},
        {"role": "user", "content": [{"type": "text", "text": "My name is Ada."}]},
        {"role": "assistant", "content": "Hello Ada."},
        {"role": "user", "content": "What is my name?"},
    ]
    client.chat.completions.create(model=agent_id, messages=conversation)
    written = desk.only_run(agent_id).inputs["input"]
    assert "System:\nBe short.\n\nUser:\nMy name is Ada.\n\nAssistant:\nHello Ada." in written
    assert written.endswith("\n\nWhat is my name?")


def test_what_cannot_be_done_is_refused_in_openais_words(desk: Served, client: OpenAI) -> None:
    agent_id = desk.at.agent("fake-1")
    image: Any = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]}]
    formed: Any = {"type": "json_schema", "json_schema": {"name": "x", "schema": {}}}
    for named, param, sentence in (
        ({"messages": image}, "messages[0].content[0]", "Agents read text"),
        ({"n": 2}, "n", "one answer"),
        ({"logprobs": True}, "logprobs", "no log probabilities"),
        ({"response_format": formed}, "response_format", "answer in text"),
        ({"tool_choice": "required", "tools": []}, "tool_choice", "their own tools"),
    ):
        with pytest.raises(openai.UnprocessableEntityError, match=sentence) as caught:
            client.chat.completions.create(**{"model": agent_id, "messages": said("Hello"), **named})
        assert (caught.value.code, caught.value.param) == ("invalid", param)
    with pytest.raises(openai.NotFoundError) as unknown:
        client.chat.completions.create(model="nobody", messages=said("Hello"))
    assert unknown.value.code == "not_found"
    with pytest.raises(openai.NotFoundError):
        client.embeddings.create(model=agent_id, input="x")
    for token, kind, code in (
        ("zoark_" + "0" * 49, openai.AuthenticationError, "not_signed_in"),
        (desk.token(["agents:read"]), openai.PermissionDeniedError, "scope_missing"),
    ):
        with pytest.raises(kind) as refused:
            client.with_options(api_key=token).chat.completions.create(model=agent_id, messages=said("Hello"))
        assert refused.value.code == code
    assert desk.runs_of(agent_id) == []


@pytest.mark.parametrize(
    ("model", "named", "status", "code"),
    [
        ("fake-1@fault=401", {}, 424, "bad_key"),
        ("fake-1@fault=ctx", {}, 400, "context_too_long"),
        ("fake-1", {"extra_body": {"budget_micros": 1}}, 402, "budget_exceeded"),
    ],
)
def test_a_run_that_fails_is_an_error_with_its_code_and_no_second_run(
    desk: Served, client: OpenAI, model: str, named: dict[str, Any], status: int, code: str
) -> None:
    agent_id = desk.at.agent(model)
    with pytest.raises(openai.APIStatusError) as caught:
        client.chat.completions.create(model=agent_id, messages=said("Hello"), **named)
    run = desk.only_run(agent_id)
    assert run.error is not None
    assert (caught.value.status_code, caught.value.code, caught.value.request_id is not None) == (
        status,
        code,
        True,
    )
    assert caught.value.response.headers["x-run-id"] == run.id
    assert run.error.message in caught.value.message
    with pytest.raises(openai.APIError) as in_stream:
        list(client.chat.completions.create(model=agent_id, messages=said("Hello"), stream=True, **named))
    assert in_stream.value.code == code
    assert len(desk.runs_of(agent_id)) == 2


@pytest.mark.parametrize("is_streamed", [True, False])
def test_a_run_is_cancelled_when_its_client_goes_away(desk: Served, client: OpenAI, is_streamed: bool) -> None:
    agent_id = desk.at.agent("fake-1@latency=60000")
    if is_streamed:
        stream = client.chat.completions.create(model=agent_id, messages=said("Hello"), stream=True)
        desk.is_asked(agent_id)
        stream.close()
    else:
        hasty = client.with_options(timeout=3, max_retries=0)
        with pytest.raises(openai.APITimeoutError):
            hasty.chat.completions.create(model=agent_id, messages=said("Hello"))
        wait_until(lambda: desk.runs_of(agent_id), 60, "the run of a client that did not wait for it")
    assert desk.only_run(agent_id).status == "cancelled"


def test_a_token_that_is_revoked_ends_what_is_open(desk: Served) -> None:
    agent_id = desk.at.agent("fake-1@latency=60000")
    made = desk.core.tokens.create(desk.alice, "short", ["runs:write"], 1)
    client = OpenAI(base_url=desk.openai_url, api_key=made.secret.get_secret_value(), timeout=300)
    stream = client.chat.completions.create(model=agent_id, messages=said("Hello"), stream=True)
    desk.core.tokens.revoke(desk.alice, made.token.id)
    with pytest.raises(openai.APIError) as caught:
        list(stream)
    assert caught.value.code == "not_signed_in"
    assert desk.only_run(agent_id).status == "cancelled"


def test_langchain_asks_and_streams(desk: Served) -> None:
    agent_id = desk.at.agent(SLOW.replace("gap=200", "gap=20"))
    chat = ChatOpenAI(model=agent_id, base_url=desk.openai_url, api_key=desk.token(), stream_usage=True)  # type: ignore[arg-type]
    answer = chat.invoke([("system", "Count."), ("user", "Now")])
    assert answer.content == "One two three four five six seven eight nine ten."
    assert answer.usage_metadata is not None
    assert answer.usage_metadata["total_tokens"] == 120
    pieces = list(chat.stream("Now"))
    assert "".join(str(piece.content) for piece in pieces) == answer.content
    assert sum((piece.usage_metadata or {}).get("total_tokens", 0) for piece in pieces) == 120
    wait_until(lambda: not any(run.is_active for run in desk.runs_of(agent_id)), 60, "both runs have ended")
    assert {run.status for run in desk.runs_of(agent_id)} == {"succeeded"}


# --- workflows ----------------------------------------------------------------------------------------


def workflow(desk: Served, name: str, fields: list[dict[str, Any]], *between: dict[str, Any]) -> str:
    """Publish a workflow that asks an agent, and then does what stands ``between`` that and its output."""
    task = " ".join(f"{{{{{field['name']}}}}}" for field in fields)
    agent_id = desk.at.agent("fake-1@text=Dear guest.", name=f"Clerk of {name}")
    nodes = [
        {"id": "start", "kind": "input", "fields": fields},
        {"id": "clerk", "kind": "agent", "agent_id": agent_id, "task": task},
        *between,
        {"id": "end", "kind": "output", "name": "answer", "format": "text", "value": "{{clerk}}"},
    ]
    edges = [
        {"source": a["id"], "target": b["id"], **({"when": "approved"} if a["kind"] == "approval" else {})}
        for a, b in pairwise(nodes)
    ]
    made = desk.core.workflows.create(
        desk.alice, name, "hr", f"{name} for guests", {"nodes": nodes, "edges": edges}
    )
    desk.core.workflows.publish(desk.alice, made.id)
    return made.id


WIDE = ["agents:read", "workflows:read", "runs:write"]
TEXT = {"name": "letter", "type": "text", "help": "The whole letter"}
AMOUNT = {"name": "amount", "type": "number"}


def run_of(desk: Served, workflow_id: str) -> Any:
    return next(run for run in desk.core.runs.list(desk.alice) if run.workflow_id == workflow_id)


def test_a_published_workflow_is_a_model(desk: Served, client: OpenAI, bob: User) -> None:
    workflow_id = workflow(desk, "Answer letters", [TEXT])
    wide = client.with_options(api_key=desk.token(WIDE))
    assert wide.models.retrieve(workflow_id).model_extra["name"] == "Answer letters"  # type: ignore[index]
    assert workflow_id not in {model.id for model in client.models.list()}
    conversation: list[Any] = [{"role": "system", "content": "Be short."}, *said("Hello")]
    for model in (workflow_id, "Answer letters"):
        answer = client.chat.completions.create(model=model, messages=conversation)
        run = run_of(desk, workflow_id)
        assert (answer.id, answer.model, answer.choices[0].message.content) == (run.id, workflow_id, "Dear guest.")
        assert (run.inputs, run.outputs) == ({"letter": "Hello"}, {"answer": "Dear guest."})
        assert answer.usage is not None
        assert answer.usage.total_tokens == 120
    chunks = list(client.chat.completions.create(model=workflow_id, messages=said("Hello"), stream=True))
    assert text_of(chunks) == "Dear guest."
    bobs = desk.core.tokens.create(bob, "w", WIDE, 1).secret.get_secret_value()
    stranger = client.with_options(api_key=bobs)
    assert list(stranger.models.list()) == []
    with pytest.raises(openai.NotFoundError):
        stranger.chat.completions.create(model=workflow_id, messages=said("Hello"))


def test_several_inputs_of_a_workflow_are_a_json_object(desk: Served, client: OpenAI) -> None:
    workflow_id = workflow(desk, "Check invoices", [TEXT, AMOUNT])
    client.chat.completions.create(model=workflow_id, messages=said('{"letter": "Pay", "amount": "5,000"}'))
    assert run_of(desk, workflow_id).inputs == {"letter": "Pay", "amount": 5000}
    for text, sentence in (("Pay", "JSON object with: letter, amount"), ('{"letter": "Pay"}', "amount is missing")):
        with pytest.raises(openai.UnprocessableEntityError, match=sentence):
            client.chat.completions.create(model=workflow_id, messages=said(text))


def test_a_workflow_that_waits_for_a_person_says_so_and_goes_on(desk: Served, client: OpenAI) -> None:
    approver = {"kind": "person", "id": desk.alice.id}
    approval = {"id": "ask", "kind": "approval", "title": "Send it?", "approver": approver, "show": ["clerk"]}
    workflow_id = workflow(desk, "Send letters", [TEXT], approval)
    answer = client.chat.completions.create(model=workflow_id, messages=said("Hello"))
    assert answer.id in str(answer.choices[0].message.content)
    assert "waits for somebody's decision" in str(answer.choices[0].message.content)
    chunks = list(client.chat.completions.create(model=workflow_id, messages=said("Hello"), stream=True))
    assert chunks[0].id in text_of(chunks)

    async def call(session: ClientSession) -> CallToolResult:
        return await session.call_tool("send_letters", {"letter": "Hello"})

    result = with_client(desk, call, desk.token(WIDE))
    assert (result.isError, result.structuredContent["status"]) == (False, "waiting")  # type: ignore[index]
    waiting = [answer.id, chunks[0].id, result.structuredContent["run_id"]]  # type: ignore[index]
    assert [desk.core.runs.get(desk.alice, run_id).status for run_id in waiting] == ["waiting"] * 3
    for run_id in waiting:
        desk.core.runs.cancel(desk.alice, run_id)


def test_a_published_workflow_is_a_tool_with_its_inputs_as_arguments(desk: Served) -> None:
    optional = {**AMOUNT, "name": "most", "is_required": False}
    workflow_id = workflow(desk, "Judge letters", [TEXT, AMOUNT, optional])

    async def use(session: ClientSession) -> tuple[dict[str, Tool], CallToolResult, CallToolResult]:
        tools = {tool.name: tool for tool in (await session.list_tools()).tools}
        right = await session.call_tool("judge_letters", {"letter": "Hello", "amount": 3})
        return tools, right, await session.call_tool("judge_letters", {"letter": "Hello"})

    tools, right, wrong = with_client(desk, use, desk.token(WIDE))
    tool = tools["judge_letters"]
    assert (tool.meta, tool.description) == ({"zoark/workflow_id": workflow_id}, "Judge letters for guests")
    assert tool.inputSchema == {
        "type": "object",
        "properties": {
            "letter": {"type": "string", "description": "The whole letter"},
            "amount": {"type": "number"},
            "most": {"type": "number"},
        },
        "required": ["letter", "amount"],
        "additionalProperties": False,
    }
    assert right.content[0].text == "Dear guest."
    assert right.structuredContent["outputs"] == {"answer": "Dear guest."}
    assert run_of(desk, workflow_id).inputs == {"letter": "Hello", "amount": 3, "most": None}
    assert wrong.isError

    async def listed(session: ClientSession) -> set[str]:
        return {tool.name for tool in (await session.list_tools()).tools}

    assert "judge_letters" not in with_client(desk, listed)


# --- MCP ----------------------------------------------------------------------------------------------


@asynccontextmanager
async def connected(desk: Served, token: str) -> AsyncIterator[ClientSession]:
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        httpx.AsyncClient(headers=headers, timeout=60) as http,
        streamable_http_client(desk.mcp_url, http_client=http) as (reader, writer, _),
        ClientSession(reader, writer) as session,
    ):
        told = await session.initialize()
        assert told.serverInfo.name == "Zoark"
        yield session


def flat(error: Any) -> Any:
    """Return what is in a group of one error."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def with_client(desk: Served, work: Callable[[ClientSession], Awaitable[Any]], token: str | None = None) -> Any:
    """Do something as the official client of the protocol."""

    async def main() -> Any:
        async with connected(desk, token or desk.token()) as session:
            return await work(session)

    return anyio.run(main)


def test_agents_are_tools_of_those_who_may_run_them(desk: Served, bob: User) -> None:
    first = desk.at.agent("fake-1", name="Café clerk!", role="Clerk", goal="Answer guests")
    second = desk.at.agent("fake-1", name="Cafe Clerk")

    async def listed(session: ClientSession) -> dict[str, Tool]:
        return {tool.name: tool for tool in (await session.list_tools()).tools}

    found = with_client(desk, listed)
    assert found["cafe_clerk"].meta == {"zoark/agent_id": first}
    assert (found["cafe_clerk"].title, found["cafe_clerk"].description) == ("Café clerk!", "Clerk: Answer guests")
    assert found[f"cafe_clerk_{second[-6:]}"].meta == {"zoark/agent_id": second}
    bobs = desk.core.tokens.create(bob, "mcp", ["agents:read", "runs:write"], 1).secret.get_secret_value()
    assert with_client(desk, listed, bobs) == {}

    async def call(session: ClientSession) -> CallToolResult:
        return await session.call_tool("cafe_clerk", {"input": "Hello"})

    refused = with_client(desk, call, bobs)
    assert refused.isError
    assert desk.runs_of(first) == []


def test_a_tool_call_is_a_run_that_tells_of_its_progress(desk: Served) -> None:
    agent_id = desk.at.agent("fake-1@tool=1@text=Well done.", name="Adder", tools=["calculator"])
    told: list[tuple[float, str | None]] = []

    async def note(progress: float, _total: float | None, message: str | None) -> None:
        told.append((progress, message))

    async def call(session: ClientSession) -> CallToolResult:
        return await session.call_tool("adder", {"input": "What is it?"}, progress_callback=note)

    result = with_client(desk, call)
    run = desk.only_run(agent_id)
    assert (result.isError, result.content[0].text, run.output) == (False, "Well done.", "Well done.")
    assert result.structuredContent == {
        "run_id": run.id,
        "status": "succeeded",
        "output": "Well done.",
        "cost_micros": 720,
        "input_tokens": 200,
        "output_tokens": 40,
    }
    messages = [message for _, message in told]
    assert [progress for progress, _ in told] == sorted({progress for progress, _ in told})
    assert messages[0] == "Waiting for a worker"
    assert "Using the tool calculator" in messages
    assert len(messages) < len(desk.at.events(run))


def test_what_goes_wrong_is_the_result_of_the_call(desk: Served) -> None:
    agent_id = desk.at.agent("fake-1@fault=401", name="Broken")
    wrong: list[tuple[str, dict[str, Any], str]] = [
        ("broken", {"input": "Hello"}, "does not accept this key"),
        ("broken", {"input": 3}, "Send one argument"),
        ("broken", {}, "Send one argument"),
        ("nobody", {"input": "Hello"}, "does not exist"),
    ]

    async def call(session: ClientSession) -> list[CallToolResult]:
        return [await session.call_tool(name, arguments) for name, arguments, _ in wrong]

    for result, (_, _, sentence) in zip(with_client(desk, call), wrong, strict=True):
        assert result.isError
        assert sentence in result.content[0].text
    assert desk.only_run(agent_id).error.code == "bad_key"  # type: ignore[union-attr]


@pytest.mark.parametrize("how", ["cancelled", "gone"])
def test_a_call_that_is_not_waited_for_any_more_is_cancelled(desk: Served, how: str) -> None:
    agent_id = desk.at.agent("fake-1@latency=60000", name=f"Slow {how}")

    async def call(session: ClientSession) -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(session.call_tool, f"slow_{how}", {"input": "Hello"})
            await anyio.to_thread.run_sync(desk.is_asked, agent_id)
            if how == "cancelled":
                # The client counts its requests: 0 was the beginning, 1 is the call.
                params = CancelledNotificationParams(requestId=1)
                await session.send_notification(ClientNotification(CancelledNotification(params=params)))
                await anyio.to_thread.run_sync(desk.only_run, agent_id)
            group.cancel_scope.cancel()

    with_client(desk, call)
    assert desk.only_run(agent_id).status == "cancelled"


def test_nobody_speaks_mcp_without_a_token_or_from_another_site(desk: Served) -> None:
    good = {"Authorization": f"Bearer {desk.token()}"}
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    accept = {"Accept": "application/json, text/event-stream"}
    narrow = {"Authorization": f"Bearer {desk.token(['agents:read'])}"}
    own = {"Origin": desk.mcp_url.removesuffix("/api/v1/mcp")}
    rebound = {"Origin": "http://evil.example:8501", "Host": "evil.example:8501"}
    for headers, status in (
        (good, 200),
        (good | own, 200),
        (good | rebound, 403),
        (good | {"Origin": "null"}, 403),
        (narrow, 403),
        ({}, 401),
        ({"Authorization": "Bearer zoark_" + "0" * 49}, 401),
    ):
        answer = httpx.post(desk.mcp_url, json=ping, headers=accept | headers, timeout=60)
        assert answer.status_code == status, headers
        assert (answer.headers.get("www-authenticate") == "Bearer") == (status == 401)
    for text, status in (("", 400), ("[]", 400), ("{", 422), ('{"method": "x"}', 400), ('"\\u0000"', 422)):
        sent = {**accept, **good, "Content-Type": "application/json"}
        answer = httpx.post(desk.mcp_url, content=text, headers=sent, timeout=60)
        assert answer.status_code == status, text
    assert httpx.get(desk.mcp_url, headers=good | accept, timeout=60).status_code == 405
    assert httpx.delete(desk.mcp_url, headers=good, timeout=60).status_code == 204


def test_what_the_document_shows_works(desk: Served, capsys: pytest.CaptureFixture[str]) -> None:
    agent_id = desk.at.agent("fake-1", name="Tool name")
    shown = {
        "https://zoark.example.com/api/v1/mcp": desk.mcp_url,
        "agent_id": agent_id,
        "zoark_token": desk.token(),
    }
    shown["https://zoark.example.com/api/v1/openai/v1"] = desk.openai_url
    programs = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "protocols.md").read_text("utf-8"), re.DOTALL)
    assert len(programs) == 3
    for program in programs:
        for placeholder, value in shown.items():
            program = program.replace(placeholder, value)
        exec(compile(program, "protocols.md", "exec"), {})
        assert "Fake answer" in capsys.readouterr().out
    assert {run.status for run in desk.runs_of(agent_id)} == {"succeeded"}


def test_a_server_that_stops_ends_what_is_open_and_waits_for_nothing(desk: Served, client: OpenAI) -> None:
    """The last test here: the server is gone after it."""
    names = ("whole", "streamed", "called")
    agents = {name: desk.at.agent("fake-1@latency=60000", name=f"Last {name}") for name in names}
    patient = client.with_options(max_retries=0)

    async def call(session: ClientSession) -> str:
        # Cut off by the transport, or answered by the run just before that: the client hears of it either way.
        result = await session.call_tool("last_called", {"input": "Hello"})
        return str(result.content[0].text)

    with ThreadPoolExecutor(3) as pool:
        asked = {
            "whole": pool.submit(patient.chat.completions.create, model=agents["whole"], messages=said("Hello")),
            "streamed": pool.submit(
                lambda: list(
                    patient.chat.completions.create(model=agents["streamed"], messages=said("Hello"), stream=True)
                )
            ),
            "called": pool.submit(with_client, desk, call),
        }
        for agent_id in agents.values():
            desk.is_asked(agent_id)
        desk.app.stop()
        errors: dict[str, Any] = {name: one.exception(90) or one.result() for name, one in asked.items()}
    assert desk.app.process is not None
    assert desk.app.process.returncode != -9  # it was not killed
    assert isinstance(errors["whole"], openai.InternalServerError)
    assert (errors["whole"].status_code, errors["whole"].code) == (503, "stopping")
    assert isinstance(errors["streamed"], openai.APIError)
    assert errors["streamed"].code == "stopping"
    assert "is being restarted" in str(flat(errors["called"]))
    assert {desk.only_run(agent_id).status for agent_id in agents.values()} == {"cancelled"}
