"""The faults that look the same whatever the provider: they happen below its wire format."""

import asyncio

from tests.fakes.behaviour import Options
from tests.fakes.http import HangUp, Reply

HUGE_PIECE = b'{"id": "' + b"a" * 65_500 + b'", "object": "model"},'


async def break_down(fault: str, reply: Reply, options: Options) -> None:
    """Plays one of behaviour.BREAKDOWNS. Raises HangUp when the connection ends with it."""
    match fault:
        case "hang":
            await asyncio.Event().wait()
        case "close":
            raise HangUp
        case "badjson":
            await reply.send(200, b"<html><body>502 Bad Gateway</body></html>", "text/html")
        case "redirect":
            await reply.send(307, b"", headers={"location": options.location})
        case "huge":
            await reply.start(200, "application/json")
            await reply.chunk(b'{"object": "list", "data": [')
            for _ in range(options.huge_mb * 1024 * 1024 // len(HUGE_PIECE)):
                await reply.chunk(HUGE_PIECE)
            await reply.end(b"{}]}")
        case _:
            raise ValueError(f"unknown fault {fault!r}")
