"""Just enough HTTP/1.1 for a fake provider: keep-alive, chunked bodies both ways, and the one thing
ready-made servers hide: noticing at once that the client has left while an answer is still being made."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlsplit

MAX_HEAD_BYTES = 64 * 1024
READ_BYTES = 64 * 1024
# Providers also use statuses of their own, such as 529.
PHRASES = {status.value: status.phrase for status in HTTPStatus}
LAST_CHUNK = b"0\r\n\r\n"


class HangUp(Exception):
    """The fake closes the connection here on purpose."""


class BadRequest(Exception):
    """The client sent something that is not HTTP/1.1."""


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def text(self) -> str:
        return self.body.decode("utf-8", errors="replace")

    def json_object(self) -> dict[str, Any]:
        """The body as a JSON object. Raises ValueError when it is anything else."""
        value = json.loads(self.body or b"{}")
        if not isinstance(value, dict):
            raise ValueError("the body is not a JSON object")
        return value

    def wants_close(self) -> bool:
        return self.headers.get("connection", "").lower() == "close"


class Reply:
    """Writes one response: `send` for a whole one, or `start`, `chunk`…, `end` for a stream."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    async def send(
        self,
        status: int,
        body: bytes,
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        head = _head(status, {"content-type": content_type, "content-length": str(len(body)), **(headers or {})})
        await self._write(head + body)

    async def send_json(self, status: int, value: object, headers: Mapping[str, str] | None = None) -> None:
        await self.send(status, json.dumps(value).encode(), headers=headers)

    async def start(self, status: int, content_type: str, headers: Mapping[str, str] | None = None) -> None:
        await self._write(
            _head(status, {"content-type": content_type, "transfer-encoding": "chunked", **(headers or {})})
        )

    async def chunk(self, data: bytes) -> None:
        await self._write(_chunk(data))

    async def end(self, data: bytes = b"") -> None:
        """The last data and the end mark in one write, so that a client holds either both or neither."""
        await self._write((_chunk(data) if data else b"") + LAST_CHUNK)

    async def _write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()


Handler = Callable[[Request, Reply], Awaitable[None]]


async def serve_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, handle: Handler) -> None:
    """Answers requests one after the other until either side closes."""
    incoming = _Incoming(reader)
    try:
        while request := await incoming.next_request():
            stayed = await _answer_while_client_stays(request, Reply(writer), incoming, handle)
            if not stayed or request.wants_close():
                break
    except BadRequest as error:
        await Reply(writer).send(400, str(error).encode(), "text/plain", {"connection": "close"})
    except (HangUp, ConnectionError):
        pass
    finally:
        writer.close()


async def _answer_while_client_stays(
    request: Request, reply: Reply, incoming: "_Incoming", handle: Handler
) -> bool:
    """False when the client left first; the handler then sees CancelledError."""
    answering = asyncio.ensure_future(handle(request, reply))
    leaving = asyncio.ensure_future(incoming.client_leaves())
    try:
        await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not answering.done():
            return False
        answering.result()
        return True
    finally:
        answering.cancel()
        leaving.cancel()
        await asyncio.gather(answering, leaving, return_exceptions=True)


class _Incoming:
    """Reads requests, and may read ahead while one is being answered without losing a byte."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self._ahead = bytearray()

    async def client_leaves(self) -> None:
        """Returns when the client has closed its side."""
        try:
            while await self._read_more():
                pass
        except ConnectionError:
            pass

    async def next_request(self) -> Request | None:
        """None when the client has closed."""
        head = await self._take_until(b"\r\n\r\n")
        if head is None:
            return None
        request_line, *header_lines = head.decode("latin-1").split("\r\n")
        try:
            method, target, _version = request_line.split(" ")
        except ValueError:
            raise BadRequest(f"not a request line: {request_line[:80]!r}") from None
        headers = {
            name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in header_lines)
        }
        body = await self._take_body(headers)
        if body is None:
            return None
        url = urlsplit(target)
        return Request(method, url.path, dict(parse_qsl(url.query, keep_blank_values=True)), headers, body)

    async def _take_body(self, headers: Mapping[str, str]) -> bytes | None:
        try:
            if headers.get("transfer-encoding", "").lower() == "chunked":
                return await self._take_chunks()
            return await self._take(int(headers.get("content-length", 0)))
        except ValueError:
            raise BadRequest("the length of the body cannot be read") from None

    async def _take_chunks(self) -> bytes | None:
        body = bytearray()
        while True:
            size_line = await self._take_until(b"\r\n")
            if size_line is None:
                return None
            size = int(size_line.split(b";")[0], 16)
            data = await self._take(size + 2)
            if data is None:
                return None
            if size == 0:
                return bytes(body)
            body += data[:size]

    async def _take_until(self, mark: bytes) -> bytes | None:
        while (end := self._ahead.find(mark)) < 0:
            if len(self._ahead) > MAX_HEAD_BYTES:
                raise BadRequest("the head of the request is too long")
            if not await self._read_more():
                return None
        taken = bytes(self._ahead[:end])
        del self._ahead[: end + len(mark)]
        return taken

    async def _take(self, size: int) -> bytes | None:
        while len(self._ahead) < size:
            if not await self._read_more():
                return None
        taken = bytes(self._ahead[:size])
        del self._ahead[:size]
        return taken

    async def _read_more(self) -> bool:
        data = await self._reader.read(READ_BYTES)
        self._ahead += data
        return bool(data)


def _head(status: int, headers: Mapping[str, str]) -> bytes:
    lines = [
        f"HTTP/1.1 {status} {PHRASES.get(status, '')}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"
