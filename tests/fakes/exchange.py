"""One request from its arrival to its outcome: log, wait, check the key, fail as told or answer, bill."""

import asyncio
import json
from collections import Counter
from dataclasses import replace

from tests.fakes.answers import Prompt, plan_answer
from tests.fakes.behaviour import BREAKDOWNS, REFUSALS, Options
from tests.fakes.breakdowns import break_down
from tests.fakes.http import HangUp, Reply, Request
from tests.fakes.request_log import RequestLog, RequestRecord
from tests.fakes.wire import Json, Stream, Wire, find_wires

DRIP_MS = 100
HOLD_SECONDS = 0.02


class Exchange:
    def __init__(self, options: Options, log: RequestLog) -> None:
        self._options = options
        self._log = log
        self._wires = find_wires()
        self._asked: Counter[tuple[str, str]] = Counter()

    def forget_failures(self) -> None:
        self._asked.clear()

    async def answer(self, request: Request, reply: Reply) -> None:
        """Outcomes are written down before the bytes that show them are sent: a test may look at once."""
        record = self._log.open_record(request)
        try:
            await self._answer(request, reply, record)
        except ConnectionError:
            raise
        except HangUp:
            self._log.close_record(record, "fault")
            raise
        except Exception as error:
            # An option nobody knows or a body no wire can read: loud, and nothing a client would retry.
            misuse = {"error": {"message": f"fake model server: {error!r}", "type": "fake", "code": "fake_misused"}}
            await self._refuse(400, misuse, reply, record)
        finally:
            self._log.close_record(record, "client_gone")

    async def _answer(self, request: Request, reply: Reply, record: RequestRecord) -> None:
        for wire in self._wires:
            if wire.is_chat(request):
                return await self._answer_chat(wire, request, reply, record)
            if (listing := wire.listing(request, self._options)) is not None:
                return await self._answer_listing(wire, listing, reply, record)
        missing = {"error": {"message": f"no route {request.method} {request.path}", "code": "unknown_url"}}
        await self._refuse(404, missing, reply, record)

    async def _answer_listing(self, wire: Wire, listing: Json, reply: Reply, record: RequestRecord) -> None:
        options = self._options_on("models").for_model("")
        fault = await self._fault_met(wire, options, record)
        if not await self._failed(wire, fault, options, reply, record):
            await self._send_whole(listing, fault, options, reply, record)

    async def _answer_chat(self, wire: Wire, request: Request, reply: Reply, record: RequestRecord) -> None:
        record.is_chat = True
        prompt = wire.prompt(request)
        record.model, record.stream, record.message_count = prompt.model, prompt.stream, prompt.message_count
        record.tool_names = [tool.name for tool in prompt.tools]
        while self._options.hold and self._options.hold in prompt.model:
            await asyncio.sleep(HOLD_SECONDS)
        options = self._options_on("chat").for_model(prompt.model)
        fault = await self._fault_met(wire, options, record)
        if await self._failed(wire, fault, options, reply, record):
            return None
        if objection := wire.objection(prompt, options):
            return await self._refuse(*objection, reply, record)
        await self._send_answer(wire, prompt, fault, options, reply, record)

    def _options_on(self, kind: str) -> Options:
        if self._options.fault_on in {"all", kind}:
            return self._options
        return replace(self._options, fault="", fail_first=0)

    async def _fault_met(self, wire: Wire, options: Options, record: RequestRecord) -> str:
        """The fault of this request, "" for none, after the wait its options ask for."""
        self._asked[record.key, record.model] += 1
        turn = self._asked[record.key, record.model]
        await asyncio.sleep(options.latency / 1000)
        if not wire.accepts_key(record.key, options.valid_keys):
            return "401"
        if record.is_chat and options.strict_models and record.model.split("@")[0] not in options.models:
            return "404"
        if options.fail_first:
            return (options.fault or "503") if turn <= options.fail_first else ""
        return options.fault

    async def _failed(self, wire: Wire, fault: str, options: Options, reply: Reply, record: RequestRecord) -> bool:
        if fault in REFUSALS:
            retry_after = {"retry-after": str(options.retry_after)} if options.retry_after != "" else {}
            await self._refuse(*wire.refusal(fault, record.model, record.key), reply, record, retry_after)
        elif fault in BREAKDOWNS:
            if fault in {"badjson", "redirect"}:
                self._log.close_record(record, "fault")
            await break_down(fault, reply, options)
            self._log.close_record(record, "fault")
        else:
            return False
        return True

    async def _refuse(
        self,
        status: int,
        body: Json,
        reply: Reply,
        record: RequestRecord,
        headers: dict[str, str] | None = None,
    ) -> None:
        self._log.close_record(record, "fault")
        await reply.send_json(status, body, headers)

    async def _send_answer(
        self, wire: Wire, prompt: Prompt, fault: str, options: Options, reply: Reply, record: RequestRecord
    ) -> None:
        options = replace(options, text=options.text.replace("{key}", record.key))
        answer = plan_answer(record.n, prompt, options, record.markers, record.body)
        if prompt.stream:
            stream = wire.stream(answer, prompt)
            await self._send_stream(stream, wire.stream_content_type, fault, options, reply, record)
        else:
            await self._send_whole(wire.whole(answer), fault, options, reply, record)

    async def _send_whole(
        self, body: Json, fault: str, options: Options, reply: Reply, record: RequestRecord
    ) -> None:
        data = json.dumps(body).encode()
        if fault:
            stream = Stream([], data)
            return await self._send_stream(stream, "application/json", fault, options, reply, record)
        self._bill(record, options)
        await reply.send(200, data)

    async def _send_stream(
        self,
        stream: Stream,
        content_type: str,
        fault: str,
        options: Options,
        reply: Reply,
        record: RequestRecord,
    ) -> None:
        frames, closing, gap = stream.frames, stream.closing, options.gap
        if fault == "half":
            frames = frames[: -(-len(frames) // 2)] or [closing[: len(closing) // 2]]
        elif fault == "drip":
            every = b"".join(frames) + closing
            frames, closing, gap = [bytes([byte]) for byte in every[:-1]], every[-1:], gap or DRIP_MS
        await reply.start(200, content_type)
        for frame in frames:
            await reply.chunk(frame)
            await asyncio.sleep(gap / 1000)
        if fault == "half":
            raise HangUp
        self._bill(record, options)
        await reply.end(closing)

    def _bill(self, record: RequestRecord, options: Options) -> None:
        tokens = (options.pt, options.ct) if record.is_chat else (0, 0)
        self._log.close_record(record, "answered", *tokens)
