"""Today's date: language models do not know it."""

from __future__ import annotations

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, Field

from core import clock
from core.tools.base import Tool, ToolContext


class Arguments(BaseModel):
    """What the tool takes."""

    time_zone: str = Field("UTC", description="IANA time zone such as Europe/Berlin", max_length=60)


def current_date(arguments: BaseModel, _: ToolContext | None = None) -> str:
    """Return the date, weekday and time in a time zone.

    Raises:
        ValueError: there is no such time zone.
    """
    assert isinstance(arguments, Arguments)  # noqa: S101 - narrows the type; the adapter has validated it
    try:
        moment = clock.now().astimezone(ZoneInfo(arguments.time_zone or "UTC"))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"There is no time zone called {arguments.time_zone}.") from None
    return moment.strftime("%A, %Y-%m-%d, %H:%M ") + (arguments.time_zone or "UTC")


TOOL = Tool(
    name="current_date",
    label="Current date",
    description="Tells today's date, weekday and time. Use it whenever an answer depends on the date.",
    arguments=Arguments,
    run=current_date,
)
