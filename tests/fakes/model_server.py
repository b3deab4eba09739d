"""A model provider that costs nothing and does as it is told. In a test: `with FakeModelServer() as fake:`;
for other processes: `python -m tests.fakes.model_server --port N`."""

import argparse
import asyncio
import json
import signal
import threading
from collections.abc import Callable
from copy import deepcopy
from types import TracebackType
from typing import Any, Self

from tests.fakes.behaviour import Options
from tests.fakes.control import answer_control, is_control
from tests.fakes.exchange import Exchange
from tests.fakes.http import Reply, Request, serve_connection
from tests.fakes.request_log import RequestLog, RequestRecord, Totals

HOST = "127.0.0.1"
START_SECONDS = 60.0
STOP_SECONDS = 60.0
BACKLOG = 1024


class FakeModelServer:
    """Speaks every wire found in this package. Options may be given here or changed on `.options` at
    any time; they hold for requests that arrive afterwards."""

    def __init__(self, port: int = 0, **options: Any) -> None:
        self.port = port
        self.options = Options(**options)
        self.accepted_connections = 0
        self._first_options = deepcopy(self.options)
        self._log = RequestLog()
        self._exchange = Exchange(self.options, self._log)
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._ready = threading.Event()
        self._start_error: OSError | None = None

    @property
    def base_url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def openai_url(self) -> str:
        return f"{self.base_url}/v1"

    @property
    def valid_keys(self) -> frozenset[str] | set[str] | None:
        """The same as `options.valid_keys`; every key is right while it is None."""
        return self.options.valid_keys

    @valid_keys.setter
    def valid_keys(self, keys: frozenset[str] | set[str] | None) -> None:
        self.options.valid_keys = keys

    @property
    def requests(self) -> list[RequestRecord]:
        """Everything asked so far, lists of models and unknown paths included."""
        return self._log.records()

    @property
    def chats(self) -> list[RequestRecord]:
        return [record for record in self.requests if record.is_chat]

    @property
    def max_in_flight(self) -> int:
        return self._log.max_in_flight

    def totals(self, key: str | None = None) -> Totals:
        """What the server has billed, to everyone or to one key."""
        return self._log.totals(key)

    def reset(self) -> None:
        """Back to the first options and an empty log; open connections stay open."""
        self.options.become(deepcopy(self._first_options))
        self._exchange.forget_failures()
        self._log.clear()
        self.accepted_connections = 0

    def wait_for(
        self, n_requests: int, timeout_seconds: float = 60.0, finished: bool = False
    ) -> list[RequestRecord]:
        """The requests, once at least `n_requests` have arrived (or have ended). Raises TimeoutError."""

        def is_enough(records: list[RequestRecord]) -> bool:
            return sum(not finished or record.outcome != "pending" for record in records) >= n_requests

        return self.wait_until(is_enough, timeout_seconds)

    def wait_until(
        self, is_enough: Callable[[list[RequestRecord]], bool], timeout_seconds: float = 60.0
    ) -> list[RequestRecord]:
        """The requests, once they satisfy the predicate. Raises TimeoutError."""
        if not self._log.wait_until(is_enough, timeout_seconds):
            seen = [(record.path, record.model, record.outcome) for record in self.requests]
            raise TimeoutError(f"not within {timeout_seconds} s; requests so far: {seen}")
        return self.requests

    def start(self) -> Self:
        self._ready.clear()
        self._thread = threading.Thread(target=self._run, name="fake-model-server", daemon=True)
        self._thread.start()
        if not self._ready.wait(START_SECONDS):
            raise TimeoutError("the fake model server did not start")
        if self._start_error:
            raise self._start_error
        return self

    def stop(self) -> None:
        """Closes every connection; requests under way end as `client_gone`."""
        if self._thread and self._loop and self._stopping and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(STOP_SECONDS)
        self._thread = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except OSError as error:
            self._start_error = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        server = await asyncio.start_server(self._connected, HOST, self.port, backlog=BACKLOG)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stopping.wait()
        server.close()
        # Leaving asyncio.run cancels the connections that are still open.

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted_connections += 1
        try:
            await serve_connection(reader, writer, self._handle)
        except asyncio.CancelledError:
            # Only `stop` cancels a connection; asyncio would print it as an unhandled error.
            writer.transport.abort()

    async def _handle(self, request: Request, reply: Reply) -> None:
        if is_control(request):
            await answer_control(request, reply, self)
        else:
            await self._exchange.answer(request, reply)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 picks a free one")
    server = FakeModelServer(parser.parse_args().port).start()
    print(json.dumps({"port": server.port}), flush=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        server.stop()


if __name__ == "__main__":
    main()
