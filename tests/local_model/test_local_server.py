"""The built-in model for real: shapes and numbers are asserted, not wisdom."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog

from core.errors import LocalModelUnavailable
from core.llm.local.about import FILE, MEMORY_BYTES, MODEL_NAME
from core.llm.local.server import Endpoint, LocalModelServer

pytestmark = pytest.mark.local_model

_REPOSITORY = Path(__file__).parents[2]
_ORDER_TOOL = {
    "type": "function",
    "function": {
        "name": "look_up_order",
        "description": "Look up the status of an order by its number",
        "parameters": {
            "type": "object",
            "properties": {"order_number": {"type": "string", "description": "The order number"}},
            "required": ["order_number"],
        },
    },
}
_QUESTION = {"role": "user", "content": "Where is order 48213? Use the tool."}


@pytest.fixture
def own_server(local_weights: Path, local_server: LocalModelServer) -> Iterator[LocalModelServer]:
    """A server a test may kill; the shared one is stopped meanwhile, so that only one is in memory."""
    local_server.stop()
    server = LocalModelServer(local_weights, idle_seconds=60, threads=1)
    yield server
    server.stop()


def ask(endpoint: Endpoint, *messages: dict[str, Any], key: str | None = None, **options: Any) -> httpx.Response:
    return httpx.post(
        f"{endpoint.base_url}/chat/completions",
        headers={"Authorization": f"Bearer {key or endpoint.api_key}"},
        json={"model": MODEL_NAME, "messages": messages, "temperature": 0, "max_tokens": 60} | options,
        timeout=110,
        trust_env=False,
    )


def say(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def happens_within(seconds: float, has_happened: Callable[[], bool]) -> bool:
    ends_at = time.monotonic() + seconds
    while not has_happened():
        if time.monotonic() > ends_at:
            return False
        time.sleep(0.05)
    return True


def gone_within(pid: int, seconds: float) -> bool:
    return happens_within(seconds, lambda: not is_running(pid))


# --- what it answers --------------------------------------------------------------------------------


def test_model_answers_with_usage(endpoint: Endpoint) -> None:
    answer = ask(endpoint, say("Say hello.")).raise_for_status().json()
    assert answer["model"] == MODEL_NAME
    assert answer["choices"][0]["message"]["content"]
    assert answer["usage"]["prompt_tokens"] > 0
    assert answer["usage"]["completion_tokens"] > 0


def test_stranger_without_the_key_is_refused(endpoint: Endpoint) -> None:
    assert ask(endpoint, say("Say hello."), key="wrong").status_code == 401
    with httpx.Client(timeout=60, trust_env=False) as nobody:
        assert nobody.post(f"{endpoint.base_url}/chat/completions", json={}).status_code == 401
        assert nobody.get(f"{endpoint.base_url}/models").status_code == 401


def test_stream_ends_with_usage(endpoint: Endpoint) -> None:
    text, usage = "", None
    options = {"stream": True, "stream_options": {"include_usage": True}}
    lines = ask(endpoint, say("Count to five."), **options).raise_for_status().text.splitlines()
    events = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
    assert events[-1] == "[DONE]"
    for event in map(json.loads, events[:-1]):
        text += "".join(choice["delta"].get("content") or "" for choice in event["choices"])
        usage = event.get("usage") or usage
    assert len(events) > 3
    assert text
    assert usage is not None
    assert usage["completion_tokens"] > 0


def test_tool_is_called_and_its_result_used(endpoint: Endpoint) -> None:
    first = ask(endpoint, _QUESTION, tools=[_ORDER_TOOL]).raise_for_status().json()["choices"][0]
    assert first["finish_reason"] == "tool_calls"
    call = first["message"]["tool_calls"][0]
    assert call["function"]["name"] == "look_up_order"
    assert json.loads(call["function"]["arguments"]) == {"order_number": "48213"}

    result = {
        "role": "tool",
        "tool_call_id": call["id"],
        "content": "Order 48213: shipped with DHL, arrives 20 March.",
    }
    second = ask(endpoint, _QUESTION, first["message"], result, tools=[_ORDER_TOOL]).raise_for_status().json()
    message = second["choices"][0]["message"]
    assert not message.get("tool_calls")
    assert "DHL" in message["content"]


def test_answer_obeys_a_json_schema(endpoint: Endpoint) -> None:
    schema = {
        "type": "object",
        "properties": {
            "team": {"type": "string", "enum": ["billing", "shipping", "account"]},
            "urgent": {"type": "boolean"},
        },
        "required": ["team", "urgent"],
        "additionalProperties": False,
    }
    wanted = {"type": "json_schema", "json_schema": {"name": "triage", "schema": schema, "strict": True}}
    answer = ask(endpoint, say("Triage: I was charged twice."), response_format=wanted).raise_for_status().json()
    triage = json.loads(answer["choices"][0]["message"]["content"])
    assert set(triage) == {"team", "urgent"}
    assert triage["team"] in {"billing", "shipping", "account"}
    assert isinstance(triage["urgent"], bool)


def test_text_longer_than_the_context_is_refused_at_once(endpoint: Endpoint) -> None:
    answer = ask(endpoint, say("invoice " * 5000))
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "exceed_context_size_error"


# --- the process --------------------------------------------------------------------------------------


def test_key_is_in_no_process_list(local_server: LocalModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOARK_MASTER_KEYS", "1:secret")
    local_server.stop()
    with local_server.lease() as endpoint:
        proc = Path(f"/proc/{local_server.pid}")
        seen = (proc / "cmdline").read_bytes() + (proc / "environ").read_bytes()
        assert endpoint.api_key.encode() not in seen
        assert b"ZOARK_MASTER_KEYS" not in seen
        assert endpoint.api_key not in repr(endpoint)


def test_server_listens_on_loopback_only(local_server: LocalModelServer, endpoint: Endpoint) -> None:
    table = Path(f"/proc/{local_server.pid}/net/tcp").read_text().splitlines()[1:]
    listening = [row.split()[1] for row in table if row.split()[3] == "0A"]
    assert f"0100007F:{endpoint.port:04X}" in listening
    assert f"00000000:{endpoint.port:04X}" not in listening


def test_server_needs_no_more_memory_than_promised(local_server: LocalModelServer, endpoint: Endpoint) -> None:
    ask(endpoint, say("Say hello.")).raise_for_status()
    status = Path(f"/proc/{local_server.pid}/status").read_text().splitlines()
    resident_bytes = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmRSS"))
    assert FILE.size_bytes < resident_bytes <= MEMORY_BYTES


def test_second_caller_gets_the_same_server(local_server: LocalModelServer, endpoint: Endpoint) -> None:
    seen: list[Endpoint] = []
    threads = [threading.Thread(target=lambda: seen.append(local_server.ensure())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [endpoint] * 3


def test_server_outlives_the_thread_that_started_it(own_server: LocalModelServer) -> None:
    starter = threading.Thread(target=own_server.ensure)
    starter.start()
    starter.join()
    pid = own_server.pid
    time.sleep(0.5)
    assert pid is not None
    assert own_server.pid == pid
    ask(own_server.ensure(), say("Say hello."), max_tokens=3).raise_for_status()


def test_dead_server_is_started_again(own_server: LocalModelServer) -> None:
    before = own_server.ensure()
    first_pid = own_server.pid
    assert first_pid is not None
    os.kill(first_pid, signal.SIGKILL)
    assert happens_within(60, lambda: own_server.pid is None)
    after = own_server.ensure()
    assert after.api_key != before.api_key
    ask(after, say("Say hello."), max_tokens=3).raise_for_status()


def test_idle_server_is_stopped_but_a_leased_one_is_not(own_server: LocalModelServer) -> None:
    with own_server.lease():
        pid = own_server.pid
        assert not own_server.stop_if_idle(time.monotonic() + 1000)
    assert not own_server.stop_if_idle(time.monotonic() + 30)
    assert own_server.pid == pid
    assert own_server.stop_if_idle(time.monotonic() + 61)
    assert own_server.pid is None
    assert pid is not None
    assert not is_running(pid)
    assert not own_server.stop_if_idle(time.monotonic() + 1000)


def test_terminated_server_leaves_at_once(own_server: LocalModelServer) -> None:
    own_server.ensure()
    pid = own_server.pid
    assert pid is not None
    os.kill(pid, signal.SIGTERM)
    assert gone_within(pid, 60)


_PARENT = """
import os, sys
from pathlib import Path
from core.config import load_settings
from core.llm.local.server import LocalModelServer
from core.logs import set_up_logs
set_up_logs(load_settings())  # to stderr, as everywhere: a line among those that we print would break them
server = LocalModelServer(Path(sys.argv[1]))
server.ensure()
holder = os.fork() if sys.argv[2] == "forked" else 1
if holder == 0:
    # An heir of all our pipes: the server never sees the end of its stdin.
    import time
    time.sleep(600)
    os._exit(0)
