"""Spans of time behind the question mark: ``from`` and ``to``, as days or as moments."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated

from pydantic import Field, PlainValidator, StringConstraints, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from app.api.schemas import Query
from core import clock

LONGEST = timedelta(days=400)
USUAL_DAYS = 30
FIRST_YEAR, LAST_YEAR = 2000, 2100
MAX_TEXT = 40
DAY = len("2026-11-24")


def _read(text: object) -> object:
    """Return a day, or a moment in UTC."""
    try:
        found = date.fromisoformat(str(text)) if len(str(text)) <= DAY else datetime.fromisoformat(str(text))
    except ValueError:
        raise PydanticCustomError("moment", "Write it as 2026-11-24 or 2026-11-24T08:00:00Z") from None
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise PydanticCustomError("moment", "Choose a year between 2000 and 2100")
    if isinstance(found, datetime):
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    return found


# No union of the two: it would stand in the place that an error names.
Moment = Annotated[
    date | datetime | None,
    PlainValidator(_read),
    WithJsonSchema({"type": "string", "maxLength": MAX_TEXT, "examples": ["2026-11-24", "2026-11-24T08:00:00Z"]}),
]
Month = Annotated[
    str,
    StringConstraints(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$", max_length=7),
    Field(description="A month, in UTC.", examples=["2026-11"]),
]


class SpanQuery(Query):
    """Which time: a day is in it as a whole, a moment in ``to`` is not. The last 30 days where nothing is said."""

    from_: Annotated[Moment, Field(alias="from", description="The first day, or moment (UTC).")] = None
    to: Annotated[Moment, Field(description="The last day, or the moment after (UTC).")] = None

    @property
    def until(self) -> datetime:
        """The first moment after it."""
        if isinstance(self.to, datetime):
            return self.to
        return _begin((self.to or clock.now().date()) + timedelta(days=1))

    @property
    def since(self) -> datetime:
        """Its first moment."""
        if isinstance(self.from_, datetime):
            return self.from_
        return _begin(self.from_ or (self.until - timedelta(days=USUAL_DAYS)).date())

    @model_validator(mode="after")
    def _check(self) -> SpanQuery:
        if self.since > self.until:
            raise PydanticCustomError("span", "It ends before it begins")
        if self.until - self.since > LONGEST:
            raise PydanticCustomError("span", "It is longer than 400 days")
        return self


def _begin(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
