"""Events of a run as they happen, in the format that a browser's EventSource reads."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from app.api.event_hub import Listener, hub
from app.api.principal import Principal
from core import clock

MEDIA_TYPE = "text/event-stream"
HEARTBEAT_SECONDS = 15.0
# Who lost the connection comes back after a second.
OPENING = b"retry: 1000\n\n"
HEARTBEAT = b":\n\n"


class EventStream(StreamingResponse):
    """Answers with the events of a run after number ``after``, until it has ended."""

    media_type = MEDIA_TYPE

    def __init__(self, run_id: str, after: int, principal: Principal) -> None:
        """The caller has checked that ``principal`` may see the run."""
        # A proxy that collects an answer before it passes it on would hold everything back.
        super().__init__(_nothing(), headers={"X-Accel-Buffering": "no"})
        self._run_id = run_id
        self._after = after
        self._principal = principal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Listen for as long as the answer lasts."""
        with hub().listen(self._run_id, self._principal) as listener:
            self.body_iterator = _written(listener, self._after)
            await super().__call__(scope, receive, send)


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield


async def _written(listener: Listener, position: int) -> AsyncIterator[bytes]:
    yield OPENING
    said_at = clock.monotonic_seconds()
    while not listener.must_leave:
        if found := await listener.after(position):
            position = found[-1].event.seq
            yield b"".join(one.text for one in found)
            said_at = clock.monotonic_seconds()
        elif listener.has_all(position):
            # Without an id, so that who comes back after the end asks for what comes after the last event.
            yield f"event: end\ndata: {json.dumps({'status': listener.status})}\n\n".encode()
            return
        elif not await listener.changed(max(0.0, said_at + HEARTBEAT_SECONDS - clock.monotonic_seconds())):
            yield HEARTBEAT
            said_at = clock.monotonic_seconds()