print(f"pids {server.pid} {holder}\\n", end="", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("kind", ["alone", "forked"])
def test_killed_parent_leaves_no_server_behind(
    own_server: LocalModelServer, local_weights: Path, kind: str
) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", _PARENT, str(local_weights), kind],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=_REPOSITORY,
        text=True,
    )
    assert parent.stdout is not None
    try:
        line = next(line for line in parent.stdout if line.startswith("pids"))
        pid, heir = map(int, line.split()[1:])
        assert is_running(pid)
    finally:
        parent.kill()
        parent.wait()
    try:
        assert gone_within(pid, 60)
    finally:
        if heir != 1:
            os.kill(heir, signal.SIGKILL)
        assert parent.stdin is not None
        parent.stdin.close()
        parent.stdout.close()


def test_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(LocalModelUnavailable, match=r"its file none\.gguf is missing"):
        LocalModelServer(tmp_path / "none.gguf").ensure()


def test_damaged_file_is_said_and_its_cause_only_logged(tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"not a model" * 1000)
    server = LocalModelServer(broken)
    with (
        structlog.testing.capture_logs() as logged,
        pytest.raises(LocalModelUnavailable, match=r"its server did not start\.$"),
    ):
        server.ensure()
    assert server.pid is None
    (entry,) = [entry for entry in logged if entry["log_level"] == "error"]
    assert entry["said"]
    assert entry["exit_code"]
