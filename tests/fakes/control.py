"""The fake's remote control, for when it runs in another process: /_log, /_totals, /_reset, /_options."""

from typing import Protocol

from tests.fakes.behaviour import Options
from tests.fakes.http import Reply, Request
from tests.fakes.request_log import RequestRecord, Totals


class Controlled(Protocol):
    options: Options
    accepted_connections: int

    @property
    def requests(self) -> list[RequestRecord]: ...

    @property
    def max_in_flight(self) -> int: ...

    def totals(self, key: str | None = None) -> Totals: ...

    def reset(self) -> None: ...


def is_control(request: Request) -> bool:
    return request.path.startswith("/_")


async def answer_control(request: Request, reply: Reply, server: Controlled) -> None:
    try:
        found = _found(request, server)
    except ValueError as error:
        await reply.send_json(400, {"error": str(error)})
        return
    await reply.send_json(404 if found is None else 200, found)


def _found(request: Request, server: Controlled) -> object:
    match request.path:
        case "/_log":
            return [record.as_json() for record in server.requests]
        case "/_totals":
            return {
                **server.totals(request.query.get("key"))._asdict(),
                "requests": len(server.requests),
                "accepted_connections": server.accepted_connections,
                "max_in_flight": server.max_in_flight,
            }
        case "/_reset":
            server.reset()
            return {}
        case "/_options":
            server.options.update_from_text(request.query)
            return server.options.as_json()
        case _:
            return None
