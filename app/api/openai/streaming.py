"""A run as a stream of OpenAI's chunks.

An agent without tools makes one model call, so the text of that call is the answer and is passed on while it is
written. With tools nobody can tell a thought from the answer before the call is over: then the answer is sent when
it is known, in pieces, and comments keep the connection alive until then.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import anyio
from sse_starlette import EventSourceResponse
from starlette.types import Receive, Scope, Send

from app import runtime
from app.api.open_runs import OpenRun, in_thread
from app.api.openai.answers import ChatUsage, Chunks, sse, text_of, usage_of
from app.api.openai.errors import body_of
from app.api.statuses import status_of
from core.accounts.models import User
from core.errors import CoreError
from core.runs.models import Run, RunError, RunEvent

PIECE = 400
# A run that waits for a person says so.
ANSWERED = frozenset({"succeeded", "waiting"})
PING_SECONDS = 10
# Who does not take what is sent is gone.
SEND_SECONDS = 60
# A server that stops says so in the stream first.
GOODBYE_SECONDS = 3


class AnswerBroken(CoreError):
    """The model broke off its answer and began anew. Please ask again."""

    code = "answer_broken"
    retryable = True


class LiveText:
    """The text of the answer as far as it is known while the run works."""

    def __init__(self, *, is_live: bool) -> None:
        """With ``is_live`` what the model writes is the answer."""
        self._is_live = is_live
        self._call_id: str | None = None
        self._held = ""
        self.sent = ""

    def take(self, event: RunEvent) -> str:
        """Return what may be sent of it now.

        Raises:
            AnswerBroken: the model begins again, though part of its answer was sent.
        """
        if not self._is_live or event.kind != "model_text":
            return ""
        if event.data["call_id"] != self._call_id:
            if self.sent:
                raise AnswerBroken
            self._call_id, self._held = event.data["call_id"], ""
        text = self._held + str(event.data["text"])
        if not self.sent:
            text = text.lstrip()
        # The answer ends without space; only what follows shows whether this is its end.
        shown = text.rstrip()
        self._held = text[len(shown) :]
        self.sent += shown
        return shown

    def rest(self, output: str) -> str:
        """Return what is missing of the whole answer; raises ``AnswerBroken`` when it is another one."""
        if not output.startswith(self.sent):
            raise AnswerBroken
        return output[len(self.sent) :]


class ChatStream(EventSourceResponse):
    """The streamed answer. The run is cancelled when the client goes away before its end."""

    def __init__(self, opened: OpenRun, actor: User, *, is_live: bool, wants_usage: bool) -> None:
        """Answer with the run of ``opened``, and close it."""
        self._opened = opened
        self._actor = actor
        self._chunks = Chunks(opened.run, has_usage=wants_usage)
        self._text = LiveText(is_live=is_live)
        headers = {"X-Run-Id": opened.run.id, "Cache-Control": "no-store"}
        super().__init__(
            self._pieces(),
            headers=headers,
            ping=PING_SECONDS,
            sep="\n",
            send_timeout=SEND_SECONDS,
            shutdown_event=anyio.Event(),
            shutdown_grace_period=GOODBYE_SECONDS,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, whatever happens on the way."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._opened.close()

    async def _pieces(self) -> AsyncIterator[bytes]:
        try:
            yield self._chunks.role()
            async for events in self._opened.events():
                for event in events:
                    if self._text.sent and event.kind == "model_call_failed":
                        yield _failure(RunError(str(event.data["code"]), str(event.data["message"])))
                        return
                    if delta := self._text.take(event):
                        yield self._chunks.text(delta)
            run = await self._opened.result()
            if run.status not in ANSWERED:
                yield _failure(run.error)
                return
            for piece in _cut(self._text.rest(text_of(run))):
                yield self._chunks.text(piece)
            yield self._chunks.end(await usage(self._actor, run))
        except AnswerBroken as error:
            yield _failure(RunError(error.code, error.sentence))
        except CoreError as error:
            yield sse(body_of(status_of(error), error.code, error.sentence))


async def usage(actor: User, run: Run) -> ChatUsage | None:
    """Return what all model calls of a run used."""
    runs = runtime.get_core().runs
    return usage_of(run, await in_thread(lambda: runs.model_calls(actor, run.id)))


def _failure(error: RunError | None) -> bytes:
    told = error or RunError("cancelled", "The run was cancelled.")
    return sse(body_of(424, told.code, told.message))


def _cut(text: str) -> Iterator[str]:
    for start in range(0, len(text), PIECE):
        yield text[start : start + PIECE]
