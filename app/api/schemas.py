"""What every body and every answer has in common."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any, Generic, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    Strict,
)
from pydantic_core import PydanticUndefined

T = TypeVar("T")

Id = Annotated[str, Field(max_length=60, description="An opaque id.", examples=["agent_01jd8x…"])]
# Money. JavaScript's numbers are exact up to here: nine billion dollars.
MAX_MICROS = 9_007_199_254_740_991
Micros = Annotated[int, Field(ge=0, le=MAX_MICROS, description="Micro-dollars: 1000000 is one dollar.")]
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
# Further on a time zone could lead past the last year that there is.
END = datetime(9000, 1, 1, tzinfo=UTC)


def _is_moment(value: object) -> object:
    if not re.match(r"\d{4}-\d\d-\d\d[Tt ]", str(value)):
        raise ValueError("write it such as 2026-01-31T12:00:00Z")  # numbers would be seconds
    return value


def _is_day(value: object) -> object:
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", str(value)):
        raise ValueError("write it such as 2026-01-31")  # numbers would be seconds
    return value


def _in_reach(moment: datetime) -> datetime:
    if not BEGINNING <= moment < END:
        raise ValueError("a moment from 1970 on is needed")
    return moment.astimezone(UTC)


# ISO 8601 only: in bodies, and behind the question mark.
Moment = Annotated[AwareDatetime, Strict(False), BeforeValidator(_is_moment), AfterValidator(_in_reach)]
Day = Annotated[date, Strict(False), BeforeValidator(_is_day)]


class Input(BaseModel):
    """A body: unknown fields are refused, and nothing is converted but what says so, such as ``Moment``."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Change(Input):
    """Makes every field optional: ``class AgentChange(Change, AgentDraft)``. What is left out stays as it is.

    Read it with ``model_dump(exclude_unset=True)``.
    """

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Take the defaults away, so that the description does not promise them."""
        super().__pydantic_init_subclass__(**kwargs)
        for field in cls.model_fields.values():
            field.default, field.default_factory = PydanticUndefined, _nothing
        cls.model_rebuild(force=True)


def _nothing() -> None:
    return None


class Query(BaseModel):
    """What stands behind the question mark: unknown names are refused."""

    model_config = ConfigDict(extra="forbid")


class Output(BaseModel):
    """An answer; it is read off a value of the core by its fields' names."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)


class Page(Output, Generic[T]):
    """A piece of a list; ``next`` is the ``cursor`` of the piece after it, null at the end."""

    items: list[T]
    next: str | None


def _plain(value: tuple[str, ...]) -> list[str]:
    return list(value)


Strings = Annotated[tuple[str, ...], PlainSerializer(_plain, return_type=list[str])]
